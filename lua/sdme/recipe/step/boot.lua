-- Boots what the recipe has made so far, has a function work in it, and stops it again: what has
-- changed is the layer. Where that is found, the function isn't called: so it is for what it does,
-- and not for what it returns.

local container <const> = require "sdme.container"
local core <const> = require "sdme.core"
local create <const> = require "sdme.container.create"
local fault <const> = require "sdme.fault"
local fingerprint <const> = require "sdme.recipe.fingerprint"
local lifecycle <const> = require "sdme.container.lifecycle"
local personal <const> = require "sdme.personal"
local session <const> = require "sdme.container.session"
local setting <const> = require "sdme.setting"
local step <const> = require "sdme.step"
local store <const> = require "sdme.store"
local text <const> = require "sdme.text"
local traces <const> = require "sdme.recipe.traces"
local upper <const> = require "sdme.upper"
local view <const> = require "sdme.view"

local file <const> = core.file

local M <const> = { name = "boot" }

-- Settings that say what the container is, which is for the recipe to say, or how long it lives.
local REFUSED <const> = {
    "name", "fs", "ephemeral", "userns", "hardened", "strict", "overlayfs_opaque_dirs", "read_only",
    "oci_env", "no_oci_ports", "no_oci_volumes", "enable", "restart", "started", "rm_on_failure",
    "user", "pod", "oci_pod",
}

-- Lines of the guest's journal that explain a failure.
local LINES <const> = 20

-- Seconds that the guest may take to show them.
local PATIENCE <const> = 10

---@class sdme.BootOptions: sdme.Settings settings of the guest, as `sdme.new` takes them; it has no
---  network but its own loopback unless they say otherwise
---@field key string? tells instead of the function's code whether the step was done

local function check_settings(options)
    local settings <const> = {}
    for name, value in pairs(options) do
        settings[name] = value
    end
    settings.key = nil
    for _, name in ipairs(REFUSED) do
        if settings[name] ~= nil then
            fault.usage("boot has no option '%s'", name)
        end
    end
    if settings.private_network == nil then
        settings.private_network = true
    end
    local fine <const>, why <const> = pcall(setting.check, settings, { allow = "new" })
    if not fine then
        fault.usage("boot: %s", tostring(why))
    end
    return settings
end

---@param b sdme.Builder
---@param work fun(c: sdme.Container) is called with the booted guest; the step fails if it raises
---@param options sdme.BootOptions?
---@return table doing
---@return table extra
function M.prepare(b, work, options)
    options = options or {}
    if type(work) ~= "function" then
        fault.usage("boot: expected a function, not a %s", type(work))
    elseif type(options) ~= "table" then
        fault.usage("boot: expected a table of options, not a %s", type(options))
    elseif options.key ~= nil and (type(options.key) ~= "string" or not utf8.len(options.key)) then
        fault.usage("boot: 'key' is a text")
    end
    local settings <const> = check_settings(options)
    local doing <const> = { settings = fingerprint.of(settings), key = options.key }
    if not options.key then
        doing.code = fingerprint.of(work, { [b] = "the builder", [b.recipe] = "the recipe" })
    end
    return doing, { work = work, settings = settings }
end

---@return string
function M.what(_, extra)
    local info <const> = debug.getinfo(extra.work, "S")
    return ("lines %d to %d"):format(info.linedefined, info.lastlinedefined)
end

local function like_below(tree, root)
    local below <const> = fault.check(file.stat(".", { root = root }))
    fault.check(file.chmod(tree, below.mode))
    fault.check(file.chown(tree, below.uid, below.gid))
end

-- What every container has of its own, and the result of a build must not: a layer below the
-- guest's upper one, so that it never comes to the new layer.
local function add_own_layer(context, description)
    local new <close> = context.transaction:new()
    do
        local own <close> = upper.open(new.tree, view.stack(context.layers), 0)
        like_below(new.tree, own.lower)
        personal.prepare(own, description.name, description.settings)
    end
    local layers <const> = table.move(context.layers, 1, #context.layers, 1, {})
    layers[#layers + 1] = context.transaction:add(new, { comment = "of a guest of a build" })
    return layers
end

local function clean(context, tree, settings)
    step.clean(tree, context.layers)
    local opened <close> = fault.check(file.open_directory(tree))
    local below <close> = view.stack(context.layers)
    traces.remove(opened, below, settings)
end

---@class sdme.BuildContainer
---@field name string
local Guest <const> = {}
Guest.__index = Guest

local function new_guest(context, extra)
    local settings <const> = { rm_on_failure = true }
    for name, value in pairs(extra.settings) do
        settings[name] = value
    end
    settings.name = "build-" .. context.stage:match "[^/]+$":sub(1, 12)
    local name <const>, checked <const>, lock <const> = create.create(settings, {
        allow = "new", build = {
            recipe = text.printable(context.recipe.name or "a recipe"),
            stage = context.stage:match "[^/]+$", os = context.builder.record.base.os,
            layers = function(description)
                return add_own_layer(context, description)
            end,
        },
    })
    local guest <const> = setmetatable({ name = name }, Guest)
    guest.start = function()
        lifecycle.start(name, { timeout = checked.timeout, rm_on_failure = true, lock = lock })
    end
    return guest
end

-- It is gone at the end, whatever came before.
function Guest:close()
    if file.stat(store.path("containers", self.name)) then
        lifecycle.remove(self.name, { force = true })
    end
end
Guest.__close = Guest.close

-- What the guest has to say of a failure; nothing if it can't any more.
local function last_lines(name)
    local fine <const>, result <const> = pcall(session.exec, name, {
        "timeout", ("%d"):format(PATIENCE), "journalctl", "--no-pager", "--quiet", "--no-hostname",
        ("--lines=%d"):format(LINES), stdin = "",
    })
    local lines <const> = {}
    for line in (fine and result.stdout or ""):gmatch "[^\n]+" do
        lines[#lines + 1] = line
    end
    return lines
end

-- Raised by the function: as it is, with what the guest says.
local function explain(name, raised)
    if fault.is(raised, "EINTR") then
        return raised
    end
    local lines <const> = last_lines(name)
    if fault.is(raised) then
        raised.details = raised.details or lines
        return raised
    end
    return fault.new {
        message = (tostring(raised):match "^[^\n]*"), code = "ERECIPE", details = lines,
        traceback = type(raised) == "table" and raised.traceback or nil,
    }
end

-- A signal that comes while a command runs in the guest is the command's, which may say nothing of
-- it; but the build ends.
local function call(work, guest)
    local before <const> = core.interrupted()
    work(container.get(guest.name))
    if not before and core.interrupted() then
        fault.raise("EINTR", nil, "interrupted")
    end
end

---Boots, works, and takes what changed.
---@param context sdme.StepContext
---@param _ table
---@param extra table
function M.apply(context, _, extra)
    local tree <const> = context.stage .. "/tree"
    local guest <close> = new_guest(context, extra)
    guest.start()
    local fine <const>, why <const> = xpcall(call, fault.catch, extra.work, guest)
    if not fine then
        error(explain(guest.name, why), 0)
    end
    lifecycle.stop(guest.name)
    fault.check(file.rename(store.path("containers", guest.name) .. "/upper", tree))
    guest:close()
    clean(context, tree, extra.settings)
end

return M
