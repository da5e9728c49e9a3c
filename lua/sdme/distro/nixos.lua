-- The path of systemd has a hash in it. What systemd-nspawn finds is the init of the system, which
-- ends in systemd; and a system with systemd has D-Bus.
local INIT <const> = { "/sbin/init" }

return {
    name = "NixOS",
    ids = { "nixos" },
    systemd = INIT,
    dbus = INIT,
    refused = "NixOS gets it only when the system is built",
    hint = "build a system with boot.isContainer, and import that with /sbin/init as its init",
}
