-- What a copy leaves out: rules as in .gitignore files (gitignore(5)).
--
--     # a comment; blank lines say nothing either
--     *.o           at any depth, since there is no slash in it but at the end
--     /build        only at the top
--     doc/*.html    `*` matches a dot at the start as well, and no slash
--     cache/        only directories
--     a/**/b        any number of directories between
--     !keep.o       taken nevertheless: of the rules that match, the last one counts
--
-- What is in a directory that is left out can't be brought back.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local pattern <const> = require "sdme.recipe.pattern"

local file <const> = core.file

local M <const> = {}

---Where the rules of a directory are; it is never copied itself.
M.FILE = ".sdmeignore"

-- Nobody writes more rules than this by hand.
local MAXIMUM_SIZE <const> = 1 << 20

---@class sdme.IgnoreRule
---@field negated boolean what it matches is taken
---@field directories boolean it is for directories only
---@field path sdme.Pattern[]? from the top on
---@field name sdme.Pattern? of what is at any depth

-- One rule; nil for what says nothing.
local function parse(line)
    local text = line:gsub("\r$", "")
    if text:find "^#" then
        return nil
    end
    -- Blanks at the end count only after a backslash.
    text = text:gsub("[ \t]+$", function(blanks)
        return text:find("\\" .. blanks .. "$") and blanks:sub(1, 1) or ""
    end)
    local rule <const> = { negated = text:find "^!" ~= nil, directories = text:find "/$" ~= nil }
    text = text:gsub("^!", ""):gsub("/+$", "")
    if text == "" then
        return nil
    end
    local compiled <const> = pattern.compile(text)
    if text:find "/" or compiled[1].any then
        rule.path = compiled
    else
        rule.name = compiled[1]
    end
    return rule
end

---@param lines string[]
---@return sdme.IgnoreRule[]
function M.parse(lines)
    local rules <const> = {}
    for _, line in ipairs(lines) do
        rules[#rules + 1] = parse(line)
    end
    return rules
end

---The rules of a directory, and those that are given besides, which come last.
---@param directory userdata its descriptor
---@param lines string[]? more rules
---@return sdme.IgnoreRule[]
function M.read(directory, lines)
    local all <const> = {}
    if file.stat(M.FILE, { root = directory }) then
        local content <const> = fault.check(
            file.read(M.FILE, { root = directory, max = MAXIMUM_SIZE }))
        for line in (content .. "\n"):gmatch "(.-)\n" do
            all[#all + 1] = line
        end
        all[#all + 1] = "/" .. M.FILE
    end
    return M.parse(table.move(lines or {}, 1, #(lines or {}), #all + 1, all))
end

---Whether a path is left out, given that the directories above it aren't.
---@param rules sdme.IgnoreRule[]
---@param path string[] its components
---@param is_directory boolean
---@return boolean
function M.leaves_out(rules, path, is_directory)
    for i = #rules, 1, -1 do
        local rule <const> = rules[i]
        if (is_directory or not rule.directories)
            and (rule.name and pattern.matches_name(rule.name, path[#path])
                or rule.path and pattern.matches(rule.path, path)) then
            return not rule.negated
        end
    end
    return false
end

local function collect(rules, directory, path, found)
    local names <const>, types = file.list(".", { root = directory })
    fault.check(names, types)
    for _, name in ipairs(names) do
        path[#path + 1] = name
        local is_directory <const> = types[name] == "directory"
        if M.leaves_out(rules, path, is_directory) then
            found[#found + 1] = table.concat(path, "/")
        elseif is_directory then
            local below <close> =
                fault.check(file.open_directory(name, { root = directory, follow = false }))
            collect(rules, below, path, found)
        end
        path[#path] = nil
    end
    return found
end

---What is left out of a directory.
---@param rules sdme.IgnoreRule[]
---@param directory userdata its descriptor
---@param above string[]? its path below where the rules hold; the directory itself without
---@return string[] paths below the directory
function M.excluded(rules, directory, above)
    if #rules == 0 then
        return {}
    end
    above = above or {}
    local found <const> =
        collect(rules, directory, table.move(above, 1, #above, 1, {}), {})
    local prefix <const> = table.concat(above, "/")
    for i, path in ipairs(prefix ~= "" and found or {}) do
        found[i] = path:sub(#prefix + 2)
    end
    return found
end

return M
