-- dbus is dbus-broker or dbus-daemon, as the release has it; util-linux has the PAM service that
-- sessions are opened by, which images leave out.
local PACKAGES <const> = { "systemd", "dbus", "util-linux" }

local function manager(program, ...)
    local command <const> = { program, "install", "--assumeyes", ... }
    return {
        program = program,
        install = { table.move(PACKAGES, 1, #PACKAGES, #command + 1, command) },
    }
end

return {
    name = "Fedora",
    ids = { "fedora", "rhel", "centos", "rocky", "almalinux", "ol", "amzn" },
    managers = {
        manager("dnf", "--setopt=install_weak_deps=0"),
        manager("dnf5", "--setopt=install_weak_deps=0"),
        manager("microdnf", "--setopt=install_weak_deps=0"),
        manager "yum",
    },
    clean = { "/var/cache/dnf", "/var/cache/libdnf5", "/var/cache/yum", "/var/cache/ldconfig" },
    -- Images for application containers mask these, which sessions and consoles need. What else
    -- they mask stays so: a container has an empty fstab, and devices and mounts from its manager.
    unmask = { "systemd-logind.service", "getty.target", "console-getty.service" },
}
