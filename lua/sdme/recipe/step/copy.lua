-- Copies files of this host, of another recipe's result, of a rootfs, or of a container.
--
-- What counts for the key is what will be written: names, types, contents, targets of links, modes,
-- attributes, and owners. It is digested from the source first, so that a step that was done is
-- found without a copy; and again from what was written, so that a layer is what its key says.

local account <const> = require "sdme.account"
local check <const> = require "sdme.recipe.step.check"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local place <const> = require "sdme.recipe.place"
local selection <const> = require "sdme.recipe.selection"
local tar <const> = require "sdme.export.tar"
local text <const> = require "sdme.text"

local file <const>, tree <const> = core.file, core.tree

local M <const> = { name = "copy" }

---@class sdme.CopyOptions
---@field owner string? "USER[:GROUP]", names or numbers of the system that it is copied into; what
---  comes from this host is root's without, and all else keeps its owner
---@field group string? the same as the GROUP of `owner`
---@field mode string? of files, "0644"; directories may be searched by whoever may read them, too
---@field from sdme.Recipe|sdme.Rootfs|sdme.Container|string|nil what the sources are in; this host
---  without
---@field ignore string[]? rules as in .sdmeignore, for all sources

local OPTIONS <const> = {
    owner = "string", group = "string", mode = "string", from = "string table", ignore = "table",
}

local function check_sources(sources)
    if type(sources) == "string" then
        sources = { sources }
    end
    local list <const> = check.list("copy", "a path, or a list of paths", sources)
    for i, source in ipairs(list) do
        if source == "" then
            fault.usage("copy: source %d is empty", i)
        end
    end
    return list
end

-- Where it goes, absolute; a slash at its end says that it is a directory.
local function check_destination(b, destination)
    if check.text("copy", "the destination", destination) == "" then
        fault.usage("copy: the destination is empty")
    elseif not destination:find "^/" then
        destination = ("%s/%s"):format(b.config.workdir or "", destination)
    end
    local path <const> = check.path("copy", destination)
    return destination:find "/%.?$" and path ~= "/" and path .. "/" or path
end

-- "USER[:GROUP]" of the options; nil where there is nothing of both.
local function owner_of(options)
    local owner <const> = check.owner("copy", options.owner)
    local group <const> = check.owner("copy", options.group)
    if group and not owner and options.from ~= nil then
        fault.usage "copy: 'group' goes with 'owner' where 'from' is given"
    elseif group then
        return ("%s:%s"):format((owner or "0"):gsub(":.*$", ""), group)
    end
    return owner
end

-- The owner that everything gets; nil keeps those of the source.
local function find_owner(b, options)
    local owner <const> = owner_of(options)
    if not owner then
        return options.from == nil and { uid = 0, gid = 0 } or nil
    end
    local root <close> = b:root()
    local fine <const>, uid <const>, gid <const> = pcall(account.owner, root, owner)
    if not fine and fault.is(uid, "ENOENT") then
        fault.raise("ENOENT", "it has to be there before this step", "copy: %s", uid.message)
    elseif not fine then
        error(uid, 0)
    end
    return { uid = uid, gid = gid }
end

local function digest_options(opened, doing, item)
    local options <const> = place.options(opened)
    options.exclude, options.mode = item.exclude, doing.mode
    if doing.owner then
        options.uid, options.gid = doing.owner.uid, doing.owner.gid
    end
    return options
end

-- Where an item lands: in a directory under its name, or as what the destination says.
local function target_of(root, destination, item, several)
    local into <const> = item.name and (several or destination:find "/$"
        or place.is_directory(root, destination))
    return into and ("%s/%s"):format(destination:gsub("/+$", ""), item.name) or destination
end

-- One digest of what a source is: where it lands, and what.
local function digest_source(b, source, extra, doing, several)
    local opened <close> = place.open(b, extra.from, source)
    local root <close> = b:root()
    local selected <const> = selection.select(opened.path,
        { root = opened.root, shown = source, ignore = extra.ignore })
    local sum <const> = fault.check(core.digest.new "sha256")
    local files, size = 0, 0
    for _, item in ipairs(selected.items) do
        local found <const> =
            fault.check(tree.digest(item.path, digest_options(opened, doing, item)))
        item.digest, item.is_directory = found.digest, found.directories > 0
        item.target = target_of(root, doing.destination, item, several or selected.several)
        sum:update(("s4s4"):pack(item.target, item.digest))
        files, size = files + found.files, size + found.size
    end
    selected.source = source
    return selected, { content = sum:hex(), files = files, size = size }
end

---Finds out what is to be copied, and what of it counts.
---@param b sdme.Builder
---@param sources string|string[] "site/" is what is in a directory, "site" itself, "conf/*.conf"
---  what matches; relative paths count from the recipe's file
---@param destination string a directory that exists, or "dir/", gets a source under its name; else
---  the source becomes that
---@param options sdme.CopyOptions?
---@return table doing
---@return table extra
function M.prepare(b, sources, destination, options)
    options = check.options("copy", options, OPTIONS)
    sources = check_sources(sources)
    local doing <const> = {
        destination = check_destination(b, destination), mode = check.mode("copy", options.mode),
        owner = find_owner(b, options), sources = {},
    }
    local extra <const> = {
        from = options.from, selections = {}, ignore = options.ignore
            and check.list("copy", "rules of what to leave out", options.ignore),
    }
    for i, source in ipairs(sources) do
        extra.selections[i], doing.sources[i] = digest_source(b, source, extra, doing, #sources > 1)
    end
    doing.sources = json.array(doing.sources)
    return doing, extra
end

---@param doing table
---@param extra table
---@return string
function M.what(doing, extra)
    local names <const> = {}
    for i, selected in ipairs(extra.selections) do
        names[i] = text.printable(selected.source)
    end
    return ("%s %s"):format(table.concat(names, " "), doing.destination)
end

local function make_parents(root, path)
    local parent <const> = path:match "^(.+)/[^/]+/*$"
    if not parent then
        return
    end
    local made <const>, message <const>, code <const> =
        file.mkdir(parent, { root = root, parents = true, mode = "0755", uid = 0, gid = 0 })
    if not made then
        fault.raise(code, nil, "copy to %s: %s", path, message)
    end
end

local function copy_item(context, opened, item, doing, options)
    local all <const> = digest_options(opened, doing, item)
    all.source_root, all.root, all.digest = all.root, nil, true
    all.time = tar.source_date()
    all.target_root, all.merge, all.into = options.root, options.merge, options.into
    local done <const>, message <const>, code <const> = tree.copy(item.path, options.target, all)
    if not done then
        fault.raise(code, nil, "copy %s to %s: %s", options.source, doing.destination, message)
    elseif done.digest ~= item.digest then
        fault.raise("EBUSY", "build it again", "%s: %s changed while it was copied", context.what,
            options.source)
    end
end

-- A directory that is new is copied to the layer itself, which takes two thirds of the time that it
-- takes by way of the overlay. Where that is in the layer, the overlay says.
local function make_new(context, item)
    local root <close> = context:root()
    if not item.is_directory or file.stat(item.target, { root = root }) then
        return nil
    end
    make_parents(root, item.target)
    fault.check(file.mkdir(item.target, { root = root, mode = "0700" }))
    local made <close> = fault.check(file.open_directory(item.target, { root = root }))
    return fault.check(file.readlink(("/proc/self/fd/%d"):format(made:fileno())))
end

local function copy_new(context, opened, item, doing, source)
    local target <const> = make_new(context, item)
    if target then
        local layer <close> = fault.check(file.open_directory(context.stage .. "/tree"))
        copy_item(context, opened, item, doing,
            { root = layer, target = target, into = true, source = source })
    end
    return target ~= nil
end

---Copies what was found.
---@param context sdme.StepContext
---@param doing table
---@param extra table
function M.apply(context, doing, extra)
    local first <const> = extra.selections[1]
    if #extra.selections == 1 and #first.items == 1 then
        local opened <close> = place.open(context.builder, extra.from, first.source)
        if copy_new(context, opened, first.items[1], doing, first.source) then
            return
        end
    end
    local root <close> = context:root()
    for _, selected in ipairs(extra.selections) do
        local opened <close> = place.open(context.builder, extra.from, selected.source)
        for _, item in ipairs(selected.items) do
            make_parents(root, item.target)
            copy_item(context, opened, item, doing,
                { root = root, target = item.target, merge = true, source = selected.source })
        end
    end
end

return M
