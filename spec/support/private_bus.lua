-- A message bus of one's own, for specs.

local core <const> = require "sdme.core"
local shell <const> = require "spec.support.shell"

local M <const> = {}

-- Seconds that it may take to be there.
local PATIENCE <const> = 20

local function wait_for(address)
    local deadline <const> = core.poll.now() + PATIENCE
    repeat
        local bus <close>, message <const> = core.bus.open_address(address)
        if bus then
            return
        end
        assert(core.poll.now() < deadline, message)
        core.poll.wait({}, 0.002)
    until false
end

---Starts dbus-daemon, which ends with us; nil and what is missing where it can't.
---@return { address: string, stop: fun(), signal: fun(name: string) }?
function M.start()
    if not shell.succeeds "command -v dbus-daemon" then
        return nil, "the program dbus-daemon"
    end
    local directory <const> = shell.run "mktemp -d"
    local address <const> = "unix:path=" .. directory .. "/bus"
    -- Its system configuration wants a user of its own, and to switch to it.
    local daemon <const> = assert(core.process.spawn {
        argv = { "dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=" .. address },
        stdout = "null", stderr = "null", death_signal = "KILL",
    })
    wait_for(address)
    return {
        address = address,
        signal = function(name)
            daemon:kill(name)
        end,
        stop = function()
            daemon:close()
            shell.run("rm -rf %s", directory)
        end,
    }
end

return M
