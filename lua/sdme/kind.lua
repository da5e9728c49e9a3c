-- Kinds of value: what an option, an operand or a configuration key takes.
--
-- Each is a table of
--   parse(text) -> value | nil, why    from the command line or a file
--   check(value) -> value | nil, why   from Lua: what a caller naturally passes, or the text
--   show(value) -> text                the form that `parse` reads back
--   complete                           "container", "file" or "directory"; or an array of words
-- `why` is a sentence without its subject that says what was wrong with the value.

local text_of <const> = require "sdme.text"

local M <const> = {}

---@class sdme.Kind
---@field parse fun(text: string): any, string?
---@field check fun(value: any): any, string?
---@field show fun(value: any): string
---@field complete string|string[]|nil

local function quote(text)
    return ('"%s"'):format(#text > 64 and text:sub(1, 61) .. "..." or text)
end

-- `accept` takes what isn't a string; without it only strings will do.
local function define(kind)
    kind.check = kind.check or function(value)
        if type(value) == "string" then
            return kind.parse(value)
        elseif kind.accept then
            return kind.accept(value)
        end
        return nil, ("expected %s, not a %s"):format(kind.expected, type(value))
    end
    kind.show = kind.show or tostring
    return kind
end

-- State is kept as JSON and sent over D-Bus, and both know only UTF-8.
local function printable(text)
    if not utf8.len(text) then
        return nil, quote(text) .. " isn't UTF-8"
    elseif text:find "%c" then
        return nil, quote(text) .. " has a control character"
    end
    return text
end

-- A kind whose values are their own text, if it matches `pattern`.
local function word(expected, pattern, maximum, complete)
    return define {
        expected = expected,
        complete = complete,
        parse = function(text)
            if #text <= maximum and text:find("^" .. pattern .. "$") then
                return text
            end
            return nil, ("%s is not %s"):format(quote(text), expected)
        end,
    }
end

local BOOLEANS <const> = {
    yes = true, ["true"] = true, on = true, ["1"] = true,
    no = false, ["false"] = false, off = false, ["0"] = false,
}

M.flag = define {
    expected = "yes or no",
    complete = { "yes", "no" },
    parse = function(text)
        local value <const> = BOOLEANS[text]
        if value == nil then
            return nil, ("expected yes or no, not %s"):format(quote(text))
        end
        return value
    end,
    accept = function(value)
        if type(value) == "boolean" then
            return value
        end
        return nil, ("expected true or false, not a %s"):format(type(value))
    end,
    show = function(value)
        return value and "yes" or "no"
    end,
}

M.string = define { expected = "a text", parse = printable }

-- For arguments handed to another program: anything that an argument can hold.
M.argument = define {
    expected = "a text",
    parse = function(text)
        if text:find "\0" then
            return nil, quote(text) .. " has a NUL byte"
        end
        return text
    end,
}

M.file = define { expected = "a file name", complete = "file", parse = M.argument.parse }

local function parse_path(text)
    local valid, why = printable(text)
    if not valid then
        return nil, why
    elseif text:sub(1, 1) ~= "/" then
        return nil, quote(text) .. " is not an absolute path"
    elseif #text > 4095 then
        return nil, quote(text) .. " is too long for a path"
    end
    local parts = {}
    for part in text:gmatch "[^/]+" do
        if part == ".." then
            return nil, quote(text) .. ' has ".." in it'
        elseif part ~= "." then
            parts[#parts + 1] = part
        end
    end
    return "/" .. table.concat(parts, "/")
end

M.path = define { expected = "an absolute path", complete = "file", parse = parse_path }
M.directory = define { expected = "an absolute path", complete = "directory", parse = parse_path }

-- A device node by its path, which also becomes a word of a DeviceAllow= line.
M.device = define {
    expected = "the path of a device below /dev",
    complete = "file",
    parse = function(text)
        local path, why = parse_path(text)
        if not path then
            return nil, why
        elseif not path:find "^/dev/[%w._/:,+@-]+$" then
            return nil, quote(text) .. " is not a device below /dev"
        end
        return path
    end,
}

local NAME <const> = "a name (a-z, then a-z, 0-9 and -, 64 at most)"

-- A container to look up: its name, or the beginning of it.
M.container = word(NAME, "[a-z][a-z0-9-]*", 64, "container")

-- A name to give. Machine names are host names (hostname_is_valid() in systemd), which don't end
-- in a hyphen.
M.name = define {
    expected = NAME,
    parse = function(text)
        local name, why = M.container.parse(text)
        if name and name:sub(-1) == "-" then
            return nil, quote(text) .. " ends in a hyphen, which no machine's name can"
        end
        return name, why
    end,
}

-- The table of a kind whose values are whole numbers with or without a unit.
local function whole(value, expected)
    local number <const> = type(value) == "number" and math.tointeger(value)
    if number and number >= 0 then
        return number
    end
    return nil, ("expected %s, not %s"):format(expected,
        type(value) == "number" and tostring(value) or "a " .. type(value))
end

local UNITS <const> = { "K", "M", "G", "T" }
local UNIT_SHIFT <const> = { [""] = 0, K = 10, M = 20, G = 30, T = 40 }

M.size = define {
    expected = "a size such as 512, 10K, 4M, 2G or 1T",
    parse = function(text)
        local digits, unit = text:match "^(%d+)([KMGTkmgt]?)$"
        if not digits then
            return nil, ("%s is not a size such as 512, 10K, 4M, 2G or 1T"):format(quote(text))
        end
        local count <const> = math.tointeger(tonumber(digits))
        local shift <const> = UNIT_SHIFT[unit:upper()]
        if not count or count > math.maxinteger >> shift then
            return nil, quote(text) .. " is too large"
        end
        return count << shift
    end,
    accept = function(value)
        return whole(value, "a number of bytes, or a size such as 10K")
    end,
    show = function(value)
        local unit = 0
        while unit < #UNITS and value > 0 and value % 1024 == 0 do
            value, unit = value // 1024, unit + 1
        end
        return ("%d%s"):format(value, UNITS[unit] or "")
    end,
}

M.integer = define {
    expected = "a whole number",
    parse = function(text)
        local value <const> = text:find "^%d+$" and math.tointeger(tonumber(text))
        if not value then
            return nil, quote(text) .. " is not a whole number"
        end
        return value
    end,
    accept = function(value)
        return whole(value, "a whole number")
    end,
}

-- A decimal fraction above 0: an integer where it is whole.
local function decimal(expected, maximum)
    local function bound(value)
        if value > 0 and value <= maximum then
            return math.tointeger(value) or value
        end
        return nil, ("%s is not %s above 0, at most %d"):format(value, expected, maximum)
    end
    return define {
        expected = expected,
        parse = function(text)
            if not (text:find "^%d+%.?%d*$" or text:find "^%.%d+$") then
                return nil, ("%s is not %s"):format(quote(text), expected)
            end
            return bound(tonumber(text))
        end,
        accept = function(value)
            if type(value) ~= "number" then
                return nil, ("expected %s, not a %s"):format(expected, type(value))
            end
            return bound(value)
        end,
        show = function(value)
            return (("%.15g"):format(value))
        end,
    }
end

-- More than a week of waiting is a mistake.
M.seconds = decimal("a number of seconds", 604800)

M.cpus = decimal("a number of CPUs", 8192)

---A kind whose values are ordered, kept between two of them. Either may be nil.
---@param base sdme.Kind
---@param minimum number?
---@param maximum number?
---@return sdme.Kind
function M.range(base, minimum, maximum)
    local function bound(value, why)
        if value == nil then
            return nil, why
        elseif minimum and value < minimum then
            return nil, ("%s is less than %s"):format(base.show(value), base.show(minimum))
        elseif maximum and value > maximum then
            return nil, ("%s is more than %s"):format(base.show(value), base.show(maximum))
        end
        return value
    end
    return define {
        expected = base.expected,
        parse = function(text) return bound(base.parse(text)) end,
        check = function(value) return bound(base.check(value)) end,
        show = base.show,
        complete = base.complete,
    }
end

---One of some words.
---@param words string[]
---@return sdme.Kind
function M.choice(words)
    local expected <const> = #words == 1 and words[1]
        or table.concat(words, ", ", 1, #words - 1) .. " or " .. words[#words]
    return define {
        expected = expected,
        complete = words,
        parse = function(text)
            for _, each in ipairs(words) do
                if each == text then
                    return text
                end
            end
            return nil, ("expected %s, not %s"):format(expected, quote(text))
        end,
    }
end

---Any argument, where shells offer some words.
---@param words string[]
---@return sdme.Kind
function M.offer(words)
    return define { expected = "a text", complete = words, parse = M.argument.parse }
end

-- The limit of the kernel on one argument (MAX_ARG_STRLEN, execve(2)).
local MAX_ARGUMENT <const> = 131071

local function environment(name, value)
    if not name:find "^[%a_][%w_]*$" then
        return nil, quote(name) .. " is not the name of an environment variable"
    elseif value:find "\0" then
        return nil, ("the value of %s has a NUL byte"):format(name)
    elseif not utf8.len(value) then
        return nil, ("the value of %s isn't UTF-8, which systemd refuses"):format(name)
    elseif #name + 1 + #value > MAX_ARGUMENT then
        return nil, ("the value of %s is too long"):format(name)
    end
    return { name = name, value = value }
end

-- An environment variable. Values can be secret and are never part of `why`.
M.env = define {
    expected = "NAME=VALUE",
    parse = function(text)
        local name, value = text:match "^([^=]*)=(.*)$"
        if not name then
            return nil, "expected NAME=VALUE"
        end
        return environment(name, value)
    end,
    accept = function(value)
        if type(value) ~= "table" or type(value.name) ~= "string" then
            return nil, ("expected NAME=VALUE, not a %s"):format(type(value))
        elseif type(value.value) ~= "string" and math.type(value.value) ~= "integer" then
            return nil, ("the value of %s is a %s, not a text"):format(value.name,
                type(value.value))
        end
        return environment(value.name, tostring(value.value))
    end,
    show = function(value)
        return value.name .. "=" .. value.value
    end,
    -- Many of them are one table, values by name.
    insert = function(into, variable)
        into[variable.name] = variable.value
    end,
    explode = function(variables)
        local list, names = {}, {}
        for name, value in pairs(variables) do
            if type(name) == "string" then
                names[#names + 1] = name
            else
                list[#list + 1] = value
            end
        end
        table.sort(names)
        for _, name in ipairs(names) do
            list[#list + 1] = { name = name, value = variables[name] }
        end
        return list
    end,
}

-- What keeps a table from being a description by these keys; `fields` maps a key to its type.
local function misfit(value, fields, expected)
    if type(value) ~= "table" then
        return ("expected %s, not a %s"):format(expected, type(value))
    end
    for key, item in pairs(value) do
        if not fields[key] then
            return ("expected %s; there is no '%s'"):format(expected, tostring(key))
        elseif type(item) ~= fields[key] then
            return ("expected %s; %s is not a %s"):format(expected, key, type(item))
        end
    end
    return nil
end

local function port_number(text, which)
    if text == "" then
        return nil, ("the %s port is missing"):format(which)
    elseif text:find "^%d+%-%d+$" then
        return nil, quote(text) .. " is a range; each port is given by itself"
    elseif not text:find "^%d+$" then
        return nil, quote(text) .. " is not a port number"
    end
    local number <const> = tonumber(text)
    if number < 1 or number > 65535 then
        return nil, ("port %s is not between 1 and 65535"):format(quote(text))
    end
    return math.tointeger(number)
end

-- The protocol comes first ("udp:53:53") or last ("53:53/udp").
local function split_protocol(text)
    local rest, last = text:match "^([^/]*)/(.*)$"
    local first, ports = (rest or text):match "^(%a%w*):(.*)$"
    if first and last then
        return nil, quote(text) .. " names the protocol twice"
    end
    local protocol <const> = first or last or "tcp"
    if protocol ~= "tcp" and protocol ~= "udp" then
        return nil, ("the protocol is tcp or udp, not %s"):format(quote(protocol))
    end
    return protocol, ports or rest or text
end

local function parse_port(text)
    if text:find "^%[" or text:find "^%d+%.%d+%.%d+%.%d+:" then
        return nil, quote(text) .. " names an address; ports are open on every address of the host"
    end
    local protocol, ports = split_protocol(text)
    if not protocol then
        return nil, ports
    end
    local host, container = ports:match "^([^:]*):(.*)$"
    if container and container:find ":" then
        return nil, quote(text) .. " has too many parts; expected [PROTO:]HOST[:CONTAINER]"
    end
    local on_host, host_why = port_number(host or ports, "host's")
    if not on_host then
        return nil, host_why
    elseif not container then
        return { protocol = protocol, host = on_host, container = on_host }
    end
    local inside, inside_why = port_number(container, "container's")
    if not inside then
        return nil, inside_why
    end
    return { protocol = protocol, host = on_host, container = inside }
end

local PORT_FIELDS <const> = { protocol = "string", host = "number", container = "number" }

M.port = define {
    expected = "a port as [PROTO:]HOST[:CONTAINER]",
    parse = parse_port,
    accept = function(value)
        if type(value) == "number" then
            return parse_port(("%.14g"):format(value))
        end
        local why <const> = misfit(value, PORT_FIELDS, "{ protocol=, host=, container= }")
        if why then
            return nil, why
        elseif not value.host then
            return nil, "the host's port is missing"
        end
        return parse_port(("%s:%.14g:%.14g"):format(value.protocol or "tcp", value.host,
            value.container or value.host))
    end,
    show = function(value)
        return ("%s:%d:%d"):format(value.protocol, value.host, value.container)
    end,
}

-- The parts between colons; a backslash takes the next character as it is, as in
-- systemd-nspawn(1), --bind=.
local function split_colons(text)
    local parts, part, position = {}, {}, 1
    while position <= #text do
        local byte <const> = text:sub(position, position)
        if byte == "\\" then
            position = position + 1
            if position > #text then
                return nil, quote(text) .. " ends in a backslash"
            end
            part[#part + 1] = text:sub(position, position)
        elseif byte == ":" then
            parts[#parts + 1] = table.concat(part)
            part = {}
        else
            part[#part + 1] = byte
        end
        position = position + 1
    end
    parts[#parts + 1] = table.concat(part)
    return parts
end

-- What systemd or systemd-nspawn mounts in a container by itself.
local RESERVED <const> = { "/proc", "/sys", "/dev", "/run/systemd", "/run/host" }

local function bind(source, target, read_only)
    local from, source_why = parse_path(source)
    if not from then
        return nil, source_why
    end
    local to, target_why = parse_path(target)
    if not to then
        return nil, target_why
    elseif to == "/" or to == "/run" then
        return nil, ("%s of the container can't be replaced"):format(to)
    end
    for _, reserved in ipairs(RESERVED) do
        if to == reserved or to:sub(1, #reserved + 1) == reserved .. "/" then
            return nil, ("%s is below %s, which is the container's own"):format(quote(to), reserved)
        end
    end
    return { source = from, target = to, read_only = read_only }
end

local ACCESS <const> = { ro = true, rw = false }
local BIND_FIELDS <const> = { source = "string", target = "string", read_only = "boolean" }

M.bind = define {
    expected = "HOST:CONTAINER[:ro]",
    complete = "file",
    parse = function(text)
        local parts, why = split_colons(text)
        if not parts then
            return nil, why
        elseif #parts == 1 then
            return nil, quote(text) .. " lacks the path in the container; expected "
                .. "HOST:CONTAINER[:ro]"
        elseif #parts > 3 then
            return nil, quote(text) .. ' has too many parts; a colon in a path is written "\\:"'
        elseif parts[3] and ACCESS[parts[3]] == nil then
            return nil, ("expected ro or rw as the last part, not %s"):format(quote(parts[3]))
        end
        return bind(parts[1], parts[2], ACCESS[parts[3]] or false)
    end,
    accept = function(value)
        local why <const> = misfit(value, BIND_FIELDS, "{ source=, target=, read_only= }")
        if why then
            return nil, why
        elseif not value.source or not value.target then
            return nil, "a bind mount needs source and target"
        end
        return bind(value.source, value.target, value.read_only or false)
    end,
    show = function(value)
        return ("%s:%s%s"):format(value.source:gsub("[\\:]", "\\%0"),
            value.target:gsub("[\\:]", "\\%0"), value.read_only and ":ro" or "")
    end,
}

-- capabilities(7), in the order of their numbers, up to CAP_CHECKPOINT_RESTORE (40).
local CAPABILITIES <const> = {
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
    "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER",
    "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
}

M.capability = define {
    expected = "a capability",
    complete = CAPABILITIES,
    parse = function(text)
        local name = text:upper()
        if name:sub(1, 4) ~= "CAP_" then
            name = "CAP_" .. name
        end
        for _, capability in ipairs(CAPABILITIES) do
            if capability == name then
                return name
            end
        end
        local meant <const> = #name > 4 and text_of.nearest(name, CAPABILITIES)
        return nil, ("%s is not a capability%s"):format(quote(text),
            meant and "; did you mean " .. meant .. "?" or "")
    end,
}

-- systemd-nspawn(1), --system-call-filter=: names and @groups, "~" first for a deny list.
M.system_call_filter = define {
    expected = "[~]@GROUP or NAME, ...",
    parse = function(text)
        local deny, list = text:match "^(~?)(.*)$"
        local names = {}
        for name in list:gmatch "[^, \t]+" do
            if name:find "~" then
                return nil, ('%s: "~" stands once, before the first'):format(quote(text))
            elseif not name:find "^[a-z_][a-z0-9_]*$" and not name:find "^@[a-z][a-z0-9-]*$" then
                return nil, quote(name) .. " is not a system call or a @group of them"
            end
            names[#names + 1] = name
        end
        if #names == 0 then
            return nil, quote(text) .. " names no system calls"
        end
        return deny .. table.concat(names, " ")
    end,
}

-- systemd.unit(5), "unit name": the characters, the suffixes, and 255 at most.
local UNIT_TYPES <const> = {
    automount = true, device = true, mount = true, path = true, scope = true, service = true,
    slice = true, socket = true, swap = true, target = true, timer = true,
}

M.service = define {
    expected = "the name of a unit",
    parse = function(text)
        local suffix <const> = text:match "%.(%a+)$"
        local name <const> = UNIT_TYPES[suffix] and text or text .. ".service"
        if #name > 255 or not name:find "^[%w:_.\\-][%w:_.\\@-]*%.%a+$" or name:find "^%.%a+$" then
            return nil, quote(text) .. " is not the name of a unit"
        end
        return name
    end,
}

-- The names that useradd(8) takes, or a numeric user id but the two that mean "none" (16 and 32
-- bits of ones).
M.user = define {
    expected = "a user",
    parse = function(text)
        if #text <= 32 and text:find "^[a-z_][a-z0-9_-]*%$?$" then
            return text
        elseif text:find "^%d+$" and #text <= 10 then
            local id <const> = math.tointeger(tonumber(text))
            if id < 0xFFFFFFFF and id ~= 0xFFFF then
                return ("%d"):format(id)
            end
        end
        return nil, quote(text) .. " is not the name or number of a user"
    end,
    accept = function(value)
        local id, why = whole(value, "a user")
        if not id then
            return nil, why
        end
        return M.user.parse(("%d"):format(id))
    end,
}

---The name of a network interface, as the kernel and systemd take it, that begins with `prefix`.
---@param prefix string what systemd puts before it
---@return sdme.Kind
function M.interface(prefix)
    local maximum <const> = 15 - #prefix
    local expected <const> = ("the name of an interface (%d characters at most)"):format(maximum)
    return define {
        expected = expected,
        parse = function(text)
            if #text > maximum or not text:find "^[%w_.+-]+$" or not text:find "[^%d.]" then
                return nil, ("%s is not %s"):format(quote(text), expected)
            end
            return text
        end,
    }
end

-- A name without blanks or anything that a line of a unit file would interpret.
M.profile = word("the name of a profile", "[%w/][%w_./:+-]*", 255)

local function append(into, value)
    into[#into + 1] = value
end

local function extend(into, values)
    for _, value in ipairs(values) do
        append(into, value)
    end
end

local function is_list(value)
    local count = 0
    for _ in pairs(value) do
        count = count + 1
    end
    return count == #value
end

-- All values of a table through the `check` of their kind.
local function check_each(item, values, insert)
    local into = {}
    if not item.explode and not is_list(values) then
        return nil, "expected a list"
    end
    for _, each in ipairs(item.explode and item.explode(values) or values) do
        local value, why = item.check(each)
        if value == nil then
            return nil, why
        end
        insert(into, value)
    end
    return into
end

---A list written with commas. Nothing is the empty list.
---@param item sdme.Kind
---@return sdme.Kind
function M.list(item)
    return define {
        expected = "a list of " .. item.expected,
        complete = item.complete,
        separator = ",",
        insert = extend,
        parse = function(text)
            local values = {}
            for part in (text == "" and "" or text .. ","):gmatch "([^,]*)," do
                local value, why = item.parse(part)
                if value == nil then
                    return nil, why
                end
                append(values, value)
            end
            return values
        end,
        accept = function(values)
            if type(values) ~= "table" then
                return nil, ("expected a list, not a %s"):format(type(values))
            end
            return check_each(item, values, append)
        end,
        show = function(values)
            local texts = {}
            for i, value in ipairs(values) do
                texts[i] = item.show(value)
            end
            return table.concat(texts, ",")
        end,
    }
end

---What an option that can be given again and again collects. As in unit files, an empty value
---forgets those before it.
---@param item sdme.Kind
---@return sdme.Kind kind with `add(into, text) -> into | nil, why`
function M.many(item)
    local insert <const> = item.insert or append
    local function add(into, text)
        if text == "" then
            return {}
        end
        local value, why = item.parse(text)
        if value == nil then
            return nil, why
        end
        insert(into, value)
        return into
    end
    return define {
        expected = item.expected,
        complete = item.complete,
        add = add,
        parse = function(text)
            return add({}, text)
        end,
        accept = function(values)
            return check_each(item, type(values) == "table" and values or { values }, insert)
        end,
        show = function(values)
            local texts = {}
            for i, value in ipairs(item.explode and item.explode(values) or values) do
                texts[i] = item.show(item.separator and { value } or value)
            end
            return table.concat(texts, ",")
        end,
    }
end

return M
