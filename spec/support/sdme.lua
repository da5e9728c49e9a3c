-- The sdme command as a user calls it, with a data directory of the specs' own.

local core <const> = require "sdme.core"
local json <const> = require "sdme.json"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local M <const> = {}

local BUILD <const> = os.getenv "BUILD" or "build"
local HERE <const> = shell.run "pwd"

---The interpreter under test.
M.program = (BUILD:find "^/" and BUILD or HERE .. "/" .. BUILD) .. "/bin/sdme"

local datadir

---The data directory, on a real filesystem: an overlay takes no upper layer from most others.
---@return string
function M.datadir()
    datadir = datadir or shell.run "mktemp -d /var/tmp/sdme-spec.XXXXXX"
    return datadir
end

---For `setup` of specs that use the API in this process.
function M.select()
    require("sdme.config").load { datadir = M.datadir() }
end

local function words(...)
    local list <const> = { ... }
    for i, word in ipairs(list) do
        list[i] = shell.quote(word)
    end
    return table.concat(list, " ")
end

local function slurp(path)
    local file <close> = assert(io.open(path))
    return file:read "a"
end

---Runs `prefix sdme ...`, where the prefix is shell text: an assignment, a command, a pipe.
---@param prefix string
---@return { status: integer, out: string, err: string }
function M.pipe(prefix, ...)
    local directory <const> = scratch.directory()
    local line <const> = ("export SDME_DATADIR=%s; %s %s %s >%s/out 2>%s/err"):format(M.datadir(),
        prefix, M.program, words(...), directory, directory)
    local _, _, status = os.execute(line)
    return { status = status, out = slurp(directory .. "/out"), err = slurp(directory .. "/err") }
end

---Runs `sdme ...`.
---@param ... string
---@return { status: integer, out: string, err: string }
function M.run(...)
    return M.pipe("</dev/null", ...)
end

---The same; raises unless it succeeds.
---@return string out
function M.ok(...)
    local result <const> = M.run(...)
    if result.status ~= 0 then
        error(("sdme %s: status %d\n%s"):format(words(...), result.status, result.err), 2)
    end
    return (result.out:gsub("\n$", ""))
end

---The IPv4 address of a container on a network of its own, once it has one.
---@param name string
---@return string
function M.address_of(name)
    return wait.until_true("address of " .. name, function()
        for _, address in ipairs(json.decode(M.ok("inspect", name)).addresses) do
            if address:find "^%d+%.%d+%.%d+%.%d+$" then
                return address
            end
        end
    end)
end

---Makes a container and starts it.
---@param name string
---@param ... string options of `sdme create`
function M.start(name, ...)
    M.ok("create", "--name", name, "--started", ...)
end

---What a line of a shell in a container says: a name of which it has no file is what it finds.
---@param name string
---@param line string
---@return string out
function M.inside(name, line)
    return M.ok("exec", name, "sh", "-c", line)
end

---@param name string
---@return table
function M.inspect_pod(name)
    return json.decode(M.ok("pod", "inspect", name))
end

---Starts `sdme ...` in the background, with a pipe for its stdout.
---@param first table|string a table of all words, and of what becomes of its stderr; or the first
---@param ... string
---@return userdata process of core.process
function M.spawn(first, ...)
    local given <const> = type(first) == "table" and first or { first, ... }
    return assert(core.process.spawn {
        argv = { M.program, table.unpack(given) }, stdin = "null", stdout = "pipe",
        stderr = given.stderr or "null",
        env = { SDME_DATADIR = M.datadir(), PATH = os.getenv "PATH" },
    })
end

---The tree of a rootfs's topmost layer.
---@param name string
---@return string path
function M.top_layer(name)
    local layers <const> = json.decode(M.ok("fs", "inspect", name)).layers
    return ("%s/layers/%s/tree"):format(M.datadir(), layers[#layers].id)
end

---Removes every container, for `after_each`.
function M.clean()
    M.run("rm", "--all", "--force")
    scratch.clean()
end

---Removes every pod too, for `after_each`.
function M.clean_pods()
    M.clean()
    for name in M.run("__complete", "pod").out:gmatch "[^\n]+" do
        M.ok("pod", "rm", "--force", name)
    end
end

---Removes every rootfs too, for `teardown`.
function M.clean_all()
    M.clean()
    for name in M.run("__complete", "rootfs").out:gmatch "[^\n]+" do
        M.run("fs", "rm", name)
    end
end

---What of containers is left on the host: units, drop-ins, machines, mounts, staging, locks.
---@return string a line each
function M.traces()
    return shell.run([[
        systemctl list-units --all --no-legend 'sdme@*' 'sdme-port@*' | sed 's/^/unit /'
        for d in 'sdme@?*.service.d' 'sdme-port@?*.*' '*.wants/sdme@*'; do
            ls -d /etc/systemd/system/$d 2>/dev/null
        done
        machinectl --no-legend list | sed 's/^/machine /'
        grep %s /proc/self/mountinfo | sed 's/^/mount /'
        for d in containers staging locks ranges; do ls -d %s/$d/* 2>/dev/null; done
        true]], M.datadir(), M.datadir())
end

return M
