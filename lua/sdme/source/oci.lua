-- An image as a rootfs: the base of a system, or an application on the base that is there already.

local config <const> = require "sdme.config"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local layer <const> = require "sdme.store.layer"
local mode <const> = require "sdme.oci.mode"
local pull <const> = require "sdme.oci.pull"
local printable <const> = require("sdme.text").printable
local sources <const> = require "sdme.source"

local M <const> = {}

-- What opens the kinds of place that images come from.
local OPENERS <const> = {
    registry = "sdme.oci.registry", layout = "sdme.oci.layout",
    docker_archive = "sdme.oci.docker_archive",
}

-- What may turn out to be an image.
local PERHAPS <const> = { archive = true, remote = true }

-- Of a config that is larger, the history goes: a rootfs is read as a whole wherever it is used.
local LARGE_CONFIG <const> = 64 << 10
local MAX_CONFIG <const> = 256 << 10

-- Seconds of waiting for a registry that are told of.
local LONG_PAUSE <const> = 2

local MODES <const> = { auto = true, base = true, app = true }

local function open(source, context)
    local options <const> = context.options
    return require(OPENERS[source.kind]).open(source.reference or source.path, {
        platform = options.platform, credentials = options.credentials, quiet = options.quiet,
        tag = source.tag, name = source.name,
        retry = {
            waiting = function(why, seconds)
                if seconds >= LONG_PAUSE then
                    context.progress:note(("%s: again in %.0f s"):format(why.message, seconds))
                end
            end,
        },
    })
end

local function verify(image, wanted)
    if wanted and image.digest ~= wanted then
        fault.raise("EDIGEST", nil, "the manifest of %s has the digest %s, not %s", image.name,
            image.digest, wanted)
    end
end

-- What is kept of an image's config.
local function kept(image)
    local copy <const> = {}
    for key, value in pairs(image.config) do
        copy[key] = value
    end
    if #json.encode(copy) > LARGE_CONFIG then
        copy.history = nil
    end
    local size <const> = #json.encode(copy)
    if size > MAX_CONFIG then
        fault.raise("E2BIG", nil, "%s: its config has %d bytes, of which %d are kept at most",
            image.name, size, MAX_CONFIG)
    end
    return copy
end

-- The root filesystem that an application is to run in, which stays as long as the transaction.
local function base_of(image, context)
    local name <const> = context.options.base_fs or config.get "default_base_fs"
    if not name then
        fault.raise("EUSAGE", "--base-fs NAME says which, or: sdme config set default_base_fs NAME",
            "%s is an application, and runs in a root filesystem with systemd", image.name)
    end
    local base <const> = require("sdme.rootfs").read(name)
    if not base.systemd then
        fault.raise("EINVAL", "sdme fs ls shows those that have it",
            "rootfs %s has no systemd to run %s", name, image.name)
    end
    for _, id in ipairs(layer.named(base)) do
        context.transaction:use(id)
    end
    layer.check(layer.named(base), "rootfs " .. name)
    return base, name
end

local function add_app(apps, app, base_name)
    for _, other in ipairs(apps) do
        if other.name == app.name then
            fault.raise("EEXIST", "import it onto another --base-fs",
                "rootfs %s has an application %s", base_name, app.name)
        end
    end
    apps[#apps + 1] = app
    return apps
end

-- The base as it is, with one application more.
local function read_app(source, image, origin, context)
    local base <const>, base_name <const> = base_of(image, context)
    local app <const> = {
        name = sources.name(source.suggested), config = kept(image), origin = origin,
        digest = image.digest, media_type = image.media_type,
    }
    local apps <const> = add_app(base.apps or {}, app, base_name)
    app.layers = json.array(pull.layers(image, context))
    return base.layers, { kind = "image", source = origin.source, digest = origin.digest,
        base = base_name },
        { apps = apps, image = base.image, os = base.os, systemd = base.systemd }
end

---@param source sdme.Source
---@param context table
---@return string[] layers
---@return table origin
---@return table more what else is known of the rootfs
function M.read(source, context)
    local options <const> = context.options
    local image <close> = open(source, context)
    verify(image, options.verify)
    local wanted <const> = options.oci_mode or context.oci_mode or "auto"
    local origin <const> = { kind = "image", source = image.name, digest = image.digest }
    if (wanted == "auto" and mode.of(image.config) or wanted) == "app" then
        return read_app(source, image, origin, context)
    elseif options.base_fs then
        fault.raise("EUSAGE", "--oci-mode=app has it run as an application",
            "%s is the base of a system, and needs no other", image.name)
    end
    local description <const> = {
        digest = image.digest, media_type = image.media_type, config = kept(image),
    }
    return pull.layers(image, context), origin, { image = description }
end

---Raises for options that only images have: for what is no image.
---@param source sdme.Source
---@param options table
function M.refuse_options(source, options)
    for _, option in ipairs { "platform", "credentials", "base_fs", "oci_mode" } do
        if options[option] then
            fault.usage("%s is no image, which `%s` is for", source.text, option)
        end
    end
end

---Raises for options that only images have, and for those that make no sense.
---@param source sdme.Source
---@param options table
function M.check_options(source, options)
    if options.oci_mode and not MODES[options.oci_mode] then
        fault.usage("import: oci_mode is auto, base or app, not %s", printable(options.oci_mode))
    elseif not OPENERS[source.kind] and not PERHAPS[source.kind] then
        M.refuse_options(source, options)
    end
end

return M
