-- When a container is ready for those that come after it.

local containers <const> = require "sdme.container.session"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local host <const> = require "sdme.host"
local kind <const> = require "sdme.kind"
local lifecycle <const> = require "sdme.container.lifecycle"
local namespace <const> = require "sdme.pod.namespace"
local systemd <const> = require "sdme.systemd"
local task <const> = require "sdme.task"

local M <const> = {}

-- Seconds that it may take, that one try may take, and between two.
local PATIENCE <const> = 60
local TRY <const> = 5
local PAUSE <const> = 0.1

local LOOPBACK <const> = "127.0.0.1"

-- An address in digits, or the name that every host has for its own.
local function address_of(text)
    if text == "" or text == "localhost" then
        return LOOPBACK
    end
    return (text:find "^%d+%.%d+%.%d+%.%d+$" or text:find "^%x*:[%x:.]*$") and text or nil
end

-- "ADDRESS", "ADDRESS:80", "[ADDRESS]:80" or, without a port of its own, "80"
local function parse_place(text, port)
    local address, number = text:match "^%[(.*)%]:?(%d*)$"
    if not address then
        address, number = text:match "^([^:]*):?(%d*)$"
    end
    if not port and number == "" then
        address, number = "", text
    end
    local place <const> = {
        address = address and address_of(address), port = math.tointeger(tonumber(number) or port),
    }
    return place.address and place.port and place.port >= 1 and place.port <= 65535 and place or nil
end

local function check_tcp(value)
    local place <const> = (type(value) == "string" or math.type(value) == "integer")
        and parse_place(tostring(value)) or nil
    if not place then
        fault.usage("ready: tcp: expected a port, or ADDRESS:PORT in digits")
    end
    return place
end

local function check_http(value)
    local authority <const>, path <const> =
        (type(value) == "string" and value or ""):match "^http://([^/%s%c]+)(/?[^%s%c]*)$"
    local place <const> = authority and parse_place(authority, 80)
    if not place then
        fault.usage("ready: http: expected a URL such as http://127.0.0.1:8080/, in digits")
    end
    place.host, place.path = authority, path == "" and "/" or path
    return place
end

local function check_exec(value)
    local argv <const> = type(value) == "string" and { "sh", "-c", value } or value
    if type(argv) ~= "table" or #argv == 0 then
        fault.usage("ready: exec: expected a command: its words, or a line for sh")
    end
    for i = 1, #argv do
        if type(argv[i]) ~= "string" then
            fault.usage("ready: exec: a word is a %s", type(argv[i]))
        end
    end
    return argv
end

local function check_unit(value)
    local checked <const>, why <const> = kind.service.check(value)
    if not checked then
        fault.usage("ready: unit: %s", why)
    end
    return checked
end

local function check_timeout(value)
    local checked <const>, why <const> = kind.seconds.check(value)
    if not checked then
        fault.usage("ready: timeout: %s", why)
    end
    return checked
end

local CHECKS <const> = {
    tcp = check_tcp, http = check_http, exec = check_exec, unit = check_unit,
    timeout = check_timeout,
}

---Checks what a definition says.
---@param given table?
---@return table?
function M.check(given)
    if given == nil then
        return nil
    elseif type(given) ~= "table" then
        fault.usage("ready: expected { unit= | tcp= | http= | exec=, timeout= }, not a %s",
            type(given))
    end
    local checked <const> = { timeout = PATIENCE }
    for name, value in pairs(given) do
        if not CHECKS[name] then
            fault.usage("ready: there is no '%s', only unit, tcp, http, exec and timeout",
                tostring(name))
        end
        checked[name] = CHECKS[name](value)
    end
    return checked
end

local function connect(one, place)
    local netns <close> = fault.check(namespace.open(one.pod), "its pod has no network")
    local opening <close> = fault.check(core.connection.open(netns, place.address, place.port))
    return fault.check(task.await(task.timeout(opening, TRY)))
end

-- The first line of what a server answers.
local function ask(socket, place)
    local request <const> = ("GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: sdme\r\n\r\n")
        :format(place.path, place.host)
    fault.check(task.await(task.timeout(
        core.stream.writer(socket, request, { close = false }), TRY)))
    local chunks <close> = fault.check(core.stream.chunks(socket))
    local answer = ""
    while not answer:find "\n" and #answer < 4096 do
        local more <const> = fault.check(task.await(task.timeout(chunks, TRY)))
        if more == "" then
            break
        end
        answer = answer .. more
    end
    return answer:match "^[^\r\n]*"
end

-- Each raises why it isn't ready yet.
local PROBES <const> = {
    tcp = function(one, place)
        local _ <close> = connect(one, place)
    end,
    http = function(one, place)
        local socket <close> = connect(one, place)
        local answer <const> = ask(socket, place)
        if not answer:find "^HTTP/1%.%d [23]%d%d" then
            fault.raise("EPROTO", nil, "http://%s%s answers '%s'", place.host, place.path, answer)
        end
    end,
    unit = function(one, unit)
        local bus <close> = host.guest_bus(one.name)
        local active <const> = systemd.manager(bus):unit_property(unit, "Unit", "ActiveState")
        if active ~= "active" then
            fault.raise("EAGAIN", nil, "%s is %s", unit, active)
        end
    end,
    exec = function(one, argv)
        local command <const> = { argv = argv, app = one.has_app or nil }
        local result <const> = containers.exec(one.name, command)
        if result.code ~= 0 then
            fault.raise("EAGAIN", nil, "%s ends with status %d", argv[1],
                result.code or 128 + result.signal)
        end
    end,
}

-- What a command that succeeds has begun can be asked for next.
local SEQUENCE <const> = { "unit", "exec", "tcp", "http" }

-- Tries until all is well; `progress` keeps why it isn't.
local function try(one, wanted, progress)
    for _, name in ipairs(SEQUENCE) do
        while wanted[name] do
            local fine <const>, why <const> = pcall(PROBES[name], one, wanted[name])
            if fine then
                break
            elseif not fault.is(why) or fault.is(why, "EINTR") or fault.is(why, "ECANCELED") then
                error(why, 0)
            end
            progress.why = tostring(why)
            if not lifecycle.is_running(one.name) then
                fault.raise("EBOOT", "sdme logs " .. one.name, "%s ended before it was ready: %s",
                    one.name, progress.why)
            end
            task.sleep(PAUSE)
        end
    end
    progress.done = true
end

-- Ends when it is ready, or raises when the time is over.
local function watch(one, wanted, progress)
    local deadline <const> = core.poll.now() + wanted.timeout
    task.await {
        poll = function()
            return nil, nil, math.max(0, deadline - core.poll.now())
        end,
        step = function()
            return progress.done or core.poll.now() >= deadline, true
        end,
    }
    if not progress.done then
        fault.raise("ETIMEDOUT", "sdme logs " .. one.name, "%s isn't ready after %g seconds: %s",
            one.name, wanted.timeout, progress.why or "no answer")
    end
end

---Waits until a container that runs is ready.
---@param one { name: string, pod: string, has_app: boolean }
---@param wanted table as `check` returned it
function M.await(one, wanted)
    local progress <const> = {}
    task.together(function()
        try(one, wanted, progress)
    end, function()
        watch(one, wanted, progress)
    end)
end

return M
