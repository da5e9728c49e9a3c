-- Waits for what happens by itself, and only fails where it never will.

local core <const> = require "sdme.core"

local M <const> = {}

local PATIENCE <const> = 60
local INTERVAL <const> = 0.05

---Waits until `condition()`.
---@param what string
---@param condition fun(): any
---@return any what `condition` returned
function M.until_true(what, condition)
    local deadline <const> = core.poll.now() + PATIENCE
    while core.poll.now() < deadline do
        local result <const> = condition()
        if result then
            return result
        end
        core.poll.wait({}, INTERVAL)
    end
    error(("not within %d s: %s"):format(PATIENCE, what), 2)
end

---Waits until `get()` gives a value, and asserts that it did.
---@param expected any
---@param get fun(): any
function M.until_equal(expected, get)
    local found
    local ok <const> = pcall(M.until_true, "", function()
        found = get()
        return found == expected
    end)
    if not ok then
        error(("expected %q, and after %d s it was %q"):format(expected, PATIENCE,
            tostring(found)), 2)
    end
end

-- ThreadSanitizer has one of its own.
local ALONE <const> = os.getenv "SANITIZE" == "thread" and 2 or 1

---Waits until this process has one thread: one that was joined is in /proc for a moment more.
function M.alone()
    M.until_equal(ALONE, function() return #core.file.list "/proc/self/task" end)
end

return M
