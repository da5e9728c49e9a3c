-- Whom progress and notes are told, and who is asked: nobody, unless a program wants to be. The
-- interpreter has its terminal for that.

local fault <const> = require "sdme.fault"

local M <const> = {}

---How far something is.
---@class sdme.ProgressEvent
---@field what string what happens to what: "downloading image.tar"
---@field id integer tells apart what goes on at the same time
---@field done integer bytes
---@field total integer? bytes, where it is known how many there will be
---@field rate number? bytes a second, lately
---@field finished boolean it is the last event of this id
---@field outcome string? how it ended, if it didn't fail

---@class sdme.Observer
---@field progress fun(event: sdme.ProgressEvent)? when something begins, ends, and at most every
---  tenth of a second in between
---@field note fun(line: string)? with what is worth telling, one line without its end
---@field confirm (fun(question: string): boolean)? whether to do what nobody has said yes or no to

local NAMES <const> = { progress = true, note = true, confirm = true }

---Stands for the terminal: `sdme.progress` draws on it, `sdme.cli` asks there.
---@type sdme.Observer
M.terminal = {}

---@type sdme.Observer
M.current = {}

---Names who is told from now on; operations that run already keep theirs.
---@param observer sdme.Observer? nil: nobody
---@return sdme.Observer before who was told before
function M.set(observer)
    for name, call in pairs(observer or {}) do
        if not NAMES[name] then
            error(("observe has no '%s', only progress, note and confirm")
                :format(tostring(name)), 3)
        elseif type(call) ~= "function" then
            error(("observe: '%s' is a function, not a %s"):format(name, type(call)), 3)
        end
    end
    local before <const> = M.current
    M.current = observer or {}
    return before
end

---Asks before something is done that nobody has decided on. Where nobody can be asked it fails and
---names what decides it.
---@param question string what would be done
---@param flag string the option
---@return boolean
function M.confirm(question, flag)
    if M.current == M.terminal then
        return require("sdme.cli").confirm(question, flag)
    elseif not M.current.confirm then
        fault.raise("EUSAGE", "give " .. flag, "%s: nobody to ask", question)
    end
    return M.current.confirm(question) and true or false
end

return M
