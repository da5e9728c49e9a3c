-- The public API: what `require "sdme"` gives. Every part is loaded when it is first used, so that
-- a script pays for what it takes.

local core <const> = require "sdme.core"

---What scripts use. It works in a script that `sdme run` runs, and in a stock `lua5.4` where sdme
---is installed.
---@class sdme
---@field version string the version
---@field fs sdme.fs root filesystems
---@field task sdme.task waiting, and doing several things at once
---@field config sdme.config the configuration
---@field core sdme.core the runtime
local M <const> = { version = core.version, core = core }

---Makes a container that doesn't run, a clone of this host or of a rootfs, and returns it; a name
---is made up if the settings have none. With `started = true` it starts the container and waits for
---its boot, as long as `timeout` says.
---
---Raises `EUSAGE` for a wrong setting, `EEXIST` if the name is taken.
---
---```lua
---local db <const> = sdme.create { name = "db", memory = "256M", env = { TIER = "test" } }
---print(db.name, db:status())
---db:remove()
---```
---@param settings sdme.Settings? how it differs from a plain clone of this host
---@return sdme.Container container
function M.create(settings)
    return require("sdme.container").create(settings)
end

---Makes a container as `sdme.create` does, starts it and waits for its boot; `boot_seconds` of the
---container is what that took. In a `<close>` variable it is stopped at the end of the block.
---
---Raises what `sdme.create` does, and `EBOOT` as `container:start` does.
---
---```lua
---local clone <close> = sdme.new { ephemeral = true }
---print(("%s is up after %.2f s"):format(clone.name, clone.boot_seconds))
---```
---@param settings sdme.Settings? how it differs from a plain clone of this host
---@return sdme.Container container
function M.new(settings)
    return require("sdme.container").new(settings)
end

---The container of that name, or the one whose name alone begins so.
---
---Raises `ENOENT` if there is none, `EUSAGE` if several begin so.
---
---```lua
---print(sdme.container("we").name)
---```
---@param name string its name, or the beginning of it
---@return sdme.Container container
function M.container(name)
    return require("sdme.container").get(name)
end

---All containers, by name.
---
---```lua
---for _, container in ipairs(sdme.containers()) do
---    print(container.name, container:status())
---end
---```
---@return sdme.Container[] containers
function M.containers()
    return require("sdme.container").list()
end

---Makes a pod, a network with nothing but loopback, and returns it. Containers with the setting
---`pod` share it; of those with `oci_pod` their applications do.
---
---Raises `EEXIST` if the name is taken.
---
---```lua
---local shop <const> = sdme.create_pod "shop"
---print(shop:inspect().status)
---shop:remove()
---```
---@param name string its name
---@param options sdme.PodOptions? what it has
---@return sdme.Pod pod
function M.create_pod(name, options)
    return require("sdme.pod").create(name, options)
end

---The pod of that name; or, of a table, a definition of what a pod and its containers are to be
---like, which `sdme run` of a script that returns it brings up, and `definition:up` too.
---
---Raises `ENOENT` if there is none of that name; `EUSAGE`, with the line of the script, for what it
---doesn't know.
---
---```lua
---local shop <const> = sdme.pod {
---    name = "shop",
---    containers = {
---        db = { memory = "512M", ready = { exec = { "systemctl", "is-active", "dbus" } } },
---        front = { after = { "db" } },
---    },
---}
---shop:up { quiet = true }
---print(#shop:plan(), shop:plan()[1].action)
---shop:down()
---```
---@param what string|sdme.PodDescriptionTable its name, or what it is to be like
---@return sdme.Pod|sdme.PodDefinition pod
function M.pod(what)
    if type(what) == "table" then
        -- Not a tail call, which would hide who has called.
        local definition <const> = require("sdme.pod.definition").new(what)
        return definition
    end
    return require("sdme.pod").get(what)
end

---All pods, by name.
---
---```lua
---for _, pod in ipairs(sdme.pods()) do
---    print(pod.name, table.concat(pod:containers(), " "))
---end
---```
---@return sdme.Pod[] pods
function M.pods()
    return require("sdme.pod").list()
end

---A secret by its name, which need not exist yet: containers may have it as the value of a variable
---in `env` and `oci_env`, and in `secrets`, and steps of recipes in theirs. It isn't in what these
---are made of, nor in what is shown of them.
---
---Raises `EUSAGE` for what can't be a name.
---
---```lua
---local token <const> = sdme.secret "token"
---token:set "s3cr3t"
---print(token, #token:value())
---token:remove()
---```
---@param name string its name
---@return sdme.Secret secret
function M.secret(name)
    return require("sdme.secret").new(name)
end

---All secrets, by name.
---
---```lua
---for _, secret in ipairs(sdme.secrets()) do
---    print(secret.name, table.concat(secret:users(), " "))
---end
---```
---@return sdme.Secret[] secrets
function M.secrets()
    return require("sdme.secret").list()
end

---Root filesystems: each is a name for a stack of layers, which never change. Containers share
---them.
---@class sdme.fs
M.fs = {}

---Makes a rootfs of a directory, a tar archive, a disk image, an `http(s)://` URL of one, or an
---image (its name in a registry, an OCI layout, an archive), and returns it. What exists under the
---name is replaced only with `force`, and only by what is complete.
---
---Raises `EEXIST` if the name is taken, `EFORMAT` for a file that is broken or of an unknown kind,
---`EDIGEST` for one with another digest, `EUNSUPPORTED` where systemd can't be had.
---
---```lua
---local tree <const> = sdme.fs.import("/srv/debian", { name = "small", quiet = true })
---print(tree.name, #tree:inspect().layers)
---tree:remove()
---```
---@param source string a path, a URL, or the name of an image: what a file is, its content tells
---@param options sdme.ImportOptions? what it becomes, and how
---@return sdme.Rootfs rootfs
function M.fs.import(source, options)
    return require("sdme.rootfs").import(source, options)
end

---The rootfs of that name.
---
---Raises `ENOENT` if there is none.
---@param name string its name
---@return sdme.Rootfs rootfs
function M.fs.get(name)
    return require("sdme.rootfs").get(name)
end

---All root filesystems, by name.
---
---```lua
---for _, one in ipairs(sdme.fs.list()) do
---    print(one.name, #one:users())
---end
---```
---@return sdme.Rootfs[] list
function M.fs.list()
    return require("sdme.rootfs").list()
end

---Names the functions that are told how far things are, and asked, from now on, and returns those
---that were before. By default nobody is; in the interpreter it is the terminal. What such a
---function raises ends the operation.
---
---Raises if the observer has anything but the functions `progress`, `note` and `confirm`.
---
---```lua
---sdme.observe {
---    progress = function(event) print(event.what, event.done, event.finished) end,
---    note = print,
---}
---```
---@param observer sdme.Observer? nil: nobody
---@return sdme.Observer before who was told before
function M.observe(observer)
    local before <const> = require("sdme.observe").set(observer)
    return before
end

---Describes how a root filesystem is made: from what, and by which steps. Nothing is built until
---`recipe:build`, `sdme.build`, `sdme fs build` or `sdme run`. `from` is the name of a rootfs,
---`"scratch"` for nothing, whatever `sdme.fs.import` takes, `{ source =, ... }` with options of
---that, or another recipe. `build` gets the builder and the arguments that the build was given.
---
---Raises `EUSAGE`, with the line of the script, for what it doesn't know.
---
---```lua
---local recipe <const> = sdme.recipe {
---    name = "greeting", from = "debian",
---    build = function(b, arg)
---        b:write("/etc/motd", "built by " .. (arg[1] or "sdme"))
---        b:run { "ls", "-l", "/etc/motd" }
---    end,
---}
---print(recipe.name)
---```
---@param description sdme.RecipeDescription what it is made of
---@return sdme.Recipe recipe
function M.recipe(description)
    -- Not a tail call, which would hide who has called.
    local recipe <const> = require("sdme.recipe").new(description)
    return recipe
end

---Builds recipes side by side, and gives each result its name. What several of them need is built
---once; steps that were done before on the same state aren't done again.
---
---Raises the first failure once all have come to their end.
---@param ... sdme.Recipe|sdme.BuildOptions recipes, and a table of options at the end
---@return sdme.Rootfs ... one for each
function M.build(...)
    return require("sdme.recipe").build(...)
end

---Runs functions side by side and returns the first result of each. What waits in one of them lets
---the others go on. All of them come to their end; then the first error, if there was one, is
---raised.
---
---```lua
---local host, date = sdme.all(function()
---    return web:exec({ "hostname" }).stdout
---end, function()
---    return web:exec({ "date" }).stdout
---end)
---print(host, date)
---```
---@param ... fun(): any what to run
---@return any ... the first result of each
function M.all(...)
    return require("sdme.task").all(...)
end

local LAZY <const> = { task = "sdme.task", config = "sdme.config" }

return setmetatable(M, {
    -- What there is besides what is loaded, for the prompt.
    __names = LAZY,
    __index = function(self, key)
        if not LAZY[key] then
            return nil
        end
        self[key] = require(LAZY[key])
        return self[key]
    end,
})
