-- Secrets: values that containers are given and that nothing else keeps: each is a file that root
-- alone can read, and everything else knows only what it is called.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local kind <const> = require "sdme.kind"
local state <const> = require "sdme.store.state"
local store <const> = require "sdme.store"

local file <const> = core.file

local M <const> = {}

-- systemd takes no more than 1 MiB for all credentials of a machine.
M.longest = 512 << 10

local HINT_LIST <const> = "`sdme secret ls` shows those that exist"

-- The settings that have variables, whose values may be secrets.
local VARIABLES <const> = { "env", "oci_env" }

---A value that containers are given, by its name: nothing shows it but `value`.
---@class sdme.Secret
---@field name string its name
local Secret <const> = { __name = "sdme.secret" }
Secret.__index = Secret

function Secret:__tostring()
    return "secret " .. self.name
end

local function path_of(name)
    return store.path("secrets", name)
end

local function stat_of(name)
    return file.stat(path_of(name))
end

local function raise_missing(name, what)
    fault.raise("ENOENT", "sdme secret set " .. name, "%sthere is no secret %s",
        what and what .. ": " or "", name)
end

---The secret of that name, which need not exist yet.
---@param name string
---@return sdme.Secret secret
function M.new(name)
    local checked <const>, why <const> = kind.secret.check(name)
    if not checked then
        fault.usage("sdme.secret: %s", why)
    end
    return setmetatable({ name = checked }, Secret)
end

---The secrets that there are, by name.
---@return sdme.Secret[] secrets
function M.list()
    local secrets <const> = {}
    for _, name in ipairs(file.list(store.path "secrets") or {}) do
        secrets[#secrets + 1] = kind.secret.parse(name) and setmetatable({ name = name }, Secret)
    end
    return secrets
end

-- A variable whose value is a secret has a table for a value: see sdme.kind.environment.
local function add_references(names, variables)
    for _, value in pairs(variables or {}) do
        if type(value) == "table" then
            names[#names + 1] = value.secret
        end
    end
end

---The names of the secrets that settings refer to, sorted, each once.
---@param settings table of a container
---@return string[] names
function M.named(settings)
    local all <const>, names <const> = {}, {}
    table.move(settings.secrets or {}, 1, #(settings.secrets or {}), 1, all)
    for _, key in ipairs(VARIABLES) do
        add_references(all, settings[key])
    end
    table.sort(all)
    for _, name in ipairs(all) do
        names[#names + 1] = name ~= names[#names] and name or nil
    end
    return names
end

---Raises where a secret that a container is to have isn't there.
---@param settings table of the container
---@param what string what it is wanted for
function M.check(settings, what)
    for _, name in ipairs(M.named(settings)) do
        if not stat_of(name) then
            raise_missing(name, what)
        end
    end
end

---Has the secrets of a container stay until its state says that it has them.
---@param settings table of the container
---@param what string what they are wanted for
---@return table held to be closed then
function M.hold(settings, what)
    return store.hold("secret", M.named(settings), function()
        M.check(settings, what)
    end)
end

---Whether a secret that settings refer to was changed after a time.
---@param settings table of a container
---@param stat sdme.file.Stat of a file that was written at that time
---@return boolean
function M.is_newer(settings, stat)
    for _, name in ipairs(M.named(settings)) do
        local own <const> = stat_of(name)
        if own and (own.mtime > stat.mtime
                or own.mtime == stat.mtime and own.mtime_nsec > stat.mtime_nsec) then
            return true
        end
    end
    return false
end

---Its value.
---
---Raises `ENOENT` if there is none.
---@return string value any bytes
function Secret:value()
    if not stat_of(self.name) then
        raise_missing(self.name)
    end
    return fault.check(file.read(path_of(self.name), { max = M.longest, follow = false }))
end

---Gives it a value: it is made, or the former value replaced. Containers get it when they start
---the next time.
---
---Raises `EUSAGE` for what is no text of 1 byte to 512 KiB.
---@param value string any bytes
function Secret:set(value)
    if type(value) ~= "string" or #value == 0 or #value > M.longest then
        fault.usage("secret %s: expected 1 to %d bytes, not %s", self.name, M.longest,
            type(value) == "string" and ("%d"):format(#value) or "a " .. type(value))
    end
    store.prepare()
    local _ <close> = store.lock("secret", self.name)
    if not stat_of(self.name) or self:value() ~= value then
        fault.check(file.write(path_of(self.name), value, { mode = "0600" }))
    end
end

---The names of the containers that are given it.
---@return string[] names
function Secret:users()
    local users <const> = {}
    for _, container in ipairs(file.list(store.path "containers") or {}) do
        local fine <const>, description <const> = pcall(state.container, container)
        for _, name in ipairs(fine and M.named(description.settings) or {}) do
            users[#users + 1] = name == self.name and container or nil
        end
    end
    return users
end

---@class sdme.SecretRemoveOptions
---@field force boolean? whether one that containers are given goes too: they don't start any more

---Removes it.
---
---Raises `ENOENT` if there is none, `EBUSY` if containers are given it.
---@param options sdme.SecretRemoveOptions? whether it must be of no use
function Secret:remove(options)
    store.prepare()
    local _ <close> = store.lock("secret", self.name)
    if not stat_of(self.name) then
        fault.raise("ENOENT", HINT_LIST, "there is no secret %s", self.name)
    end
    local users <const> = self:users()
    if #users > 0 and not (options or {}).force then
        fault.raise("EBUSY", "sdme rm " .. table.concat(users, " "), "secret %s is in use: %s",
            self.name, table.concat(users, ", "))
    end
    fault.check(file.remove(path_of(self.name)))
end

---@class sdme.SecretDescription
---@field name string its name
---@field changed string when it was given its value, as ISO 8601 has it
---@field containers string[] those that are given it

---What is known of it, but for its value.
---
---Raises `ENOENT` if there is none.
---@return sdme.SecretDescription about
function Secret:inspect()
    local stat <const> = stat_of(self.name)
    if not stat then
        fault.raise("ENOENT", HINT_LIST, "there is no secret %s", self.name)
    end
    return {
        name = self.name, changed = os.date("!%Y-%m-%dT%H:%M:%SZ", stat.mtime),
        containers = json.array(self:users()),
    }
end

-- What a variable can't have as its value: see sdme.kind.environment.
local function check_text(name, value)
    if value:find "\0" or not utf8.len(value) then
        fault.raise("EINVAL", "have it as a file: `secrets`",
            "secret %s is no text, which a variable has to be", name)
    end
    return value
end

---Variables with the values of those that are secrets.
---@param variables table<string, string|{ secret: string }>
---@return table<string, string>
function M.resolve(variables)
    local values <const> = {}
    for name, value in pairs(variables) do
        values[name] = type(value) == "table"
            and check_text(value.secret, M.new(value.secret):value()) or value
    end
    return values
end

---Where the value of a secret is on this host.
---@param name string
---@return string path
function M.path(name)
    return path_of(name)
end

return M
