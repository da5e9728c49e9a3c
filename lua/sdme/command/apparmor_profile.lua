local apparmor <const> = require "sdme.apparmor"
local listing <const> = require "sdme.listing"

return {
    name = "apparmor-profile",
    summary = "print an AppArmor profile for containers",
    description = "It is the profile `sdme-default`: it lets a container's systemd do its work, and"
        .. " keeps everything in the container from what the host's kernel shares with it. With"
        .. " --apparmor-profile sdme-default a container runs under it.",
    anyone = true,
    examples = {
        { "sdme apparmor-profile >/etc/apparmor.d/sdme-default", "loaded when the host boots" },
        { "sdme apparmor-profile | apparmor_parser -r", "loaded now" },
    },
    run = function()
        listing.write(apparmor.profile())
    end,
}
