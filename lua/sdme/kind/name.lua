-- Names of containers, units and users.

local base <const> = require "sdme.kind.base"

local define <const> = base.define
local quote <const> = base.quote
local word <const> = base.word
local whole <const> = base.whole

local M <const> = {}

local NAME <const> = "a name (a-z, then a-z, 0-9 and -, 64 at most)"

-- A container to look up: its name, or the beginning of it.
M.container = word(NAME, "[a-z][a-z0-9-]*", 64, "container")

-- A root filesystem: its name, whole.
M.rootfs = word(NAME, "[a-z][a-z0-9-]*", 64, "rootfs")

-- The same, or what a build of it had made after some step.
M.rootfs_state = word("a root filesystem: " .. NAME .. ", or NAME@STEP of a build",
    "[a-z][a-z0-9-]*@?%d*", 72, "rootfs")

-- A pod: its name, whole.
M.pod = word(NAME, "[a-z][a-z0-9-]*", 64, "pod")

-- A secret: its name, or what `sdme.secret` gives.
M.secret = define {
    expected = "the name of a secret",
    type = "string|sdme.Secret",
    complete = "secret",
    parse = M.container.parse,
    accept = function(value)
        if type(value) == "table" and type(value.name) == "string" then
            return M.container.parse(value.name)
        end
        return nil, ("expected the name of a secret, not a %s"):format(type(value))
    end,
}

-- A container, or "fs:" and a root filesystem.
M.exported = define {
    expected = "a container, or fs: and a root filesystem",
    complete = "exported",
    parse = function(text)
        local fs <const> = text:match "^fs:(.*)$"
        local name, why = M.container.parse(fs or text)
        return name and text, why
    end,
}

-- What a file's content must have as its digest.
M.digest = word("a digest: sha256: and 64 hexadecimal digits",
    "sha256:" .. ("[0-9a-f]"):rep(64), 71)

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
    type = "string|integer",
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

return M
