-- What a container is kept from.

local base <const> = require "sdme.kind.base"
local text_of <const> = require "sdme.text"

local define <const> = base.define
local quote <const> = base.quote
local word <const> = base.word

local M <const> = {}

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

-- A name without blanks or anything that a line of a unit file would interpret.
M.profile = word("the name of a profile", "[%w/][%w_./:+-]*", 255)

return M
