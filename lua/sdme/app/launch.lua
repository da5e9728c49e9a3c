-- What the launcher does for the applications of a container: their files, and what those need that
-- no image has.

local app <const> = require "sdme.app"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local files <const> = require "sdme.container.files"
local guest_program <const> = require "sdme.guest_program"
local memory <const> = require "sdme.container.memory"
local secret <const> = require "sdme.app.secret"
local secrets <const> = require "sdme.secret"
local store <const> = require "sdme.store"
local text <const> = require "sdme.unit.text"
local volume <const> = require "sdme.app.volume"

local file <const> = core.file

local M <const> = {}

-- What systemd mounts over with files of the container, as the unit says.
local MOUNT_POINTS <const> = { "/etc/resolv.conf", "/etc/hosts" }

local function make_directory(path, at)
    fault.check(file.mkdir(path,
        { root = at.root, parents = true, mode = "0755", uid = at.base, gid = at.base }))
end

local function make_file(path, at)
    if not file.exists(path, { root = at.root }) then
        make_directory(path:match "^(.*)/", at)
        fault.check(file.write(path, "",
            { root = at.root, mode = "0644", uid = at.base, gid = at.base, sync = false }))
    end
end

-- The files of one application are complete: it has all that is mounted over, and where it begins.
local function prepare(one, at)
    for _, path in ipairs(MOUNT_POINTS) do
        make_file(path, at)
    end
    for _, path in ipairs { "/dev", "/proc", "/run", "/sys", one.config.workdir } do
        if not file.stat(path, { root = at.root, follow = true }) then
            make_directory(path, at)
        end
    end
end

local function mount_programs(at)
    local directory <const> = guest_program.path("isolate"):match "^(.*)/"
    make_directory(app.PROGRAMS, at)
    local target <close> = fault.check(file.open_directory(app.PROGRAMS, { root = at.root }))
    local mounted <close> = fault.check(core.mount.clone(directory, { read_only = true }))
    fault.check(core.mount.attach(mounted, target))
end

-- What the application's secrets are mounted on.
local function make_secrets(description, directory, at)
    local path <const> = secret.DIRECTORY:match "^/run(/.*)$"
    local run <close> = fault.check(file.open_directory(directory))
    if #(description.settings.secrets or {}) > 0 then
        make_directory(path, { root = run, base = at.base })
    end
end

-- What the application sees as /run: what its image has there, anew each time, and to be changed
-- even where the container's files can't be.
local function make_run(description, one, root, at)
    local directory <const> = store.path("containers", description.name, "apps", one.name, "run")
    if file.stat(directory) then
        fault.check(core.tree.remove(directory))
    end
    local source <close> = fault.check(file.open_directory("/run", { root = root }))
    fault.check(core.tree.copy(".", directory, { source_root = source }))
    make_secrets(description, directory, at)
    make_directory(app.run(one.name), at)
    return { source = directory, target = app.run(one.name), owners = "disk" }
end

local function mount(description, one, at, note)
    local path <const> = app.root(one.name)
    local mounted <close> = files.mount(description, { path = path, note = note })
    make_directory(path, at)
    local target <close> = fault.check(file.open_directory(path, { root = at.root }))
    fault.check(core.mount.attach(mounted, target))
    local root <close> = fault.check(file.open_directory(path, { root = at.root }))
    prepare(one, { root = root, base = at.base })
    mount_programs { root = root, base = at.base }
    local binds <const> = volume.prepare(description, one, root, at.base)
    binds[#binds + 1] = make_run(description, one, root, at)
    return binds
end

---What is in the file of the environment that a container gives its applications.
---@param env table<string, string>
---@return string
function M.environment(env)
    local lines <const> = {}
    for name, value in pairs(env) do
        lines[#lines + 1] = text.assignment(name, value)
    end
    table.sort(lines)
    return table.concat(lines)
end

-- Its file is in memory, so in no layer, and on no command line.
local function mount_environment(description, one, at)
    local env <const> = description.settings.oci_env
    if not env or not next(env) then
        return
    end
    local path <const> = memory.path(description.name, "applications.conf")
    fault.check(file.write(path, M.environment(secrets.resolve(env)),
        { mode = "0600", uid = at.base, gid = at.base, sync = false }))
    make_file(app.environment(one.name), at)
    local target <close> = fault.check(file.open(app.environment(one.name), { root = at.root }))
    local mounted <close> = fault.check(core.mount.clone(path, { read_only = true }))
    fault.check(core.mount.attach(mounted, target))
end

local function mount_secrets(one, directory, at)
    if directory then
        make_directory(app.secrets(one.name), at)
        local target <close> =
            fault.check(file.open_directory(app.secrets(one.name), { root = at.root }))
        local mounted <close> = fault.check(core.mount.clone(directory, { read_only = true }))
        fault.check(core.mount.attach(mounted, target))
    end
end

-- The settings may have changed since the units were written.
local function write_units(description, one, at)
    for path, content in pairs(app.units(one, description.settings)) do
        if file.read(path, { root = at.root }) ~= content then
            make_directory(path:match "^(.*)/", at)
            fault.check(file.write(path, content,
                { root = at.root, mode = "0644", uid = at.base, gid = at.base, sync = false }))
        end
    end
end

---Mounts the applications of a container in its files.
---@param description table the state of the container
---@param root userdata a descriptor of its mounted root
---@param note fun(...: string) is told what takes long
---@return table[] binds as the setting has them; `owners` is "disk" where none are to be mapped
function M.mount(description, root, note)
    local at <const> = {
        root = root, base = description.userns and description.userns.base or 0,
    }
    local binds <const> = {}
    local secrets_directory <const> = description.apps and secret.write(description)
    for _, one in ipairs(description.apps or {}) do
        local own <const> = mount(description, one, at, note)
        table.move(own, 1, #own, #binds + 1, binds)
        mount_environment(description, one, at)
        mount_secrets(one, secrets_directory, at)
        write_units(description, one, at)
    end
    return binds
end

return M
