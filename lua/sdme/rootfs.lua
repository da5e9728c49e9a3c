-- Root filesystems: names for stacks of layers, which containers are made from.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local kind <const> = require "sdme.kind"
local layer <const> = require "sdme.store.layer"
local sources <const> = require "sdme.source"
local state <const> = require "sdme.store.state"
local printable <const> = require("sdme.text").printable
local store <const> = require "sdme.store"
local view <const> = require "sdme.view"

local file <const> = core.file

local M <const> = {}

local HINT_LIST <const> = "`sdme fs ls` shows those that exist"

local function path_of(name)
    return store.path("fs", name .. ".json")
end

---A root filesystem. `tostring` gives `rootfs NAME`.
---@class sdme.Rootfs
---@field name string its name
local Rootfs <const> = { __name = "sdme.rootfs" }
Rootfs.__index = Rootfs

function Rootfs:__tostring()
    return "rootfs " .. self.name
end

---What is known of a rootfs.
---@param name string or NAME@STEP: what the last build of that name had made after that step
---@return { name: string, layers: string[], os: table, systemd: boolean, origin: table,
---image: table?, apps: table[]? }
function M.read(name)
    local built <const>, number <const> = name:match "^(.+)@(%d+)$"
    if built then
        local description <const> = require("sdme.recipe.record").description(built,
            math.tointeger(tonumber(number)) or math.maxinteger)
        description.name = name
        return description
    end
    if not file.stat(path_of(name)) then
        fault.raise("ENOENT", HINT_LIST, "there is no rootfs %s", name)
    end
    local hint <const> = "restore the file, or: sdme fs rm " .. name
    local description <const> = state.read(path_of(name), hint)
    if not description.layers or #description.layers == 0 then
        fault.raise("EFORMAT", hint, "%s is damaged: it has no layers", path_of(name))
    end
    description.name = name
    return description
end

---@param name string
---@return boolean
function M.exists(name)
    return file.stat(path_of(name)) ~= nil
end

---@return string[]
function M.names()
    local names <const> = {}
    for _, entry in ipairs(file.list(store.path "fs") or {}) do
        names[#names + 1] = entry:match "^(.+)%.json$"
    end
    return names
end

---The rootfs of that name.
---@param name string
---@return sdme.Rootfs
function M.get(name)
    local checked <const>, why <const> = kind.name.check(name)
    if not checked then
        fault.usage("%s", why)
    elseif not M.exists(name) then
        local is_container <const> = file.stat(store.path("containers", name))
        fault.raise("ENOENT", is_container
            and ("%s is a container: sdme snapshot %s FS makes a rootfs of it"):format(name, name)
            or HINT_LIST, "there is no rootfs %s", name)
    end
    return setmetatable({ name = name }, Rootfs)
end

---All root filesystems.
---@return sdme.Rootfs[]
function M.list()
    local list <const> = {}
    for i, name in ipairs(M.names()) do
        list[i] = setmetatable({ name = name }, Rootfs)
    end
    return list
end

---Takes a name for something that is about to be made: nobody else can meanwhile.
---@param name string
---@param force boolean? whether one that exists is to be replaced
---@return userdata lock to be closed when it is made
function M.reserve(name, force)
    local checked <const>, why <const> = kind.name.check(name)
    if not checked then
        fault.usage("%s", why)
    end
    local lock <const> = store.lock("fs", name)
    if M.exists(name) and not force then
        lock:close()
        fault.raise("EEXIST", "choose another --name, or --force to replace it",
            "a rootfs %s exists", name)
    end
    return lock
end

---Gives a stack of layers its name; what had it goes. The caller has reserved the name.
---@param name string
---@param description table
---@param transaction sdme.Transaction which still uses the layers
---@param options { background: boolean? }? `background`: a crash of the host may take it yet,
--- unless another one has to go for it
---@return sdme.Rootfs
function M.save(name, description, transaction, options)
    local fine <const>, old <const> = pcall(M.read, name)
    local saved <const> = { created = os.date "!%Y-%m-%dT%H:%M:%SZ" }
    for key, value in pairs(description) do
        saved[key] = value
    end
    saved.name = nil
    saved.layers = json.array(saved.layers)
    if fine then
        transaction:replace(layer.named(old))
    end
    local background <const> = options and options.background and not M.exists(name)
    if not background then
        layer.write_out(layer.named(saved))
    end
    state.write(path_of(name), saved)
    if background then
        layer.begin_write_out(layer.named(saved))
    end
    transaction:saved()
    return setmetatable({ name = name }, Rootfs)
end

local function check_options(call, known, options)
    for key, value in pairs(options or {}) do
        if not known[key] then
            fault.usage("%s has no option '%s'", call, tostring(key))
        elseif type(value) ~= known[key] then
            fault.usage("%s: '%s' is a %s, not a %s", call, key, known[key], type(value))
        end
    end
    return options or {}
end

---@class sdme.ImportOptions
---@field name string? of the rootfs; one like the source's without
---@field force boolean? whether one of that name is replaced, once the new one is complete
---@field install_packages "auto"|"yes"|"no"|nil whether systemd is installed where it is missing;
---  auto
---  asks
---@field verify string? the digest that the file must have, or the manifest of an image:
---  `"sha256:..."`
---@field no_cache boolean? whether to fetch, unpack and install again what was before, but for
---  layers of images, which are what their digests say
---@field allow_backing boolean? whether a qcow2 image may name another one beside it
---@field quiet boolean? whether to show no progress
---@field platform string? of an image: `"linux/arm64"`; this machine's without
---@field credentials string? `"USER:PASSWORD"` for a registry; those of `podman login` or `docker
---  login` without
---@field oci_mode "auto"|"base"|"app"|nil what an image is; auto is as its config looks
---@field base_fs string? the rootfs that an application runs in; the configuration's
---  `default_base_fs`
local IMPORT_OPTIONS <const> = {
    name = "string", force = "boolean", install_packages = "string", verify = "string",
    no_cache = "boolean", allow_backing = "boolean", quiet = "boolean", platform = "string",
    credentials = "string", base_fs = "string", oci_mode = "string",
}

---Makes a rootfs of a directory, an archive, a disk image, a URL of one, or an image.
---@param text string
---@param options sdme.ImportOptions?
---@return sdme.Rootfs
function M.import(text, options)
    options = check_options("import", IMPORT_OPTIONS, options)
    -- An administrator's own families may be wrong: better told now than after a download.
    require("sdme.distro").families()
    local source <close> = sources.open(text, options)
    require("sdme.source.oci").check_options(source, options)
    local name <const> = options.name or sources.name(source.suggested)
    store.prepare()
    layer.sweep()
    local lock <close> = M.reserve(name, options.force)
    local transaction <close> = layer.begin()
    local progress <close> = require("sdme.progress").new { quiet = options.quiet }
    local context <const> = {
        name = name, transaction = transaction, options = options, progress = progress,
    }
    -- For sources that show what they are before they are read.
    function context.look(root)
        require("sdme.distro").look(root, context)
    end
    local layers <const>, origin <const>, more <const> = sources.read(source, context)
    origin.source = printable(origin.source) -- JSON is UTF-8, and a path need not be
    local description <const> = more or {}
    description.layers, description.origin = layers, origin
    if not description.apps then
        function context.keep()
            if origin.kind == "archive" then
                require("sdme.source.archive").keep(layers, origin, source, transaction)
            end
        end
        require("sdme.distro").prepare(description, context)
    end
    return M.save(name, description, transaction, { background = true })
end

---The containers that were made from it.
---@return string[] names
function Rootfs:users()
    local users <const> = {}
    for _, name in ipairs(file.list(store.path "containers") or {}) do
        local fine <const>, description <const> = pcall(state.container, name)
        users[#users + 1] = fine and description.settings.fs == self.name and name or nil
    end
    return users
end

---@class sdme.RootfsRemoveOptions
---@field force boolean? whether the name goes all the same; its users keep the layers

---Removes it, and the layers that nothing else needs.
---
---Raises `EBUSY` where containers were made from it.
---
---```lua
---sdme.fs.import("/srv/debian", { name = "old", quiet = true }):remove()
---```
---@param options sdme.RootfsRemoveOptions? whether it may be in use
function Rootfs:remove(options)
    local lock <close> = store.lock("fs", self.name)
    local users <const> = self:users()
    if #users > 0 and not (options or {}).force then
        fault.raise("EBUSY", "sdme rm " .. table.concat(users, " "),
            "rootfs %s is in use: %s", self.name, table.concat(users, ", "))
    end
    local fine <const>, description <const> = pcall(M.read, self.name)
    -- Until it is removed for good it says what was its own.
    local _ <close> = store.set_aside(path_of(self.name))
    layer.release(fine and layer.named(description) or {})
end

-- What it is, with layers that stay as long as the transaction.
local function held(name, transaction)
    local description <const> = M.read(name)
    for _, id in ipairs(layer.named(description)) do
        transaction:use(id)
    end
    return description
end

---Writes it out: a directory, an archive, a disk image, or an image of layers. What is at the
---destination stays until all is written.
---
---Raises `EEXIST` where something is at the destination, `EUSAGE` where its suffix says nothing.
---@param destination string a path, or `"-"` for the standard output
---@param options sdme.ExportOptions? in which form
---@return sdme.Exported exported
function Rootfs:export(destination, options)
    local export <const> = require "sdme.export"
    local transaction <close> = layer.begin()
    local description <const> = held(self.name, transaction)
    if export.wants_layers(destination, options) then
        local composition <const> = require("sdme.oci.compose").of(description, options)
        return export.write_with_progress(composition, destination, options)
    end
    local above <const> =
        require("sdme.app.whole").layers(description, transaction, { units = true })
    local tree <close> = view.stack(table.move(above, 1, #above, #description.layers + 1,
        description.layers))
    return export.write_with_progress(tree, destination, options)
end

local function size_of(ids)
    local size = 0
    for _, id in ipairs(ids) do
        local fine <const>, found <const> = pcall(layer.read, id)
        size = size + (fine and found.size or 0)
    end
    return size
end

-- Lists of an image's config, which in JSON are lists when they are empty too.
local LISTS <const> = {
    "cmd", "diff_ids", "entrypoint", "env", "history", "ports", "shell", "volumes",
}

local function mark_lists(config)
    for _, name in ipairs(LISTS) do
        config[name] = type(config[name]) == "table" and json.array(config[name]) or nil
    end
end

-- Images, the base's and the applications', as they are shown.
local function inspect_images(description)
    local size = 0
    if description.image and type(description.image.config) == "table" then
        mark_lists(description.image.config)
    end
    for _, app in ipairs(description.apps or {}) do
        mark_lists(app.config)
        app.size = size_of(app.layers)
        size = size + app.size
    end
    return size
end

---@class sdme.PushOptions
---@field credentials string? `"USER:PASSWORD"`; those of `podman login` or `docker login` without
---@field compression "gzip"|"zstd"|"none"|nil of layers that are packed anew
---@field level integer? how hard to compress them
---@field app string? the application in it whose image it is
---@field quiet boolean? whether to show no progress
local PUSH_OPTIONS <const> = {
    credentials = "string", compression = "string", level = "number", app = "string",
    quiet = "boolean",
}

---@class sdme.Pushed
---@field name string the image, in full
---@field digest string of its manifest
---@field sent integer the bytes of blobs that the registry hadn't

---Puts it into a registry as an image. Layers that the registry has aren't sent.
---
---Raises `EACCES` where the registry wants to know who you are, or doesn't let you.
---@param reference string `[REGISTRY[:PORT]/]REPOSITORY[:TAG]`
---@param options sdme.PushOptions? who you are, and in which form
---@return sdme.Pushed pushed
function Rootfs:push(reference, options)
    options = check_options("push", PUSH_OPTIONS, options)
    local transaction <close> = layer.begin()
    local description <const> = held(self.name, transaction)
    local progress <close> = require("sdme.progress").new { quiet = options.quiet }
    return require("sdme.oci.push").push(require("sdme.oci.compose").of(description, options),
        reference, setmetatable({ progress = progress }, { __index = options }))
end

-- How long the steps of a build took, and how large what they made is.
local function inspect_history(history)
    for _, step in ipairs(history or {}) do
        local fine <const>, found <const> = pcall(layer.read, step.layer or "")
        step.seconds, step.size = fine and found.seconds or nil, fine and found.size or nil
    end
end

---@class sdme.RootfsInspection
---@field name string its name
---@field created string when it was made, as ISO 8601 has it
---@field layers table[] what it is made of, from the bottom to the top
---@field os table? what its os-release says
---@field systemd boolean? whether it has one
---@field origin table what it was made from
---@field size integer bytes of all its layers
---@field users string[] the containers that were made from it
---@field image table? of what came from an image: `digest`, `media_type` and `config`
---@field history table[]? of what a recipe made: each step with its `kind`, `what` and `where`, and
---  its `layer`, `seconds` and `size`
---@field apps table[]? its applications: the same with `name`, `layers` and `origin`
---@field path string where that is kept

---Everything about it, as a table for JSON.
---@return sdme.RootfsInspection about
function Rootfs:inspect()
    local description <const> = M.read(self.name)
    local layers <const>, size = {}, 0
    for i, id in ipairs(description.layers) do
        local fine <const>, found <const> = pcall(layer.read, id)
        layers[i] = fine and found or layer.exists(id) and { id = id, problem = tostring(found) }
            or { id = id, missing = true }
        layers[i].version = nil
        size = size + (layers[i].size or 0)
    end
    description.version = nil
    description.layers = json.array(layers)
    description.size = size + inspect_images(description)
    inspect_history(description.history)
    description.users = json.array(self:users())
    description.path = path_of(self.name)
    return description
end

local function apps_of(description)
    local names <const> = {}
    for i, app in ipairs(description.apps or {}) do
        names[i] = app.name
    end
    return #names > 0 and names or nil
end

-- What keeps containers from being made from it.
local function problem_of(found)
    for _, one in ipairs(found.layers) do
        if one.missing then
            local _, why <const> = pcall(layer.check, { one.id })
            return tostring(why)
        end
    end
    return nil
end

---What `sdme fs ls` shows.
---@return table[]
function M.status()
    local rows <const> = {}
    for i, one in ipairs(M.list()) do
        local fine <const>, found <const> = pcall(one.inspect, one)
        rows[i] = fine and {
            name = one.name, os = found.os and found.os.name, systemd = found.systemd,
            size = found.size, layers = #found.layers, created = found.created,
            origin = found.origin, users = found.users, image = found.image and true or nil,
            apps = apps_of(found), problem = problem_of(found),
        } or { name = one.name, problem = tostring(found) }
    end
    return rows
end

return M
