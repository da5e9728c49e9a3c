-- What this host can do for containers, feature by feature.

local apparmor <const> = require "sdme.apparmor"
local clone <const> = require "sdme.clone"
local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local host <const> = require "sdme.host"
local kind <const> = require "sdme.kind"
local launcher <const> = require "sdme.launcher"
local network_doctor <const> = require "sdme.network.doctor"
local security <const> = require "sdme.security"

local file <const> = core.file

local M <const> = {}

---@alias sdme.Verdict "yes"|"no"|"limited"|"unknown"

local function is_root()
    local _, effective = core.process.uid()
    return effective == 0
end

local function has_word(path, word)
    for found in (file.read(path) or ""):gmatch "%S+" do
        if found == word then
            return true
        end
    end
    return false
end

-- Whether the kernel that runs has a module, loaded or not (depmod(8), modules.dep(5)).
local function has_module(name)
    local release <const> = (file.read "/proc/sys/kernel/osrelease" or ""):match "%S*"
    local list <const> = file.read("/lib/modules/" .. release .. "/modules.dep", { max = 16 << 20 })
    return list ~= nil and list:find("/" .. name .. ".ko", 1, true) ~= nil
end

-- A directory that exists, on the filesystem that another one will be on.
local function nearest(path)
    while not file.stat(path) do
        path = path:match "^(.+)/[^/]*$" or "/"
    end
    return path
end

-- The host's mounts that a clone shows, and whose owners can't be mapped.
local function unmapped()
    local userns <close> = core.userns.create(config.get "userns_base", 65536)
    local refused <const> = {}
    local targets <const> = clone.submounts(clone.hidden {})
    table.insert(targets, 1, "/")
    for _, path in ipairs(targets) do
        local mount <close>, _, code = core.mount.clone(path, { map_owners = userns })
        if not mount and code == "EUNSUPPORTED" then
            refused[#refused + 1] = path
        end
    end
    return refused
end

-- Each returns a verdict, what was found, and what would help.
local CHECKS <const> = {
    {
        "systemd", "systemd 252 or newer as PID 1",
        function()
            local ok, version = pcall(function()
                return host.manager():version()
            end)
            if not ok then
                return "no", tostring(version), "boot with systemd, and install the package dbus"
            end
            local done, why = pcall(host.check)
            return done and "yes" or "no", "systemd " .. version, not done and tostring(why) or nil
        end,
    },
    {
        "machined", "systemd-machined, which registers containers",
        function()
            local ok, why = pcall(function()
                return host.machines():list()
            end)
            return ok and "yes" or "no", not ok and tostring(why) or nil,
                not ok and "install the package systemd-container" or nil
        end,
    },
    {
        "nspawn", "systemd-nspawn, which runs them",
        function()
            local ok, found = pcall(launcher.nspawn)
            return ok and "yes" or "no", tostring(found),
                not ok and "install the package systemd-container" or nil
        end,
    },
    {
        "overlay", "overlayfs",
        function()
            if has_word("/proc/filesystems", "overlay") then
                return "yes"
            elseif has_module "overlay" then
                return "yes", "by a module that is loaded when it is needed"
            end
            return "no", "the kernel has no overlayfs", "load the module overlay"
        end,
    },
    {
        "datadir", "a data directory that can hold what containers change",
        function()
            local path <const> = nearest(config.get "datadir")
            local ok, found = pcall(launcher.check_upper, path)
            if not ok then
                return "no", tostring(found), found.hint
            end
            return "yes", ("%s is on %s"):format(path, found)
        end,
    },
    {
        "userns", "user namespaces without a copy (--userns)",
        function()
            if not file.stat "/proc/self/ns/user" then
                return "no", "the kernel has no user namespaces"
            elseif not is_root() then
                return "unknown", "only root can tell"
            end
            local refused <const> = unmapped()
            if #refused == 0 then
                return "yes", "by ID-mapped mounts"
            end
            return "limited", "no ID-mapped mounts on " .. table.concat(refused, ", "),
                "there the owners are shifted when a container starts, which takes seconds"
        end,
    },
    {
        "limits", "limits of memory, CPU and tasks",
        function()
            local missing <const> = {}
            for _, controller in ipairs { "memory", "cpu", "pids" } do
                if not has_word("/sys/fs/cgroup/cgroup.controllers", controller) then
                    missing[#missing + 1] = controller
                end
            end
            if #missing == 0 then
                return "yes", "by cgroup v2"
            end
            return "limited", "no cgroup v2 controller " .. table.concat(missing, ", "),
                "limits are set, and what has no controller isn't enforced"
        end,
    },
    {
        "network", "addresses for containers with an interface (--network-veth)",
        function()
            local ok, state = pcall(function()
                return host.manager():unit_property("systemd-networkd.service", "Unit",
                    "ActiveState")
            end)
            if ok and state == "active" then
                return "yes", "by systemd-networkd"
            end
            return "limited", "systemd-networkd isn't running",
                "systemctl enable --now systemd-networkd, or give addresses yourself"
        end,
    },
    {
        "direct-ports", "the host's own connections to ports, straight to the container",
        function()
            local able <const>, why <const>, code <const> = core.port.check_redirect()
            if code == "EPERM" then
                return "unknown", "only root can tell"
            end
            return able and "yes" or "no", why, not able and "they are forwarded" or nil
        end,
    },
    {
        "pods", "networks that containers share (--pod)",
        function()
            if not file.stat "/proc/self/ns/net" then
                return "no", "the kernel has no network namespaces"
            elseif not is_root() then
                return "unknown", "only root can tell"
            end
            local made <close>, why = core.netns.create()
            return made and "yes" or "no", not made and why or nil
        end,
    },
    {
        "app-pods", "applications of user namespaces in pods (--userns --oci-pod)",
        function()
            local able <const>, why <const> = core.broker.check()
            return able and "yes" or "no", why, not able
                and "--pod has the container as a whole in the pod" or nil
        end,
    },
    {
        "pod-networks", "ways out of pods and zones (pod net attach)", network_doctor.examine,
    },
    {
        "capabilities", "capabilities that are taken away (--hardened, --strict)",
        function()
            local last <const>, known <const> =
                security.last_capability(), #kind.capability.complete - 1
            if last > known then
                return "limited", ("the kernel has more capabilities than those up to %d"):format(
                    known), "later ones are left to systemd-nspawn's own list"
            end
            return "yes", ("up to %d"):format(last)
        end,
    },
    {
        "no-new-privileges", "programs that gain no privileges (--no-new-privileges)",
        function()
            if (file.read "/proc/self/status" or ""):find "\nNoNewPrivs:" then
                return "yes"
            end
            return "no", "the kernel doesn't show NoNewPrivs in /proc/self/status"
        end,
    },
    {
        "seccomp", "filters of system calls (--system-call-filter, --strict, applications)",
        function()
            if not file.stat "/proc/sys/kernel/seccomp/actions_avail" then
                return "no", "the kernel has no seccomp"
            end
            local ok, features = pcall(function()
                return host.manager():features()
            end)
            if ok and features:find("-SECCOMP", 1, true) then
                return "no", "systemd is built without seccomp"
            end
            return "yes"
        end,
    },
    {
        "apparmor", "AppArmor profiles (--apparmor-profile, --strict)",
        function()
            if not apparmor.is_enabled() then
                return "no", "the kernel has no AppArmor, or it is off",
                    "--strict goes without its profile"
            elseif apparmor.is_loaded(apparmor.default) == false then
                return "limited", ("the profile %s isn't loaded"):format(apparmor.default),
                    "sdme apparmor-profile | apparmor_parser -r"
            end
            return "yes"
        end,
    },
}

---What this host can do.
---@return { name: string, about: string, verdict: sdme.Verdict, found: string?, hint: string? }[]
function M.examine()
    local results <const> = {}
    for i, check in ipairs(CHECKS) do
        local verdict, found, hint = check[3]()
        results[i] = {
            name = check[1], about = check[2], verdict = verdict, found = found, hint = hint,
        }
    end
    return results
end

return M
