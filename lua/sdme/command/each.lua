-- Commands that do one thing to several names, one after the other.

local cli <const> = require "sdme.cli"
local fault <const> = require "sdme.fault"

---Calls a function for each of the names that a command was given; each fails for itself.
---@param arguments { names: string[], verbose: boolean? }
---@param work fun(name: string)
---@return integer status
return function(arguments, work)
    local status = 0
    for _, name in ipairs(arguments.names) do
        local fine <const>, why <const> = xpcall(work, fault.catch, name)
        if not fine then
            if fault.is(why, "EINTR") then
                error(why, 0)
            end
            status = 1
            cli.report(why, arguments.verbose)
        end
    end
    return status
end
