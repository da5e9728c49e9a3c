-- A root filesystem of Debian or one of its children from nothing but a mirror. mmdebstrap makes
-- it in a clone of this host, which is gone afterwards; the archive is kept and used again.

local sdme <const> = require "sdme"

local file <const> = sdme.core.file

local CACHE <const> = "/var/cache/sdme"

-- What a container needs to be booted and looked at, beside what every such system has.
local PACKAGES <const> = "--include=systemd-sysv,dbus,iproute2,ca-certificates"

-- A host that isn't a Debian has to bring mmdebstrap and the keys itself.
local PREPARE <const> = [[
command -v mmdebstrap >/dev/null || {
    apt-get -q update
    DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install mmdebstrap
}
[ -e "$1" ] || eval "$2"
]]

local function make(options, archive)
    local clone <close> = sdme.new { ephemeral = true }
    clone:exec { "sh", "-ec", PREPARE, "sh", options.keyring, options.bring_keyring, check = true }
    clone:exec { argv = {
        "mmdebstrap", "--quiet", "--variant=minbase", PACKAGES, "--keyring=" .. options.keyring,
        "--components=" .. options.components, options.suite, "/root/system.tar", options.mirror,
    }, check = true, env = { SOURCE_DATE_EPOCH = os.getenv "SOURCE_DATE_EPOCH" } }
    -- Under its own name only when all of it is there.
    assert(file.mkdir(CACHE, { mode = "0755", parents = true }))
    clone:pull("/root/system.tar", archive .. ".new")
    assert(os.rename(archive .. ".new", archive))
end

---The archive of such a system.
---@param options { name: string, suite: string, mirror: string, components: string,
---  keyring: string, bring_keyring: string } the last one is a line of the shell, for a host that
---  doesn't have the keys
---@return string path
return function(options)
    local archive <const> = ("%s/%s-%s.tar"):format(CACHE, options.name, options.suite)
    if not file.exists(archive) then
        make(options, archive)
    end
    return archive
end
