-- Commands that do one thing to several containers, side by side: `NAMES… | -a`.

local cli <const> = require "sdme.cli"
local containers <const> = require "sdme.container"
local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local task <const> = require "sdme.task"

-- The functions that `sdme.all` runs: each prints what became of it, and fails for itself.
local function work(names, each, arguments)
    local failures, functions = {}, {}
    for i, name in ipairs(names) do
        functions[i] = function()
            local ok, result = xpcall(function()
                return each(containers.get(name), arguments)
            end, fault.catch)
            if not ok then
                failures[#failures + 1] = result
                if not fault.is(result, "EINTR") then
                    cli.report(result, arguments.verbose)
                end
            elseif result then
                io.stderr:write(result, "\n")
            end
        end
    end
    return functions, failures
end

---Makes the description of such a command.
---@param description table with `each(container, arguments)` in place of `run`
---@return sdme.Command
return function(description)
    local each <const> = description.each
    description.each = nil
    description.operands = {
        { name = "NAMES", kind = kind.container, many = true, unless = "all",
            help = "containers, or how their names begin" },
    }
    table.insert(description.options, 1, {
        long = "all", short = "a", help = "all containers",
    })
    description.run = function(arguments)
        local names <const> = arguments.all and containers.names() or arguments.names
        if arguments.all and description.confirm and not description.confirm(arguments, names) then
            return 1
        end
        local functions, failures = work(names, each, arguments)
        task.all(table.unpack(functions))
        for _, failure in ipairs(failures) do
            if fault.is(failure, "EINTR") then
                error(failure, 0)
            end
        end
        return #failures > 0 and 1 or 0
    end
    return description
end
