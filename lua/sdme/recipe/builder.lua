-- What a recipe's function gets: each call is a step, which is done or found at once, so that the
-- next line of the recipe can look at the result.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local layer <const> = require "sdme.store.layer"
local look <const> = require "sdme.recipe.look"
local parts <const> = require "sdme.recipe.parts"
local position <const> = require "sdme.recipe.position"
local record <const> = require "sdme.recipe.record"
local step <const> = require "sdme.step"
local tar <const> = require "sdme.export.tar"
local text <const> = require "sdme.text"
local view <const> = require "sdme.view"

local file <const> = core.file

local M <const> = {}

---What a recipe's function gets. Each method is a step, which is done or found at once; one that
---was called wrongly, or fails, raises with the line of the recipe.
---@class sdme.Builder
---@field recipe sdme.Recipe whose steps they are
---@field layers string[] what the state so far is made of, from the bottom to the top
---@field config table how the image runs so far: `env`, `workdir`, `user`, `labels`, `entrypoint`,
---  `cmd`
local Builder <const> = {}

-- A step is a module below sdme.recipe.step:
--   name        what the method is called
--   metadata    whether it only changes how the result runs: `set(config, doing)`
--   prepare     (builder, ...) -> doing, extra: checks the arguments. What the key is made of is
--               `doing`, plain data: contents, owners, modes, never paths of the host or times
--   apply       (context, doing, extra): writes below the new layer, or runs something in it
--   what        (doing, extra) -> the step in a few words
local function perform(self, name, ...)
    local module <const> = require("sdme.recipe.step." .. name)
    local where <const> = position.of_caller(self.recipe.make)
    local doing <const>, extra <const> = position.blame(where, module.prepare, self, ...)
    local one <const> = {
        module = module, doing = doing, extra = extra, where = position.text(where),
        number = #self.record.steps + 1,
        what = text.printable(module.what and module.what(doing, extra) or ""),
    }
    if module.metadata then
        self:set(one)
    else
        self:make(one)
    end
end

---Runs a line of `/bin/sh -e`, or a program, in a container that isn't booted, and shows what it
---prints. What belongs to the run is taken out of the layer: logs, the machine's id.
---@param command string|string[] the line, or the program and its arguments
---@param options sdme.RunOptions? how
function Builder:run(command, options)
    perform(self, "run", command, options)
end

---Writes a file. Directories on the way to it are made.
---@param path string absolute
---@param content string any bytes
---@param options sdme.WriteOptions? whose it is, and its mode
function Builder:write(path, content, options)
    perform(self, "write", path, content, options)
end

---Copies files of this host, of what another recipe makes, of a rootfs, or of a container as it is.
---
---A source is a file or a directory; `site/`, with a slash, is what is in a directory. Patterns are
---the shell's (`*`, `?`, `[a-z]`; a dot at the start of a name is matched only by one), and `**` is
---any number of directories: what matches lands under the path that it has from the pattern on.
---Relative paths count from the recipe's file. Symlinks are copied as such.
---
---A destination that is a directory already, or ends with a slash, gets the source under its name;
---else the source becomes that. Directories on the way to it are made. A directory that is there
---keeps its owner and mode, and gets what it lacks; files are replaced. The destination's symlinks
---are followed in what is being made.
---
---What a `.sdmeignore` in the source's directory says is left out, and that file too. It has the
---rules of gitignore(5): `*.o` at any depth, `/build` at the top, `cache/` for directories,
---`doc/**/*.html`, `!keep.o` for what is taken nevertheless.
---
---What comes from this host is root's, and whatever gets an owner so has no setuid bits,
---capabilities or ACLs of the one before. Times are those of the sources, or all
---`SOURCE_DATE_EPOCH` where that is set; they don't count for whether a step was done, nor does
---where the sources are. A file that changes meanwhile is an error.
---@param sources string|string[] one or several
---@param destination string absolute, or below the working directory
---@param options sdme.CopyOptions? where from, whose it becomes, and what is left out
function Builder:copy(sources, destination, options)
    perform(self, "copy", sources, destination, options)
end

---Boots what was made so far, calls a function with the guest, and stops it: what has changed since
---is the layer. The guest has only a loopback, unless a setting such as `network_veth` gives it
---more, and is gone at the end, whatever happens; `sdme ps` shows it until then. What is only of
---the boot isn't in the layer: the guest's name and id, logs, masks.
---
---Where the step was done before, the function isn't called, so it can't return anything. That is
---told by its code, and by the values that it has from around it: those of global variables don't
---count. What the function reads elsewhere doesn't either: `key` tells of that.
---@param work fun(c: sdme.Container) what is done; the step fails if it raises
---@param options sdme.BootOptions? the guest's settings, and what tells whether it was done
function Builder:boot(work, options)
    perform(self, "boot", work, options)
end

---Reads a file of what was made so far. Raises `ENOENT` if there is none.
---@param path string absolute, or below the working directory
---@return string # its content
function Builder:read(path)
    return (look.read(self, path)) -- no tail call: the line of the caller would be lost
end

---Tells whether there is something in what was made so far. A symlink that leads nowhere is
---nothing.
---@param path string absolute, or below the working directory
---@return boolean exists
function Builder:exists(path)
    return look.stat(self, path) ~= nil
end

---Tells what a path of what was made so far leads to.
---@param path string absolute, or below the working directory
---@return { type: string, size: integer, mode: integer, uid: integer, gid: integer }? # nil if
---  there is nothing
function Builder:stat(path)
    return (look.stat(self, path))
end

---Tells what system was made so far.
---@return table<string, string> # the fields of its os-release(5); none if it has no such file
function Builder:os()
    return look.os(self)
end

---Removes files, and directories with all that is in them; they must be there.
---@param ... string absolute paths
function Builder:remove(...)
    perform(self, "remove", ...)
end

---Has units start at boot, by the system's own systemctl.
---@param ... string units; "nginx" is "nginx.service"
function Builder:enable(...)
    perform(self, "enable", ...)
end

---Has units not start at boot, by the system's own systemctl.
---@param ... string units
function Builder:disable(...)
    perform(self, "disable", ...)
end

---Keeps units from starting at all.
---@param ... string units
function Builder:mask(...)
    perform(self, "mask", ...)
end

---Sets a variable for later steps and for the image's program.
---@param name string|table<string, string> its name, or values by name
---@param value string? what it is set to
function Builder:env(name, value)
    perform(self, "env", name, value)
end

---Says something of the image, for others to read.
---@param name string|table<string, string> the label, or values by label
---@param value string? what it says
function Builder:label(name, value)
    perform(self, "label", name, value)
end

---Says where later steps and the image's program begin. A `run` makes the directory if it is
---missing.
---@param path string absolute, or below the one before
function Builder:workdir(path)
    perform(self, "workdir", path)
end

---Says who runs later steps and the image's program.
---@param user string `USER[:GROUP]`, names or numbers of the system's own
function Builder:user(user)
    perform(self, "user", user)
end

---Says what the image's program is.
---@param program string|string[] a program and its arguments, or a line of the shell
---@param arguments string[]? further ones, which whoever runs it may replace
function Builder:entrypoint(program, arguments)
    perform(self, "entrypoint", program, arguments)
end

---Does the steps of another recipe here, whatever that one begins with.
---@param recipe sdme.Recipe whose steps
---@param arg string[]? its arguments; those of this build without
function Builder:use(recipe, arg)
    require("sdme.recipe.use").use(self, recipe, arg)
end

-- Raised with the line of the recipe that asks for it.
local function refuse(name)
    local names <const> = {}
    for known in pairs(Builder) do
        names[#names + 1] = known
    end
    table.sort(names)
    local meant <const> = text.nearest(tostring(name), names)
    fault.raise("EUSAGE", meant and ("did you mean %s?"):format(meant) or nil,
        "a recipe has no step '%s'", tostring(name))
end

Builder.__index = function(self, name)
    if Builder[name] == nil then
        position.blame(position.of_caller(self.recipe.make), refuse, name)
    end
    return Builder[name]
end

---@param fields table
---@return sdme.Builder
function M.new(fields)
    fields.using = { fields.recipe }
    -- What a recipe calls and isn't there is an error, so that all of our own has to be.
    for _, name in ipairs { "before", "made", "name", "replaced" } do
        fields[name] = fields[name] or false
    end
    return setmetatable(fields, Builder)
end

---The state so far, to be looked at.
---@private
---@return userdata descriptor of its root, to be closed
function Builder:root()
    return view.stack(self.layers)
end

---The environment that a command of the image has.
---@private
---@return table<string, string>
function Builder:environment()
    local env <const> = {}
    for _, entry in ipairs(self.config.env or {}) do
        local name <const>, value <const> = entry:match "^([^=]+)=(.*)$"
        if name then
            env[name] = value
        end
    end
    return env
end

-- What is found under the key: what this recipe made of it the last time, which may be newer than
-- what others share.
local function find(self, key)
    if self.session.options.no_cache then
        return nil
    end
    for _, id in ipairs { self.known[key] or key, key } do
        if self.transaction:use(id) then
            return id
        end
    end
    return nil
end

local function note(self, one)
    local recorded <const> = {
        kind = one.module.name, what = one.what, where = one.where, key = one.key,
        layer = one.layer, seconds = one.seconds, hit = one.hit, parts = one.parts,
        config = one.module.metadata and self.config or nil,
    }
    self.record.steps[one.number] = recorded
    if self.session.options.why then
        parts.tell(self, one, (self.before or { steps = {} }).steps[one.number])
    end
end

---Takes on what a step says of how the result runs.
---@private
---@param one table
function Builder:set(one)
    local config <const> = {}
    for key, value in pairs(self.config) do
        config[key] = value
    end
    one.module.set(config, one.doing)
    self.config = config
    one.hit, one.parts = true, parts.of(one.doing)
    note(self, one)
end

-- The root directory of a new layer hides that of those below.
local function like_below(tree, layers)
    local id <const> = layers[#layers]
    local below <const>, base <const> = fault.check(file.stat(layer.path(id))), layer.base(id)
    fault.check(file.chown(tree, below.uid - base, below.gid - base))
    fault.check(file.chmod(tree, below.mode))
end

---@class sdme.StepContext
---@field stage string the directory of the new layer, whose files are in `tree`
---@field layers string[] those below, from the bottom to the top
---@field transaction sdme.Transaction
---@field environment table<string, string>
---@field user string?
---@field workdir string?
---@field recipe sdme.Recipe
---@field builder sdme.Builder
---@field what string what a fault of it is about
---@field output fun(line: string)
local Context <const> = {}
Context.__index = Context

---All that the step sees, to be changed: what is written there comes to its layer.
---@return userdata descriptor of the root, to be closed
function Context:root()
    self.roots = (self.roots or 0) + 1
    local work <const> = ("%s/work%d"):format(self.stage, self.roots)
    fault.check(file.mkdir(work, { mode = "0700" }))
    return fault.check(core.overlay.mount {
        lowers = view.lowers(self.layers), upper = self.stage .. "/tree", work = work,
        volatile = true, -- a layer is written out when its build is done
    })
end

local function new_context(self, one, new)
    local config <const> = self.config
    return setmetatable({
        stage = new.stage.path, layers = self.layers, transaction = self.transaction,
        environment = self:environment(), recipe = self.recipe, builder = self,
        user = config.user ~= "" and config.user or nil,
        workdir = config.workdir ~= "" and config.workdir or nil,
        what = ("%s: step %d (%s)"):format(self.label, one.number, one.where),
        output = function(line)
            self.session.progress:note(("%s %d | %s"):format(self.label, one.number, line))
        end,
    }, Context)
end

-- What went wrong in a step, and how to look at what it began with.
local function explain(self, one, raised)
    if not fault.is(raised) or fault.is(raised, "EINTR") or fault.is(raised, "ECANCELED") then
        return raised
    end
    local what <const> = ("%s: step %d (%s)"):format(self.label, one.number, one.where)
    if raised.message:sub(1, #what) ~= what then
        raised.message = ("%s: %s"):format(what, raised.message)
    end
    if self.name and not raised.hint then
        raised.hint = ("sdme new -r %s@%d  is what it began with"):format(self.name, one.number - 1)
    end
    return raised
end

local function fill(self, one, new)
    like_below(new.tree, self.layers)
    local fine <const>, why <const> = xpcall(one.module.apply, fault.catch,
        new_context(self, one, new), one.doing, one.extra)
    if not fine then
        error(explain(self, one, why), 0)
    end
    local epoch <const> = tar.source_date()
    if epoch then
        fault.check(core.tree.clamp(new.tree, epoch))
    end
end

-- Its layer is in the store when this returns, and on the disk when the build is done.
local function commit(self, one, new)
    local size <const> = fault.check(core.tree.measure(new.tree))
    local exists <const> = self.session.options.no_cache and layer.exists(one.key)
    return self.transaction:add(new, {
        id = not exists and one.key or nil, size = size.size, seconds = one.seconds,
        entries = size.files + size.directories, parent = self.layers[#self.layers],
        comment = one.module.name .. " " .. one.what,
    })
end

-- A container has a layer of its own above them.
local function check_room(self)
    if #self.layers >= core.overlay.max_lowers - 2 then
        fault.raise("E2BIG", "have a step do more: several lines of a shell, several files",
            "%s has %d layers, and the kernel takes no more", self.label, #self.layers)
    end
end

local function run(self, one)
    self.session:check_free(self)
    self.session.progress:note(("%s %d: %s %s"):format(self.label, one.number, one.module.name,
        one.what))
    check_room(self)
    local began <const> = core.poll.now()
    local new <close> = self.transaction:new()
    fill(self, one, new)
    one.seconds = core.poll.now() - began
    one.layer, self.made = commit(self, one, new), true
end

---Makes the layer of a step, or finds it.
---@private
---@param one table
function Builder:make(one)
    local doing <const> = {
        kind = one.module.name, doing = one.doing, epoch = tar.source_date(),
    }
    one.key = step.key(self.layers, doing)
    one.parts = parts.of(one.doing, self.layers)
    one.layer = find(self, one.key)
    one.hit = one.layer ~= nil
    if not one.hit then
        run(self, one)
    end
    self.layers[#self.layers + 1] = one.layer
    note(self, one)
    if not one.hit then
        self:save()
    end
end

---Writes down what was done: so it stays, whatever becomes of the rest.
---@private
function Builder:save()
    if not self.name then
        return
    elseif self.before and not self.replaced then
        self.replaced = true
        self.transaction:replace(self.before.layers)
    end
    record.write(self.record, self.before)
end

---What the steps have made, as rootfs.save takes it.
---@private
---@return table description
function Builder:description()
    local base <const> = self.record.base
    local description <const> = { apps = base.apps, layers = self.layers }
    description.image = next(self.config) and { config = self.config } or nil
    if description.image == nil or json.encode(self.config)
        == json.encode((base.image or {}).config or {}) then
        description.image = base.image
    end
    return description
end

return M
