-- Ports of the host that lead into the network of a container or a pod. Here is who may have which,
-- and who forwards; the sockets are systemd's.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local holder <const> = require "sdme.port.holder"
local host <const> = require "sdme.host"
local kind <const> = require "sdme.kind"
local socket <const> = require "sdme.port.socket"
local task <const> = require "sdme.task"
local unit <const> = require "sdme.unit.port"

local M <const> = {}

-- Seconds without a client after which a forwarder ends. The next client starts another one.
local IDLE <const> = 60

-- Seconds that systemd may take to open or close ports, which it does at once.
local PATIENCE <const> = 10

-- The lock of all ports, of whatever data directory.
local LOCK <const> = "/run/sdme/ports.lock"

-- What systemd calls the sockets of a protocol.
local PROTOCOLS <const> = { Stream = "tcp", Datagram = "udp" }

-- Whether somebody has a socket already. One for an address that isn't there yet is free.
local function is_taken(wanted)
    local bound <close>, _, code = core.port.listen(wanted.protocol, wanted.address, wanted.number)
    return not bound and code == "EADDRINUSE", not bound and code or nil
end

local function lock()
    local deadline <const> = core.poll.now() + PATIENCE
    fault.check(core.file.mkdir(LOCK:match "^(.*)/", { parents = true, mode = "0700" }))
    while true do
        local taken <const>, message <const>, code <const> = core.lock.acquire(LOCK)
        if taken then
            return taken
        elseif code ~= "EAGAIN" or core.poll.now() > deadline then
            fault.raise(code, nil, "lock the ports of the host: %s", message)
        end
        task.sleep(0.01)
    end
end

-- The sockets that ports of ours have at the moment, but for those of one owner.
local function taken_by_others(owner)
    local listed <const>, own <const> = socket.table(), unit.socket_name(owner)
    for _, one in ipairs(host.manager():list_units(unit.sockets())) do
        local listens <const> = one.active == "active" and one.name ~= own
            and host.manager():unit_property(one.name, "Socket", "Listen") or {}
        for _, listen in ipairs(listens) do
            local address <const>, number <const> = listen[2]:match "^(.*):(%d+)$"
            listed:add({
                protocol = PROTOCOLS[listen[1]], number = math.tointeger(number),
                address = address:match "^%[(.*)%]$" or address,
            }, unit.owner(one.name))
        end
    end
    return listed
end

-- A list of ports with others of the host, the next that are free, in the place of one of them.
local function with_another(ports, position, others)
    local given <const>, old <const> = socket.table(), ports[position]
    local changed <const> = table.move(ports, 1, #ports, 1, {})
    table.remove(changed, position)
    for _, one in ipairs(socket.of(changed)) do
        given:add(one, true)
    end
    local function is_free(port)
        for _, one in ipairs(socket.of { port }) do
            if given:find(one) or others:find(one) or is_taken(one) then
                return false
            end
        end
        return true
    end
    local count <const> = old.count or 1
    for first = old.host + 1, 65536 - count do
        local other <const> = {
            protocol = old.protocol, address = old.address, host = first,
            container = old.container, count = old.count,
        }
        if is_free(other) then
            table.insert(changed, position, other)
            return changed
        end
    end
    return nil
end

-- What `sdme set` takes to have other ports.
local function flags(ports)
    local words <const> = {}
    for i, port in ipairs(ports) do
        words[i] = "--port " .. kind.port.show(port)
    end
    return table.concat(words, " ")
end

-- What is tried, at the beginning of a message.
local TRY <const> = { container = "start ", pod = "pod " }

local SET <const> = { container = "sdme set", pod = "sdme pod set" }
local END <const> = { container = "sdme stop %s", pod = "stop the containers of pod %s" }

local function refuse(owner, ports, wanted, others)
    local port <const>, other <const> = ports[wanted.position], others:find(wanted)
    local process <const> = not other and holder.find(wanted)
    local changed <const> = with_another(ports, wanted.position, others)
    local remedy <const> = other and END[other.kind]:format(other.name) or "end what has it"
    fault.raise("EADDRINUSE", changed and ("%s, or take another: %s %s %s"):format(remedy,
        SET[owner.kind], owner.name, flags(changed)) or remedy,
        "%s%s: port %s of the host is taken%s", TRY[owner.kind], owner.name,
        socket.name(port.protocol, port.address, wanted.number),
        other and (" by %s %s"):format(other.kind, other.name)
        or process and " by " .. process or "")
end

-- Raises where somebody else has one of the sockets. Those that are its own already are taken, too.
local function check_sockets(owner, ports, others, current)
    local own <const> = socket.table()
    for _, one in ipairs(socket.of(current)) do
        own:add(one, true)
    end
    for _, wanted in ipairs(socket.of(ports)) do
        local taken <const>, code <const> = is_taken(wanted)
        if taken and not own:find(wanted) then
            refuse(owner, ports, wanted, others)
        elseif code == "EADDRNOTAVAIL" and ports[wanted.position].address then
            fault.raise("EADDRNOTAVAIL", "`ip address` shows those it has",
                "%s%s: %s is no address of the host", TRY[owner.kind], owner.name, wanted.address)
        end
    end
end

-- Raises where ports of ours collide. The host's sockets don't tell: systemd shares those for
-- datagrams.
local function check_others(owner, ports)
    local others <const> = taken_by_others(owner)
    for _, wanted in ipairs(socket.of(ports)) do
        if others:find(wanted) then
            refuse(owner, ports, wanted, others)
        end
    end
    return others
end

---Closes ports that are open.
---@param owner sdme.port.Owner
function M.close(owner)
    local own <const> = { unit.socket_name(owner), unit.service_name(owner) }
    for _, one in ipairs(host.manager():list_units(table.unpack(own))) do
        if one.active ~= "inactive" and one.active ~= "failed" then
            task.await(task.timeout(host.manager():stop_unit(one.name, "replace"), PATIENCE))
        end
    end
end

---Raises where the host has another use for ports of somebody who doesn't run, or has others now.
---@param owner sdme.port.Owner
---@param ports sdme.Port[]?
---@param current sdme.Port[]? those that are open
function M.check(owner, ports, current)
    if #(ports or {}) > 0 then
        local others <const> = check_others(owner, ports)
        if not current then
            M.close(owner) -- what listened for the last run, and is about to end
        end
        check_sockets(owner, ports, others, current)
    end
end

---Whether ports are open.
---@param owner sdme.port.Owner
---@return boolean
function M.is_open(owner)
    local listed <const> = host.manager():list_units(unit.socket_name(owner))[1]
    return listed ~= nil and listed.active == "active"
end

local function start(owner, ports, changed)
    local manager <const>, name <const> = host.manager(), unit.socket_name(owner)
    if changed then
        M.close(owner) -- systemd opens no sockets anew for a service that runs
    end
    local job <const> = manager:start_unit(name, "replace")
    local result <const>, message <const> = task.await(task.timeout(job, PATIENCE))
    if result == "done" then
        return
    end
    M.close(owner)
    check_sockets(owner, ports, socket.table())
    fault.raise("EADDRINUSE", ("journalctl -u %s shows more"):format(name),
        "%s%s: its ports can't be opened: %s", TRY[owner.kind], owner.name, message or result)
end

---Opens ports for somebody who starts, and raises where another one has one of them. It may be the
---first to look: when the host boots, systemd starts all at once, and asks nobody.
---@param owner sdme.port.Owner
---@param ports sdme.Port[]?
function M.open(owner, ports)
    local changed <const> = unit.install(owner, ports)
    if changed then
        host.manager():reload()
    end
    if #(ports or {}) == 0 then
        if changed then
            M.close(owner)
        end
        return
    end
    local _ <close> = lock()
    check_others(owner, ports)
    start(owner, ports, changed)
end

-- The ports that whoever forwards was started for.
local function given_ports()
    local ports <const> = {}
    for text in (os.getenv(unit.ENVIRONMENT) or ""):gmatch "[^,]+" do
        ports[#ports + 1] = kind.port.parse(text)
    end
    return ports
end

local function targets(owner, activated)
    local wanted <const>, forwarded <const> = {}, {}
    local function key(one)
        return ("%s %s %d"):format(one.protocol, one.address, one.number or one.port)
    end
    for _, one in ipairs(socket.of(given_ports())) do
        wanted[key(one)] = one.target
    end
    for _, one in ipairs(activated) do
        local target <const> = wanted[key(one)]
        if not target then
            fault.raise("ENOENT", nil, "forward port %s: %s %s wasn't started with it",
                socket.name(one.protocol, one.address, one.port), owner.kind, owner.name)
        end
        forwarded[#forwarded + 1] = { one.descriptor, target }
    end
    return forwarded
end

---What the service of ports runs: forwards what comes to the sockets that systemd has started it
---with, until nobody has come for a while.
---@param owner sdme.port.Owner
---@param find fun(): userdata, integer?, integer? finds the network, a process with which that
---  ends, and the interface of the host whose other end is there
function M.forward(owner, find)
    local activated <const> = fault.check(core.port.activated())
    if #activated == 0 then
        fault.raise("EUSAGE", "systemd does that, when somebody comes to a port",
            "forward ports of %s: there is no socket to forward", owner.name)
    end
    local found <const>, process <const>, link <const> = find()
    local netns <close> = found
    local forwarding <close> = fault.check(core.port.forward {
        netns = netns, ports = targets(owner, activated), process = process, link = link,
        idle = IDLE,
    })
    local ok <const>, why <const> = pcall(task.await, forwarding)
    if not ok and not fault.is(why, "EINTR") then
        error(why, 0)
    end
end

return M
