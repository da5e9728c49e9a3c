-- The configuration file: Lua assignments read as data, one key a line or more.

local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local lazy <const> = require "sdme.lazy"

local syntax <const> = lazy.module "sdme.config.syntax"
local text <const> = lazy.module "sdme.text"

---The configuration, `sdme.conf`(5). It is read when it is first asked for.
---@class sdme.config
local M <const> = {}

local DEFAULT_FILE <const> = "/etc/sdme.conf"
local MAX_SIZE <const> = 1 << 20
local RANGE <const> = 65536

-- The first user id of a range of 65536, which user namespaces are made of.
local range_base <const> = {
    expected = "a multiple of 65536", type = "integer",
    show = function(value)
        return kind.integer.show(value)
    end,
}

function range_base.check(value)
    local base, why = kind.range(kind.integer, RANGE, 0xFFFE0000).check(value)
    if base and base % RANGE ~= 0 then
        return nil, ("%d is not a multiple of %d"):format(base, RANGE)
    end
    return base, why
end

range_base.parse = range_base.check

-- Where a program of that name is installed, for scripts that another interpreter runs.
local PROGRAMS <const> = { "/usr/local/bin/sdme", "/usr/bin/sdme" }

-- The path of the program that is running, if that is sdme.
local function find_interpreter()
    local loaded, core = pcall(require, "sdme.core")
    local running <const> = loaded and core.file and core.file.readlink "/proc/self/exe"
    if running and running:find "/sdme$" then
        return running
    end
    for _, path in ipairs(PROGRAMS) do
        if loaded and core.file and core.file.exists(path) then
            return path
        end
    end
    return PROGRAMS[1]
end

---What can be configured, one key: the `key` of `sdme.config.get`.
---@class sdme.Key
---@field name string its name
---@field help string what it is
---@field default any what it is without a configuration file
---@field kind table what values it takes

-- systemd-nspawn picks its ranges between 0x80000 and 0x6FFF0000 (systemd's UIDS-GIDS.md), and
-- these are the same.

---All keys, in the order of `sdme config get`.
---@type sdme.Key[]
M.keys = {
    { name = "datadir", kind = kind.directory, default = "/var/lib/sdme",
        help = "where everything is kept" },
    { name = "boot_timeout", kind = kind.seconds, default = 60,
        help = "how long the boot of a container may take, in seconds" },
    { name = "stop_timeout", kind = kind.seconds, default = 90,
        help = "how long a container may take to shut down, in seconds" },
    { name = "join_as_sudo_user", kind = kind.flag, default = true,
        help = "whether `join` opens the shell of $SUDO_USER in clones of the host" },
    { name = "host_rootfs_opaque_dirs", kind = kind.list(kind.directory),
        default = { "/etc/systemd/system", "/var/log" },
        help = "parts of the host that its clones don't see" },
    { name = "masked_services", kind = kind.list(kind.service),
        default = { "systemd-resolved.service" },
        help = "units that don't start in containers on the host's network" },
    { name = "hardened_drop_caps", kind = kind.list(kind.capability),
        default = { "CAP_SYS_PTRACE", "CAP_NET_RAW", "CAP_SYS_RAWIO", "CAP_SYS_BOOT" },
        help = "capabilities that --hardened takes away" },
    { name = "userns_base", kind = range_base, default = 0x80000,
        help = "the first user id that user namespaces are made of" },
    { name = "userns_count", kind = kind.range(kind.integer, 1, 65534), default = 28664,
        help = "how many ranges of 65536 user ids there are from there" },
    { name = "address_pool", kind = kind.list(kind.network),
        default = { "10.173.0.0/16", "fd73:646d:6500::/48" },
        help = "networks that those of pods, zones and containers are made of" },
    { name = "unpack_size", kind = kind.size, default = 1 << 40,
        help = "how large the files of an archive may be together" },
    { name = "unpack_entries", kind = kind.range(kind.integer, 1), default = 10000000,
        help = "how many entries an archive may have" },
    { name = "unpack_ratio", kind = kind.range(kind.integer, 1), default = 1000,
        help = "how many times its size an archive may expand to" },
    { name = "unpack_path", kind = kind.range(kind.integer, 1, 4095), default = 4095,
        help = "how many bytes a path in an archive may have" },
    { name = "default_base_fs", kind = kind.rootfs,
        help = "the root filesystem that applications are imported onto, without --base-fs" },
    { name = "insecure_registries", kind = kind.list(kind.registry), default = {},
        help = "registries that may be spoken to without TLS, besides those of this host" },
    { name = "registry_mirrors", kind = kind.mirrors, default = {},
        help = "where the images of a registry are looked for first: REGISTRY=URL,..." },
    { name = "keep_blobs", kind = kind.flag, default = false,
        help = "whether the layers of images are kept as they came, to be pushed as the same" },
    { name = "interpreter", kind = kind.path, find = find_interpreter,
        help = "the sdme program that units run (default: this one)" },
}

---All keys with their values.
---@class sdme.Configuration

local by_name, names <const> = {}, {}

for i, key in ipairs(M.keys) do
    by_name[key.name], names[i] = key, key.name
end

local function find_key(name, code, where)
    local key <const> = by_name[name]
    if key then
        return key
    end
    local meant <const> = text.nearest(name, names)
    fault.raise(code, meant and ("did you mean %s?"):format(meant) or nil,
        "%sthere is no key '%s'", where, name)
end

local function in_order(assignments)
    local list = {}
    for _, assignment in pairs(assignments) do
        list[#list + 1] = assignment
    end
    table.sort(list, function(a, b) return a.first < b.first end)
    return list
end

-- The values of a file, checked, and where each is.
local function evaluate(source, file)
    local assignments <const>, values <const> = syntax.find(source, file), {}
    local chunk, why = load(source, "=file", "t", values)
    if not chunk then
        local line, message = why:match "^file:(%d+): (.*)$"
        syntax.fail(file, math.tointeger(tonumber(line)) or 1, "%s", message or why)
    end
    chunk()
    for _, assignment in ipairs(in_order(assignments)) do
        local name <const>, line <const> = assignment.name, assignment.line
        local key <const> = find_key(name, "ECONFIG", ("%s:%d: "):format(file, line))
        if values[name] ~= nil then
            local checked, complaint = key.kind.check(values[name])
            if checked == nil then
                syntax.fail(file, line, "%s: %s", name, complaint)
            end
            values[name] = checked
        end
    end
    return values, assignments
end

-- All keys, with the defaults of those that the file leaves out.
local function complete(values, file)
    for _, key in ipairs(M.keys) do
        if values[key.name] == nil then
            values[key.name] = M.default(key.name)
        end
    end
    if values.userns_base + values.userns_count * RANGE > 0xFFFF0000 then
        fault.raise("ECONFIG", nil, "%s: userns_base and userns_count end above the last user id",
            file)
    end
    return values
end

local ERRNO <const> = { [2] = "ENOENT", [13] = "EACCES", [21] = "EISDIR" }

local function read_failed(path, message, number)
    if message:sub(1, #path + 2) == path .. ": " then
        message = message:sub(#path + 3)
    end
    fault.raise(ERRNO[number] or "EIO", nil, "read %s: %s", path, message)
end

local function read(path)
    local file <close>, message, number = io.open(path, "rb")
    if not file then
        return read_failed(path, message, number)
    end
    local source
    source, message, number = file:read(MAX_SIZE + 1)
    if message then
        return read_failed(path, message, number)
    elseif source and #source > MAX_SIZE then
        fault.raise("EFBIG", nil, "read %s: larger than %d bytes", path, MAX_SIZE)
    end
    return source or ""
end

local function environment(name)
    local value <const> = os.getenv(name)
    return value ~= "" and value or nil
end

-- What `select` chose, and what was read from there.
local chosen, current = {}, nil

---@class sdme.config.Options
---@field file string? the configuration file
---@field datadir string? where everything is kept

---Says which file and data directory to use from now on, as `--config` and `--datadir` do. Without
---options those of the environment, or `/etc/sdme.conf`. It is read when first asked.
---
---```lua
---sdme.config.select {}
---```
---@param options sdme.config.Options which
function M.select(options)
    chosen, current = { file = options.file, datadir = options.datadir }, nil
end

-- Units of systemd, which get to know the file, run in another directory.
local function absolute(path)
    local loaded, core = pcall(require, "sdme.core")
    local here <const> = loaded and core.file and core.file.readlink "/proc/self/cwd"
    return here and path:sub(1, 1) ~= "/" and ("%s/%s"):format(here, path) or path
end

---The file that `select` or `SDME_CONFIG` asks for, which has to exist.
---
---```lua
---print(sdme.config.given_file())
---```
---@return string? path nil if none was asked for
function M.given_file()
    local path <const> = chosen.file or environment "SDME_CONFIG"
    return path and absolute(path)
end

---The file that is read.
---
---```lua
---print(sdme.config.file())
---```
---@return string path
function M.file()
    return M.given_file() or DEFAULT_FILE
end

local function read_if_there(path, needed)
    local ok, result = pcall(read, path)
    if not ok and not (fault.is(result, "ENOENT") and not needed) then
        error(result, 0)
    end
    return ok and result or ""
end

local function chosen_datadir()
    local datadir <const> = chosen.datadir or environment "SDME_DATADIR"
    if not datadir then
        return nil
    end
    local path, why = kind.directory.parse(datadir)
    if not path then
        fault.usage("%s: %s", chosen.datadir and "--datadir" or "SDME_DATADIR", why)
    end
    return path
end

---Reads the configuration at once and makes it the one that `get` answers from.
---
---Raises `ECONFIG` for a wrong file.
---
---```lua
---print(sdme.config.load().datadir)
---```
---@param options sdme.config.Options? which file to select before
---@return sdme.Configuration values
function M.load(options)
    if options then
        M.select(options)
    end
    local path <const> = M.file()
    local source <const> = read_if_there(path, M.given_file() ~= nil)
    local values <const> = complete(source ~= "" and evaluate(source, path) or {}, path)
    values.datadir = chosen_datadir() or values.datadir
    current = values
    return values
end

---The value of a key.
---
---Raises `ECONFIG` for a wrong file, `EUSAGE` for a key that there isn't.
---
---```lua
---print(sdme.config.get "boot_timeout")
---```
---@param name string? the key; all of them without
---@return any value or a `sdme.Configuration`
function M.get(name)
    local values <const> = current or M.load()
    if name == nil then
        return values
    end
    return values[find_key(name, "EUSAGE", "").name]
end

---What a key is without a configuration file.
---
---```lua
---print(sdme.config.default "datadir")
---```
---@param name string the key
---@return any value
function M.default(name)
    local key <const> = find_key(name, "EUSAGE", "")
    return key.find and key.find() or key.default
end

-- Whatever happens, there is the old file or the new one.
local function write(path, data)
    local loaded, core = pcall(require, "sdme.core")
    if loaded and core.file then
        fault.check(core.file.write(path, data, { mode = "0644" }))
        return
    end
    local check <const>, temporary <const> = fault.context("write " .. path), path .. ".new"
    local file <const> = check(io.open(temporary, "wb"))
    check(file:write(data))
    check(file:close())
    check(os.rename(temporary, path))
end

---Sets a key in a configuration file, which keeps its comments and everything else. An empty text
---takes the key out, or for a list is the empty list.
---
---Raises `EUSAGE` for a key or a value that is wrong.
---
---```lua
---local file <const> = os.tmpname()
---sdme.config.set(file, "boot_timeout", 120)
---print(io.open(file):read "a")
---os.remove(file)
---```
---@param file string made if it isn't there
---@param name string the key
---@param value any as the key's kind takes it, or its text
function M.set(file, name, value)
    local key <const> = find_key(name, "EUSAGE", "")
    local source <const> = read_if_there(file, false)
    local _, assignments = evaluate(source, file)
    local line
    if value ~= "" or key.kind.separator then
        local checked, why = key.kind.check(value)
        if checked == nil then
            fault.usage("%s: %s", name, why)
        end
        line = ("%s = %s"):format(name, syntax.literal(checked))
    end
    local changed <const> = syntax.replace(source, assignments[name], line)
    complete(evaluate(changed, file), file)
    write(file, changed)
    current = nil
end

return M
