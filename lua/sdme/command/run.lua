local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local script <const> = require "sdme.script"

-- What a script raises is told with its position: it is the script's author who reads it.
local function defect(raised)
    local lines <const> = {}
    for line in tostring(raised):gmatch "[^\n]+" do
        lines[#lines + 1] = line
    end
    local first <const> = table.remove(lines, 1) or "the script raised an empty message"
    return fault.new { message = first, details = lines, traceback = raised.traceback }
end

return {
    name = "run",
    summary = "run a Lua script",
    description = "The script has `require \"sdme\"`, and the arguments in `arg`. What it returns"
        .. " is our status if it is a number. A script may begin with"
        .. " #!/usr/bin/env -S sdme run.",
    operands = {
        { name = "FILE", kind = kind.file, help = "the script; - is stdin" },
        { name = "ARGS", optional = true, many = true, help = "arguments of the script" },
    },
    stop_at_operand = "FILE",
    anyone = true,
    run = function(arguments)
        local chunk <const> = script.load(arguments.file)
        arg = { [0] = arguments.file, table.unpack(arguments.args or {}) } -- luacheck: globals arg
        local ok, result = xpcall(chunk, fault.catch, table.unpack(arg))
        if not ok then
            error(fault.is(result) and result or defect(result), 0)
        end
        return math.type(result) == "integer" and result or 0
    end,
}
