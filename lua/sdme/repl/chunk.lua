-- What is typed, as a function: an expression or statements, when all of it is there.

local M <const> = {}

-- The name of a chunk in messages.
local NAME <const> = "=repl"

-- Behind statements: the chunk calls what it is given, for that to see the locals before they go.
local SUFFIX <const> = "\n;(...)()"

-- Levels from there: `keep` itself, and the chunk.
local CHUNK <const> = 2

-- A local of one chunk would be gone in the next. It becomes a global of the session instead.
local function keep()
    local i = 1
    local name, value = debug.getlocal(CHUNK, i)
    while name do
        if not name:find "^%(" then
            _G[name] = value
        end
        i = i + 1
        name, value = debug.getlocal(CHUNK, i)
    end
end

local function compile_statements(text)
    local bare <const>, why <const> = load(text, NAME, "t")
    if not bare then
        return nil, why
    end
    -- One that ends with `return` takes nothing behind it, and keeps nothing.
    local keeping <const> = load(text .. SUFFIX, NAME, "t")
    return keeping and function()
        return keeping(keep)
    end or bare
end

---Compiles what was typed. The locals of statements become globals when they have run.
---@param text string
---@return function? chunk that returns the values of an expression
---@return string? why it is none
---@return boolean? incomplete whether more lines could make it one
function M.compile(text)
    local expression <const>, no_expression <const> = load("return " .. text, NAME, "t")
    if expression then
        return expression
    end
    local statements <const>, why <const> = compile_statements(text)
    if statements then
        return statements
    end
    return nil, why, why:find "<eof>$" ~= nil or no_expression:find "<eof>$" ~= nil
end

---Whether there is nothing in it to run.
---@param text string
---@return boolean
function M.is_blank(text)
    return not text:find "%S"
end

return M
