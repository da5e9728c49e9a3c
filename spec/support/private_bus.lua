-- A message bus of one's own, for specs.

local M <const> = {}

local function output(command)
    local pipe <const> = assert(io.popen(command))
    local text <const> = pipe:read("a")
    pipe:close()
    return text
end

---Starts dbus-daemon; nil and what is missing where it can't.
---@return { address: string, pid: string, stop: fun(), signal: fun(name: string) }?
function M.start()
    if output("command -v dbus-daemon") == "" then
        return nil, "needs dbus-daemon"
    end
    local directory <const> = output("mktemp -d"):gsub("\n", "")
    local address <const> = "unix:path=" .. directory .. "/bus"
    -- Its system configuration wants a user of its own, and to switch to it.
    local pid <const> = output(
        ("dbus-daemon --session --fork --nopidfile --print-pid --address=%s"):format(address)
    ):match("%d+")
    assert(pid, "dbus-daemon did not start")
    return {
        address = address,
        pid = pid,
        signal = function(name)
            os.execute(("kill -%s %s 2>/dev/null"):format(name, pid))
        end,
        stop = function()
            os.execute(("kill -KILL %s 2>/dev/null; rm -rf %s"):format(pid, directory))
        end,
    }
end

return M
