return {
    name = "SUSE",
    ids = { "suse", "opensuse", "opensuse-leap", "opensuse-tumbleweed", "sles", "sled" },
    managers = {
        {
            program = "zypper",
            install = {
                { "zypper", "--non-interactive", "install", "--no-recommends", "systemd", "dbus-1",
                    "util-linux" },
            },
        },
    },
    clean = { "/var/cache/zypp", "/var/cache/ldconfig", "/var/log/zypp" },
}
