-- AppArmor: what the kernel knows of it, and a profile for containers.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local file <const> = core.file

local M <const> = {}

---The name of our own profile.
M.default = "sdme-default"

-- The ABI keeps parsers from enforcing what only later kernels mediate (apparmor.d(5)).
-- A rule without a path or a type allows all of its kind; what is denied can't be allowed.
local PROFILE <const> = [[
# An AppArmor profile for containers, by sdme %s. It covers systemd-nspawn and everything in the
# container: a fence behind those of namespaces, capabilities and read-only mounts. To load it:
#
#   sdme apparmor-profile >/etc/apparmor.d/sdme-default
#   apparmor_parser -r /etc/apparmor.d/sdme-default

abi <abi/3.0>,

include <tunables/global>

profile sdme-default flags=(attach_disconnected, mediate_deleted) {
  # What a container's systemd does.
  capability,
  dbus,
  file,
  mount,
  network,
  pivot_root,
  remount,
  umount,
  unix,

  # Its processes see each other, and the host's manager ends them.
  ptrace (read, readby, trace, tracedby) peer=@{profile_name},
  ptrace (read, readby, tracedby) peer=unconfined,
  signal (send, receive) peer=@{profile_name},
  signal (receive) peer=unconfined,
  signal (send) set=(exists) peer=unconfined,

  # The kernel's code, and the policy itself.
  deny capability mac_admin,
  deny capability mac_override,
  deny capability sys_module,
  deny capability sys_rawio,

  # What makes the kernel run programs on the host, or halt it, wherever it is mounted.
  deny /{,**/}core_pattern wkl,
  deny /{,**/}sysrq-trigger rwkl,
  deny /{,**/}release_agent wkl,
  deny /{,**/}uevent_helper wkl,

  # The kernel's settings and memory, which are those of the host.
  deny @{PROC}/{acpi,bus,fs,irq,scsi,tty}/** wkl,
  deny @{PROC}/{kallsyms,kcore,kmsg,kpagecgroup,kpagecount,kpageflags} rwkl,
  deny @{PROC}/sys/{abi,crypto,debug,dev,vm}/** wkl,
  deny @{PROC}/sys/fs/binfmt_misc/** wkl,
  deny @{PROC}/sys/kernel/{hotplug,kptr_restrict,modprobe,modules_disabled,poweroff_cmd,sysrq} wkl,
  deny @{PROC}/sys/kernel/{kexec_*,panic*,usermodehelper/**} wkl,
  deny /sys/{bus,firmware,hypervisor,kernel,module,power}/** wkl,

  # Filesystems that are the same for the host and its containers.
  deny mount fstype=binfmt_misc,
  deny mount fstype=configfs,
  deny mount fstype=debugfs,
  deny mount fstype=devtmpfs,
  deny mount fstype=efivarfs,
  deny mount fstype=pstore,
  deny mount fstype=securityfs,
  deny mount fstype=tracefs,
}
]]

-- What it calls a process that no profile is for (apparmor(7)).
local UNCONFINED <const> = "unconfined"

---Whether the name is that of a profile, and not the one for none.
---@param profile string?
---@return boolean
function M.confines(profile)
    return profile ~= nil and profile ~= UNCONFINED
end

---The profile that `--apparmor-profile sdme-default` names, as apparmor_parser(8) reads it.
---@return string
function M.profile()
    return PROFILE:format(core.version)
end

---Whether the kernel has AppArmor, and it is on.
---@return boolean
function M.is_enabled()
    return (file.read "/sys/module/apparmor/parameters/enabled" or ""):find "^Y" ~= nil
end

---Whether a profile is loaded; nil where that can't be told.
---@param profile string
---@return boolean?
function M.is_loaded(profile)
    local list <const> = file.read("/sys/kernel/security/apparmor/profiles", { max = 4 << 20 })
    return list and ("\n" .. list):find("\n" .. profile .. " (", 1, true) ~= nil
end

local function hint(name, how)
    return ("%s, or do without: sdme set %s --apparmor-profile ''"):format(how, name)
end

---Raises where a container can't be confined by its profile: systemd would start it all the same
---where AppArmor is off (systemd.exec(5), AppArmorProfile=).
---@param name string of the container
---@param profile string?
function M.check(name, profile)
    if not M.confines(profile) then
        return
    elseif not M.is_enabled() then
        fault.raise("EUNSUPPORTED", hint(name, "boot with apparmor=1 security=apparmor"),
            "start %s: AppArmor is off", name)
    elseif M.is_loaded(profile) == false then
        fault.raise("ENOENT", hint(name, profile == M.default
                and "load it: sdme apparmor-profile | apparmor_parser -r"
                or "load it with apparmor_parser"),
            "start %s: AppArmor has no profile %s", name, profile)
    end
end

---Raises where this process isn't confined by a profile. What isn't let see that is confined.
---@param profile string?
function M.check_confined(profile)
    if not M.confines(profile) then
        return
    end
    local label, _, code = file.read "/proc/self/attr/apparmor/current"
    if code ~= "EACCES" and (label or ""):match "^(.-) %(%l+%)" ~= profile then
        fault.raise("EUNSUPPORTED", nil, "AppArmor doesn't confine the container by %s", profile)
    end
end

return M
