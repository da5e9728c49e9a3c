-- Which files the source of a copy means: one file or directory, what is in a directory ("site/"),
-- or what a pattern finds. Symlinks are copied as such; only those on the way there
-- are followed.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local ignore <const> = require "sdme.recipe.ignore"
local pattern <const> = require "sdme.recipe.pattern"

local file <const> = core.file

local M <const> = {}

---@class sdme.SelectionItem
---@field path string of the source
---@field name string? under which it lands in a directory; what is in a directory has none
---@field exclude string[] what isn't copied of it: paths below it

---@class sdme.Selection
---@field several boolean whether there may be more than one item: then they land in a directory
---@field items sdme.SelectionItem[]

-- The rules of a directory, and what they leave out.
local function exclude(path, root, lines)
    local directory <close> = fault.check(file.open_directory(path, { root = root }))
    return ignore.excluded(ignore.read(directory, lines), directory)
end

local function select_content(path, options)
    local stat <const> = file.stat(path, { root = options.root, follow = true })
    if stat and stat.type ~= "directory" then
        fault.raise("ENOTDIR", "leave out the slash at its end", "copy %s: it is no directory",
            options.shown)
    end
    -- A symlink is followed where it isn't the last component.
    local link <const> = file.stat(path, { root = options.root }).type == "symlink"
    return { several = false, items = { {
        path = link and path .. "/." or path, exclude = exclude(path, options.root, options.ignore),
    } } }
end

local function last_name(path)
    local name <const> = path:match "([^/]+)/*$"
    return name ~= "." and name ~= ".." and name or nil
end

local function select_one(path, stat, options)
    local name <const> = last_name(path)
    if not name then
        fault.raise("EINVAL", ("'%s/' is what is in it"):format(options.shown),
            "copy %s: it has no name to be copied under", options.shown)
    end
    return { several = false, items = { {
        path = path, name = name,
        exclude = stat.type == "directory" and exclude(path, options.root, options.ignore) or {},
    } } }
end

-- Where a pattern begins: the directory above it, and its components.
local function split(path)
    local components <const>, plain = pattern.split(path), {}
    while not pattern.is_pattern(components[1]) do
        plain[#plain + 1] = table.remove(components, 1)
    end
    local compiled <const> = {}
    for i, component in ipairs(components) do
        compiled[i] = pattern.component(component)
    end
    local prefix <const> = (path:find "^/" and "/" or "") .. table.concat(plain, "/")
    return prefix == "" and "." or prefix, compiled
end

-- As in a shell, a dot at the start of a name is matched only by one.
local function matches(component, name)
    if component.any or name:find "^%." and component.text:sub(1, 1) ~= "." then
        return component.any and not name:find "^%."
    end
    return pattern.matches_name(component, name)
end

---@class sdme.Expansion
---@field pattern sdme.Pattern[]
---@field rules sdme.IgnoreRule[]
---@field path string[] components of the directory at hand
---@field found table[] what was found
---@field taken table<string, boolean> the same as a set of paths

local function take(expansion, directory, is_directory)
    local path <const>, rules <const> = table.concat(expansion.path, "/"), expansion.rules
    if expansion.taken[path] then
        return
    end
    local left_out = {}
    if is_directory and #rules > 0 then
        local below <close> = fault.check(file.open_directory(
            expansion.path[#expansion.path], { root = directory, follow = false }))
        left_out = ignore.excluded(rules, below, expansion.path)
    end
    expansion.taken[path] = true
    expansion.found[#expansion.found + 1] = { name = path, exclude = left_out }
end

local expand

-- Goes on with a component in a directory; what was taken as a whole already isn't entered.
local function descend(expansion, directory, name, index)
    if expansion.taken[table.concat(expansion.path, "/")] then
        return
    end
    local below <close> =
        fault.check(file.open_directory(name, { root = directory, follow = false }))
    expand(expansion, below, index)
end

function expand(expansion, directory, index)
    local component <const> = expansion.pattern[index]
    local is_last <const> = index == #expansion.pattern
    if component.any and not is_last then
        expand(expansion, directory, index + 1)
    end
    local names <const>, types = file.list(".", { root = directory })
    for _, name in ipairs(fault.check(names, types)) do
        local is_directory <const> = types[name] == "directory"
        expansion.path[#expansion.path + 1] = name
        if matches(component, name)
            and not ignore.leaves_out(expansion.rules, expansion.path, is_directory) then
            if is_last then
                take(expansion, directory, is_directory)
            elseif is_directory then
                descend(expansion, directory, name, component.any and index or index + 1)
            end
        end
        expansion.path[#expansion.path] = nil
    end
end

local function select_matches(path, options)
    local prefix <const>, compiled <const> = split(path)
    local stat <const> = file.stat(prefix, { root = options.root, follow = true })
    local expansion <const> = { pattern = compiled, path = {}, found = {}, taken = {} }
    if stat and stat.type == "directory" then
        local directory <close> = fault.check(file.open_directory(prefix, { root = options.root }))
        expansion.rules = ignore.read(directory, options.ignore)
        expand(expansion, directory, 1)
    end
    if #expansion.found == 0 then
        fault.raise("ENOENT", nil, "copy %s: nothing matches it", options.shown)
    end
    for _, item in ipairs(expansion.found) do
        item.path = (prefix == "/" and "" or prefix) .. "/" .. item.name
    end
    return { several = true, items = expansion.found }
end

---@class sdme.SelectionOptions
---@field root userdata? the descriptor of a directory that nothing leads out of; the host's without
---@field shown string the source as the user has written it
---@field ignore string[]? rules besides those of the source's own file

---What a source means. Raises "ENOENT" if there is nothing.
---@param path string
---@param options sdme.SelectionOptions
---@return sdme.Selection
function M.select(path, options)
    local trimmed <const> = path:find "^/+$" and "/" or path:gsub("/+$", "")
    local stat <const> = file.stat(trimmed, { root = options.root })
    if stat and path:find "/$" then
        return select_content(trimmed, options)
    elseif stat then
        return select_one(path, stat, options)
    elseif pattern.is_pattern(path) then
        return select_matches(path, options)
    end
    fault.raise("ENOENT", nil, "copy %s: there is no such file or directory%s", options.shown,
        options.root and "" or (" (%s)"):format(path))
end

return M
