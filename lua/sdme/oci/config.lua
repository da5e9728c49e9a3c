-- The config of an image: what it is for, what its layers are unpacked, and how its program runs.

local core <const> = require "sdme.core"
local document <const> = require "sdme.oci.document"
local json <const> = require "sdme.json"

local M <const> = {}

local MAX_LAYERS <const> = 500
local MAX_HISTORY <const> = 4000
local MAX_WORDS <const> = 4096
local MAX_PORTS <const> = 1024
local MAX_VOLUMES <const> = 256
local MAX_PATH <const> = 4095

local PROTOCOLS <const> = { tcp = true, udp = true, sctp = true }

-- What Docker takes where a health check doesn't say, in seconds.
local INTERVAL <const>, TIMEOUT <const>, START_PERIOD <const>, RETRIES <const> = 30, 30, 0, 3

local NANOSECONDS <const> = 1000000000
local LONGEST <const> = 366 * 24 * 3600 * NANOSECONDS

---@class sdme.oci.Port
---@field port integer
---@field protocol "tcp"|"udp"|"sctp"

---@class sdme.oci.Healthcheck
---@field test string[] begins with "CMD" or "CMD-SHELL"
---@field interval number seconds, as the next two
---@field timeout number
---@field start_period number
---@field start_interval number? seconds
---@field retries integer

---@class sdme.oci.Config
---@field os string
---@field architecture string
---@field variant string?
---@field created string?
---@field diff_ids string[] the digests of the layers' tar streams, from the bottom to the top
---@field history table[] { created=, created_by=, author=, comment=, empty_layer= }
---@field user string "", "USER", "UID", either with ":GROUP"; not checked any further
---@field env string[] "NAME=VALUE"; a value may have line ends
---@field entrypoint string[]
---@field cmd string[]
---@field workdir string absolute
---@field stop_signal string? "SIGTERM", "SIGRTMIN+3" or a number
---@field ports sdme.oci.Port[]
---@field volumes string[] absolute, in order
---@field labels table<string, string>
---@field healthcheck sdme.oci.Healthcheck?
---@field shell string[]?

local function read_history(root)
    local history <const> = json.array()
    for i, entry in ipairs(root:objects("history", MAX_HISTORY)) do
        history[i] = {
            created = entry:line "created", created_by = entry:text "created_by",
            author = entry:text "author", comment = entry:text "comment",
            empty_layer = entry:boolean "empty_layer",
        }
    end
    return history
end

local function read_diff_ids(root)
    local rootfs <const> = root:object("rootfs", true)
    local type <const> = rootfs:line("type", true)
    if type ~= "layers" then
        rootfs:fail("type", "expected 'layers', not '%s'", type)
    end
    return json.array(rootfs:digests("diff_ids", MAX_LAYERS))
end

-- A list of words; what Docker once wrote for one word alone is that word.
local function read_words(config, key)
    if type(config.value[key]) == "string" then
        return json.array { config:text(key) }
    end
    local words <const> = config:texts(key, MAX_WORDS)
    return words and json.array(words)
end

local function read_env(config)
    local env <const> = config:texts("Env", MAX_WORDS) or {}
    for i, entry in ipairs(env) do
        if not entry:find "^[^=%c]+=" then
            config:fail(("Env[%d]"):format(i - 1), "expected NAME=VALUE")
        end
    end
    return json.array(env)
end

-- An absolute path without "." and "//"; ".." is refused, wherever it leads.
local function clean_path(config, key, path)
    local parts <const> = {}
    if #path > MAX_PATH or path:find "%c" then
        config:fail(key, "expected a path of at most %d bytes without control characters",
            MAX_PATH)
    end
    for part in path:gmatch "[^/]+" do
        if part == ".." then
            config:fail(key, "expected a path without '..'")
        elseif part ~= "." then
            parts[#parts + 1] = part
        end
    end
    return "/" .. table.concat(parts, "/")
end

local function read_volumes(config)
    local volumes <const>, seen <const> = json.array(), {}
    local names <const> = config:names "Volumes"
    if #names > MAX_VOLUMES then
        config:fail("Volumes", "expected at most %d", MAX_VOLUMES)
    end
    for _, name in ipairs(names) do
        local path <const> = clean_path(config, "Volumes", name)
        if name:sub(1, 1) ~= "/" or path == "/" then
            config:fail("Volumes", "expected absolute paths of directories below /")
        elseif not seen[path] then
            seen[path], volumes[#volumes + 1] = true, path
        end
    end
    return volumes
end

local function refuse_port(config)
    config:fail("ExposedPorts", "expected ports such as 80/tcp, from 1 to 65535")
end

-- "80", "80/udp", "8000-8010/tcp": the first and last port, and the protocol.
local function split_ports(config, name)
    local first, last, protocol = name:match "^(%d+)%-?(%d*)/?(%a*)$"
    if not first or #first > 5 or #last > 5 then
        refuse_port(config)
    end
    first = math.tointeger(tonumber(first))
    last = last == "" and first or math.tointeger(tonumber(last))
    protocol = protocol == "" and "tcp" or protocol:lower()
    if first < 1 or last < first or last > 65535 or not PROTOCOLS[protocol] then
        refuse_port(config)
    end
    return first, last, protocol
end

local function read_ports(config)
    local ports <const>, seen <const> = json.array(), {}
    for _, name in ipairs(config:names "ExposedPorts") do
        local first <const>, last <const>, protocol <const> = split_ports(config, name)
        if #ports + last - first + 1 > MAX_PORTS then
            config:fail("ExposedPorts", "expected at most %d ports", MAX_PORTS)
        end
        for port = first, last do
            local key <const> = port .. "/" .. protocol
            ports[#ports + 1] = not seen[key] and { port = port, protocol = protocol } or nil
            seen[key] = true
        end
    end
    table.sort(ports, function(a, b)
        return a.port < b.port or a.port == b.port and a.protocol < b.protocol
    end)
    return ports
end

local function read_signal(config)
    local name <const> = config:line "StopSignal"
    if not name or name == "" then
        return nil
    elseif not core.process.signal(name) then
        config:fail("StopSignal", "expected a signal such as SIGTERM, not '%s'", name)
    end
    return name:find "^%u" and "SIG" .. name:gsub("^SIG", "") or name
end

local function seconds(health, key, default)
    local value <const> = health:integer(key, 0, LONGEST)
    return value and value > 0 and value / NANOSECONDS or default
end

local function read_healthcheck(config)
    local health <const> = config:object "Healthcheck"
    local test <const> = health and health:texts("Test", MAX_WORDS)
    if not test or #test == 0 or test[1] == "NONE" then
        return nil
    elseif #test < 2 or (test[1] ~= "CMD" and test[1] ~= "CMD-SHELL") then
        health:fail("Test", "expected NONE, or CMD or CMD-SHELL and a command")
    end
    local retries <const> = health:integer("Retries", 0, 1000000) or 0
    return {
        test = test, interval = seconds(health, "Interval", INTERVAL),
        timeout = seconds(health, "Timeout", TIMEOUT),
        start_period = seconds(health, "StartPeriod", START_PERIOD),
        start_interval = seconds(health, "StartInterval"),
        retries = retries > 0 and retries or RETRIES,
    }
end

local function read_workdir(config)
    return clean_path(config, "WorkingDir", config:text "WorkingDir" or "")
end

-- How the program runs; an image without that has an empty object.
local function read_program(root, into)
    local config <const> = root:object "config" or root:empty "config"
    into.user = config:line "User" or ""
    into.env = read_env(config)
    into.entrypoint = read_words(config, "Entrypoint") or json.array()
    into.cmd = read_words(config, "Cmd") or json.array()
    into.workdir = read_workdir(config)
    into.stop_signal = read_signal(config)
    into.ports = read_ports(config)
    into.volumes = read_volumes(config)
    into.labels = config:map "Labels" or {}
    into.healthcheck = read_healthcheck(config)
    into.shell = read_words(config, "Shell")
    return into
end

---Reads the config of an image.
---@param bytes string
---@param what string what it is, for messages
---@return sdme.oci.Config
function M.parse(bytes, what)
    local root <const> = document.parse(bytes, what)
    return read_program(root, {
        os = root:line "os" or "", architecture = root:line "architecture" or "",
        variant = root:line "variant", created = root:line "created",
        diff_ids = read_diff_ids(root), history = read_history(root),
    })
end

return M
