-- Several values of one kind.

local base <const> = require "sdme.kind.base"

local define <const> = base.define

local M <const> = {}

local function append(into, value)
    into[#into + 1] = value
end

local function extend(into, values)
    for _, value in ipairs(values) do
        append(into, value)
    end
end

local function is_list(value)
    local count = 0
    for _ in pairs(value) do
        count = count + 1
    end
    return count == #value
end

-- All values of a table through the `check` of their kind.
local function check_each(item, values, insert)
    local into = {}
    if not item.explode and not is_list(values) then
        return nil, "expected a list"
    end
    for _, each in ipairs(item.explode and item.explode(values) or values) do
        local value, why = item.check(each)
        if value == nil then
            return nil, why
        end
        insert(into, value)
    end
    return into
end

-- The type of an array of values of a kind.
local function array_of(item)
    local each <const> = item.type or "any"
    return (each:find("|", 1, true) and "(%s)[]" or "%s[]"):format(each)
end

---A list written with commas. Nothing is the empty list.
---@param item sdme.Kind
---@return sdme.Kind
function M.list(item)
    return define {
        expected = "a list of " .. item.expected,
        type = array_of(item),
        complete = item.complete,
        separator = ",",
        insert = extend,
        parse = function(text)
            local values = {}
            for part in (text == "" and "" or text .. ","):gmatch "([^,]*)," do
                local value, why = item.parse(part)
                if value == nil then
                    return nil, why
                end
                append(values, value)
            end
            return values
        end,
        accept = function(values)
            if type(values) ~= "table" then
                return nil, ("expected a list, not a %s"):format(type(values))
            end
            local one <const> = next(values) ~= nil and #values == 0 and item.accept
                and item.accept(values)
            if one then
                return { one }
            end
            return check_each(item, values, append)
        end,
        show = function(values)
            local texts = {}
            for i, value in ipairs(values) do
                texts[i] = item.show(value)
            end
            return table.concat(texts, ",")
        end,
    }
end

---What an option that can be given again and again collects. As in unit files, an empty value
---forgets those before it.
---@param item sdme.Kind
---@return sdme.Kind kind with `add(into, text) -> into | nil, why`
function M.many(item)
    local insert <const> = item.insert or append
    local function add(into, text)
        if text == "" then
            return {}
        end
        local value, why = item.parse(text)
        if value == nil then
            return nil, why
        end
        insert(into, value)
        return into
    end
    return define {
        expected = item.expected,
        type = item.collected or item.separator and item.type or array_of(item),
        complete = item.complete,
        add = add,
        parse = function(text)
            return add({}, text)
        end,
        accept = function(values)
            return check_each(item, type(values) == "table" and values or { values }, insert)
        end,
        show = function(values)
            local texts = {}
            for i, value in ipairs(item.explode and item.explode(values) or values) do
                texts[i] = item.show(item.separator and { value } or value)
            end
            return table.concat(texts, ",")
        end,
    }
end

return M
