-- Names: containers of a pod or a zone find each other, and the host, in their hosts files. These
-- are files of the host below /run, bound read-only: so they are in no layer, nobody in a container
-- says what another one is called, and they are rewritten in place while it runs.
--
-- Who starts or ends a container brings the files of all up to date; what changes in between, the
-- addresses of interfaces, is for the service in watch.lua.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local config <const> = require "sdme.config"
local known <const> = require "sdme.names.known"
local network <const> = require "sdme.network"
local record <const> = require "sdme.names.record"
local system <const> = require "sdme.names.system"
local text <const> = require "sdme.names.text"

local file <const> = core.file

local M <const> = {}

local HOSTS <const> = "/etc/hosts"

---Where an application finds its names, if it isn't on the network of its container.
M.APPLICATIONS = "/run/sdme/hosts"

-- Hosts files are read up to that size.
local LARGEST <const> = 64 * 1024

-- What a container's interface is on; the same for those that find each other there.
local function link_of(settings)
    return settings.network_zone and "zone " .. settings.network_zone
        or settings.network_bridge and "bridge " .. settings.network_bridge
        or settings.network_veth and "veth" or nil
end

-- The last that was said about the host's own file.
local told

-- Brings all hosts files up to date. The caller holds the lock.
local function publish()
    local all <const> = known.gather()
    for _, name in ipairs(all.names) do
        local one <const> = all.records[name]
        record.rewrite(name, "hosts", text.with(one.own, known.to_container(all, one)))
        if one.app_pod then
            record.rewrite(name, "apps", text.with(one.own, known.in_pod(all, one.app_pod)))
        end
    end
    local problem <const> = system.publish(known.to_host(all))
    if problem and problem ~= told then
        io.stderr:write("sdme: ", problem, "\n")
    end
    told = problem
end

---Brings all hosts files up to date, after a network of a pod has changed say.
function M.refresh()
    if #record.names() > 0 then
        local _ <close> = record.lock()
        publish()
    end
end

---Changes what is known of the interfaces of containers, and brings the files up to date.
---@param found table<string, { addresses: string[], gateways: string[] }> by container
function M.update(found)
    local _ <close> = record.lock()
    for name, one in pairs(record.all()) do
        if one.link and found[name] then
            one.addresses, one.gateways = found[name].addresses, found[name].gateways
            record.write(one)
        end
    end
    publish()
end

-- What a guest's own file says; nil where there is something else in its place.
local function read_own(root)
    local stat <const> = file.stat(HOSTS, { root = root, follow = true })
    if stat and stat.type ~= "file" then
        return nil
    end
    local content <const> = stat
        and file.read(HOSTS, { root = root, max = LARGEST, follow = true })
    return text.own(content or "")
end

local function make_mount_point(root, base)
    if not file.stat(HOSTS, { root = root, follow = true }) then
        local owner <const> = { root = root, parents = true, uid = base, gid = base }
        fault.check(file.mkdir("/etc", owner))
        fault.check(file.write(HOSTS, "",
            { root = root, uid = base, gid = base, mode = "0644", sync = false }))
    end
end

local function bind(name, whose, target)
    return {
        source = record.path(name, whose), target = target, read_only = true, owners = "disk",
    }
end

---Has a container that is about to start be found by others, and find them. One that is on the
---network of its host finds that in its own file.
---@param description table the state of the container
---@param root userdata a descriptor of its mounted root
---@return table[] binds as the setting has them
function M.register(description, root)
    local settings <const>, name <const> = description.settings, description.name
    local on_host <const> = not (settings.private_network or settings.pod
        or network.has_interface(settings))
    if on_host and not settings.oci_pod then
        M.forget(name)
        return {}
    end
    local own <const> = read_own(root)
    do
        local _ <close> = record.lock()
        record.remove(name)
        record.write {
            name = name, own = own or "", datadir = config.get "datadir",
            link = link_of(settings), pod = settings.pod, app_pod = settings.oci_pod,
            alias = description.definition and description.definition.key,
        }
        publish()
    end
    local binds <const> = {}
    if own and not on_host then
        make_mount_point(root, description.userns and description.userns.base or 0)
        binds[1] = bind(name, "hosts", HOSTS)
    end
    binds[#binds + 1] = settings.oci_pod and bind(name, "apps", M.APPLICATIONS) or nil
    return binds
end

---Forgets a container, which doesn't run.
---@param name string
function M.forget(name)
    if file.stat(record.path(name, "json")) then
        local _ <close> = record.lock()
        record.remove(name)
        publish()
    end
end

---Forgets those whose end nobody has seen: who was to tell of it was killed, or the host went down.
---@param running fun(): table<string, boolean> the names of those that run
function M.sweep(running)
    local names <const> = record.names()
    local alive <const> = #names > 0 and running() or {}
    for _, name in ipairs(names) do
        if not alive[name] then
            M.forget(name)
        end
    end
    if #names == 0 then
        system.sweep()
    end
end

return M
