-- An image of layers that are here, for wherever it is to go: each layer as a blob, the config, the
-- manifest. A layer that came as a blob goes out as the same one if there still is one; else it is
-- packed anew, which always gives the same bytes.

local blob <const> = require "sdme.oci.blob"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local layer <const> = require "sdme.store.layer"
local platform <const> = require "sdme.oci.platform"
local reference <const> = require "sdme.oci.reference"
local task <const> = require "sdme.task"
local tar <const> = require "sdme.export.tar"

local M <const> = {}

local OCI <const> = "application/vnd.oci.image."

---@type table<string, string>
M.MEDIA_TYPES = {
    index = OCI .. "index.v1+json", manifest = OCI .. "manifest.v1+json",
    config = OCI .. "config.v1+json", none = OCI .. "layer.v1.tar",
    gzip = OCI .. "layer.v1.tar+gzip", zstd = OCI .. "layer.v1.tar+zstd",
}

---How layers can be compressed; the first one is how they are otherwise.
---@type string[]
M.compressions = { "gzip", "zstd", "none" }

---Raises if layers can't be compressed like this.
---@param name string?
function M.check_compression(name)
    for _, known in ipairs(M.compressions) do
        if not name or name == known then
            return
        end
    end
    fault.usage("layers are compressed by %s, not by %s", table.concat(M.compressions, ", "),
        tostring(name))
end

local NANOSECONDS <const> = 1000000000

-- What runs in a system that came without a config.
local DEFAULT_CMD <const> = { "/bin/sh" }

---@class sdme.oci.Part a layer that is to go out
---@field path string its tree, with overlayfs's whiteouts
---@field base integer the id on the disk of its user 0
---@field id string? in the store
---@field diff_id string? of the tar stream that it came from
---@field blobs table[] what it came or went out as: `digest`, `media_type`, `size`, and `diff_id`
---  where that isn't the layer's own
---@field comment string? what made it
---@field created string?

---@class sdme.oci.Composition
---@field parts sdme.oci.Part[] from the bottom to the top
---@field config table? the config that the lower ones came with, as config.parse gives it
---@field created string
---@field name string
---@field origin table? where they came from

---A layer of the store.
---@param id string
---@return sdme.oci.Part
function M.part(id)
    local found <const> = layer.read(id)
    return {
        path = layer.path(id), base = found.base, id = id, diff_id = found.diff_id,
        blobs = found.blobs or {}, comment = found.comment, created = found.created,
    }
end

---What a layer was compressed by, from its media type.
---@param media_type string
---@return string
function M.compression(media_type)
    return media_type:find "zstd$" and "zstd" or media_type:find "gzip$" and "gzip" or "none"
end

---The blobs that a layer is known to be, as descriptors.
---@param part sdme.oci.Part
---@param compression string? only those
---@return table[] descriptors with `diff_id`
function M.known(part, compression)
    local known <const> = {}
    for _, one in ipairs(part.blobs) do
        local how <const> = M.compression(one.media_type)
        local diff_id <const> = one.diff_id or part.diff_id
        local wanted <const> = not compression or how == compression
        if wanted and diff_id and reference.is_digest(one.digest) then
            known[#known + 1] = {
                digest = one.digest, size = one.size, diff_id = diff_id,
                media_type = M.MEDIA_TYPES[how],
            }
        end
    end
    return known
end

---Packs a layer, and remembers as what.
---@param part sdme.oci.Part
---@param output any descriptor to write to
---@param options { compression: string?, level: integer?, progress: fun(done: integer)? }
---@return table descriptor with `diff_id`
function M.pack(part, output, options)
    local compression <const> = options.compression or M.compressions[1]
    local root <close> = fault.check(core.file.open_directory(part.path))
    local packed <const> = tar.write(root, output, {
        base = part.base, compression = compression, level = options.level, whiteouts = true,
        progress = options.progress,
    })
    local descriptor <const> = {
        digest = packed.digest, size = packed.size, diff_id = packed.diff_id,
        media_type = M.MEDIA_TYPES[compression],
    }
    if part.id then
        layer.add_blob(part.id, descriptor)
    end
    return descriptor
end

-- Names that are in Go's JSON what the left ones are in ours.
local PROGRAM <const> = {
    { "user", "User" }, { "env", "Env" }, { "entrypoint", "Entrypoint" }, { "cmd", "Cmd" },
    { "workdir", "WorkingDir" }, { "stop_signal", "StopSignal" }, { "labels", "Labels" },
    { "shell", "Shell" },
}

-- An object with empty objects, of the keys that a list has.
local function set_of(list, key)
    local set <const> = {}
    for _, entry in ipairs(list or {}) do
        set[key(entry)] = {}
    end
    return set
end

local function nanoseconds(seconds)
    return math.tointeger(seconds * NANOSECONDS // 1)
end

local function healthcheck(health)
    return health and {
        Test = health.test, Interval = nanoseconds(health.interval),
        Timeout = nanoseconds(health.timeout), StartPeriod = nanoseconds(health.start_period),
        StartInterval = health.start_interval and nanoseconds(health.start_interval),
        Retries = health.retries,
    }
end

-- How the program runs, as the image specification has it (config.md, "config").
local function program(config)
    local made <const> = {}
    for _, names in ipairs(PROGRAM) do
        local value <const> = config[names[1]]
        if value ~= nil and value ~= "" and not (type(value) == "table" and next(value) == nil) then
            made[names[2]] = value
        end
    end
    local ports <const> = set_of(config.ports, function(port)
        return ("%d/%s"):format(port.port, port.protocol)
    end)
    local volumes <const> = set_of(config.volumes, function(path) return path end)
    made.ExposedPorts = next(ports) and ports or nil
    made.Volumes = next(volumes) and volumes or nil
    made.Healthcheck = healthcheck(config.healthcheck)
    return made
end

-- Whether the lower layers are those that a config names, each once.
local function has_layers_of(composition, config)
    for i, diff_id in ipairs(config.diff_ids or {}) do
        if (composition.parts[i] or {}).diff_id ~= diff_id then
            return false
        end
    end
    return true
end

-- What the lower layers came from, and how many there are; nothing if it doesn't fit them.
local function own_history(composition, config)
    local entries <const>, count = {}, 0
    for i, entry in ipairs(config.history or {}) do
        entries[i] = entry
        count = count + (entry.empty_layer and 0 or 1)
    end
    if count == #(config.diff_ids or {}) and has_layers_of(composition, config) then
        return entries, count
    end
    return {}, 0
end

-- The history that came with the image, and an entry for each layer above it.
local function history(composition, config)
    local entries <const>, count <const> = own_history(composition, config)
    for i = count + 1, #composition.parts do
        local part <const> = composition.parts[i]
        entries[#entries + 1] = {
            created = part.created or composition.created, created_by = "sdme",
            comment = part.comment,
        }
    end
    return json.array(entries)
end

---The config of an image.
---@param composition sdme.oci.Composition
---@param diff_ids string[]
---@return string bytes
function M.config(composition, diff_ids)
    local config <const> = composition.config or { cmd = DEFAULT_CMD }
    local host <const> = platform.host()
    local known <const> = (config.architecture or "") ~= "" and config or host
    return json.encode {
        architecture = known.architecture, variant = known.variant,
        os = (known.os or "") ~= "" and known.os or host.os, created = composition.created,
        config = program(config), history = history(composition, config),
        rootfs = { type = "layers", diff_ids = json.array(diff_ids) },
    }
end

local function plain(descriptor)
    return { mediaType = descriptor.media_type, digest = descriptor.digest, size = descriptor.size }
end
M.plain = plain

-- What has become of each part, in their order; several strands take from one list.
local function put_layers(parts, sink)
    local descriptors <const>, workers <const>, taken = {}, {}, 0
    local function work()
        while taken < #parts do
            taken = taken + 1
            local i <const> = taken
            descriptors[i] = sink:layer(parts[i])
        end
    end
    for i = 1, math.min(sink.parallel or 1, #parts) do
        workers[i] = work
    end
    task.together(table.unpack(workers))
    return descriptors
end

---Has every part of an image put somewhere.
---@param composition sdme.oci.Composition
---@param sink table `layer(part)` gives a descriptor with `diff_id`, and is called for so many at
---  once as `parallel` says, or one after the other; `blob(descriptor, bytes)` takes the config
---@return table descriptor of the manifest
---@return string bytes of the manifest
function M.assemble(composition, sink)
    local layers <const>, diff_ids <const> = json.array(), {}
    for i, descriptor in ipairs(put_layers(composition.parts, sink)) do
        layers[i], diff_ids[i] = plain(descriptor), descriptor.diff_id
    end
    local config <const> = M.config(composition, diff_ids)
    local descriptor <const> = {
        media_type = M.MEDIA_TYPES.config, digest = blob.digest(config), size = #config,
    }
    sink:blob(descriptor, config)
    local manifest <const> = json.encode {
        schemaVersion = 2, mediaType = M.MEDIA_TYPES.manifest, config = plain(descriptor),
        layers = layers,
    }
    return {
        media_type = M.MEDIA_TYPES.manifest, digest = blob.digest(manifest), size = #manifest,
    }, manifest
end

-- What of a rootfs or a container is meant: its system, or an application in it.
local function chosen(description, app_name)
    if not app_name then
        return description, (description.image or {}).config
    end
    for _, app in ipairs(description.apps or {}) do
        if app.name == app_name then
            return app, app.config
        end
    end
    return fault.raise("ENOENT", nil, "%s has no application %s", description.name, app_name)
end

---The image that a rootfs is, or a container.
---@param description table as rootfs.read and state.container give it
---@param options { app: string?, own: sdme.oci.Part? }? `app`: that application's image; `own`: a
---  layer above those of the store
---@return sdme.oci.Composition
function M.of(description, options)
    options = options or {}
    local one <const>, config <const> = chosen(description, options.app)
    local parts <const> = {}
    for i, id in ipairs(one.layers) do
        parts[i] = M.part(id)
    end
    parts[#parts + 1] = options.own
    local epoch <const> = tar.source_date()
    return {
        name = description.name, parts = parts, config = config, origin = one.origin,
        created = epoch and os.date("!%Y-%m-%dT%H:%M:%SZ", epoch)
            or #parts == #((config or {}).diff_ids or {}) and config.created
            or description.created,
    }
end

return M
