-- Who we are to a registry: what the caller says, or the files that podman, skopeo and docker keep,
-- by containers-auth.json(5). They may name a program that knows more: docker-credential-NAME.

local core <const> = require "sdme.core"
local document <const> = require "sdme.oci.document"
local fault <const> = require "sdme.fault"
local task <const> = require "sdme.task"

local M <const> = {}

-- What Docker's own registry is called in these files.
local DOCKER <const> = "docker.io"
local DOCKER_KEYS <const> = { ["docker.io"] = true, ["index.docker.io"] = true,
    ["registry-1.docker.io"] = true }
local DOCKER_URL <const> = "https://index.docker.io/v1/"

-- What helpers and files have for a user where the password is a token to get others with.
local TOKEN_USER <const> = "<token>"

local HELPER_TIMEOUT <const> = 30
local HELPER_OUTPUT <const> = 65536
local NOT_FOUND <const> = "credentials not found in native keychain"

---@class sdme.oci.Credentials
---@field user string?
---@field password string?
---@field identity_token string? instead of both
---@field source string where they are from, for messages

local DIGITS <const> = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function decode_base64(data)
    local bits, count, bytes = 0, 0, {}
    for digit in data:gsub("=+$", ""):gmatch "." do
        local value <const> = DIGITS:find(digit, 1, true)
        if not value then
            return nil
        end
        bits, count = bits << 6 | value - 1, count + 6
        if count >= 8 then
            count = count - 8
            bytes[#bytes + 1] = string.char(bits >> count & 0xFF)
        end
    end
    return table.concat(bytes)
end

local function check_text(value, what)
    if value:find "%c" then
        fault.raise("EFORMAT", nil, "%s: expected a user and a password without control characters",
            what)
    end
    return value
end

-- "USER:PASSWORD"; only the password may have a colon.
local function split(pair, source)
    local user <const>, password <const> = check_text(pair, source):match "^([^:]+):(.*)$"
    if not user then
        fault.raise("EFORMAT", nil, "%s: expected USER:PASSWORD", source)
    end
    return { user = user, password = password, source = source }
end

local function environment(name)
    local value <const> = os.getenv(name)
    return value ~= "" and value or nil
end

-- The directory of a variable, or one below another; nil if neither is known.
local function below(variable, base, path)
    local value <const>, other <const> = variable and environment(variable), environment(base)
    return value or other and other .. path
end

local function add(list, directory, name)
    if directory then
        list[#list + 1] = directory .. name
    end
end

---The files that are looked into, in order.
---@return string[]
function M.files()
    local list <const> = { environment "REGISTRY_AUTH_FILE" }
    local user <const> = core.file.stat "/proc/self"
    local runtime <const> = below(nil, "XDG_RUNTIME_DIR", "/containers")
        or user and "/run/containers/" .. user.uid
    add(list, runtime, "/auth.json")
    add(list, below("XDG_CONFIG_HOME", "HOME", "/.config"), "/containers/auth.json")
    add(list, below("DOCKER_CONFIG", "HOME", "/.docker"), "/config.json")
    return list
end

-- The names that an image may go by in a file, the longest first: "HOST/a/b", "HOST/a", "HOST".
local function candidates(registry, repository)
    local list, path <const> = {}, { registry }
    for part in repository:gmatch "[^/]+" do
        path[#path + 1] = part
    end
    for last = #path, 1, -1 do
        list[#list + 1] = table.concat(path, "/", 1, last)
    end
    return list
end

-- The registry that a key of a file means: Docker writes URLs.
local function registry_of(key)
    local is_url <const> = key:find "^https?://" ~= nil
    local host <const> = key:gsub("^https?://", "")
    if is_url or host:find "/v[12]/?$" then
        return host:match "^[^/]*"
    end
    return host
end

local function means(key, registry)
    local host <const> = registry_of(key)
    return host == registry or registry == DOCKER and DOCKER_KEYS[host] or false
end

local function read_entry(entry)
    local source <const> = ("%s: %s"):format(entry.what, entry.path)
    local token <const> = entry:line "identitytoken"
    if token and token ~= "" then
        return { identity_token = check_text(token, source), source = entry.what }
    end
    local encoded <const> = entry:text "auth"
    if not encoded or encoded == "" then
        return nil
    end
    local pair <const> = decode_base64(encoded)
    if not pair then
        entry:fail("auth", "expected base64")
    end
    local found <const> = split((pair:gsub("%z+$", "")), source) -- once padded
    found.source = entry.what
    if found.user == TOKEN_USER then
        return { identity_token = found.password, source = entry.what }
    end
    return found
end

local function find_entry(root, registry, repository)
    local auths <const> = root:object "auths"
    if not auths then
        return nil
    end
    for _, name in ipairs(candidates(registry, repository)) do
        local entry <const> = auths:object(name)
        if entry then
            return read_entry(entry)
        end
    end
    for _, key in ipairs(root:names "auths") do
        if means(key, registry) then
            return read_entry(auths:object(key))
        end
    end
    return nil
end

local function helper_failed(program, format, ...)
    fault.raise("EEXEC", nil, "%s: " .. format, program, ...)
end

-- Runs `PROGRAM get`, which reads a line and writes a document.
local function run_helper(program, input)
    local process <close> = fault.context(program)(core.process.spawn {
        argv = { program, "get" }, stdin = "pipe", stdout = "pipe", stderr = "null",
        death_signal = "KILL",
    })
    local written, message, code = task.await(core.stream.writer(process:stdin(), input))
    if not written and code ~= "EPIPE" then
        helper_failed(program, "%s", message)
    end
    local output, ended
    output, message = task.await(task.timeout(core.stream.reader(process:stdout(),
        { max = HELPER_OUTPUT }), HELPER_TIMEOUT))
    if output then
        ended, message = task.await(task.timeout(process:wait(), HELPER_TIMEOUT))
    end
    if not ended then
        helper_failed(program, "%s", message)
    end
    return output, ended
end

local function ask_helper(name, registry, source)
    local program <const> = "docker-credential-" .. name
    if #name > 64 or not name:find "^%w[%w_.-]*$" then
        fault.raise("EFORMAT", nil, "%s: expected the name of a credential helper", source)
    end
    local output <const>, ended <const> = run_helper(program,
        (registry == DOCKER and DOCKER_URL or registry) .. "\n")
    if ended.code ~= 0 then
        if output:find(NOT_FOUND, 1, true) then
            return nil
        end
        helper_failed(program, "it ends with %s", ended.signal and "signal " .. ended.signal
            or "status " .. ended.code)
    end
    local answer <const> = document.parse(output, program)
    local user <const>, secret <const> = answer:line "Username" or "", answer:line("Secret", true)
    if user == TOKEN_USER then
        return { identity_token = secret, source = program }
    end
    return { user = user, password = secret, source = program }
end

-- The helper that a file names for a registry.
local function find_helper(root, registry)
    local helpers <const> = root:object "credHelpers"
    for _, key in ipairs(helpers and root:names "credHelpers" or {}) do
        if means(key, registry) then
            return helpers:line(key)
        end
    end
    return nil
end

local function look_into(path, registry, repository)
    local bytes <const>, message <const>, code <const> =
        core.file.read(path, { max = document.MAX_SIZE, follow = true })
    if bytes == "" or code == "ENOENT" or code == "ENOTDIR" then
        return nil
    elseif not bytes then
        fault.raise(code, nil, "%s", message)
    end
    local root <const> = document.parse(bytes, path)
    local helper <const> = find_helper(root, registry)
    if helper then
        return ask_helper(helper, registry, path)
    end
    local found <const> = find_entry(root, registry, repository)
    local store <const> = not found and root:line "credsStore"
    return found or store and store ~= "" and ask_helper(store, registry, path) or nil
end

---Reads "USER:PASSWORD".
---@param pair string
---@return sdme.oci.Credentials
function M.parse(pair)
    local user <const>, password <const> = pair:match "^([^:%c]+):(%C*)$"
    if not user then
        fault.usage("credentials are USER:PASSWORD")
    end
    return { user = user, password = password, source = "--creds" }
end

---What the files have for a repository, nil if nothing.
---@param registry string
---@param repository string
---@return sdme.oci.Credentials?
function M.find(registry, repository)
    for _, path in ipairs(M.files()) do
        local found <const> = look_into(path, registry, repository)
        if found then
            return found
        end
    end
    return nil
end

return M
