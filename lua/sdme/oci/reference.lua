-- Names of images, by the grammar of the distribution project:
--
--     [REGISTRY[:PORT]/]REPOSITORY[:TAG][@DIGEST]
--
-- What comes before the first slash is a registry if it looks like a host: it has a dot, a colon
-- or an upper case letter, or is "localhost". Without a registry it is docker.io, whose
-- repositories of one component are below "library/".

local fault <const> = require "sdme.fault"
local text <const> = require "sdme.text"

local M <const> = {}

local DEFAULT_REGISTRY <const> = "docker.io"
local DEFAULT_TAG <const> = "latest"

-- Registries that are the default one by another name.
local ALIASES <const> = { ["index.docker.io"] = DEFAULT_REGISTRY }

local MAX_LENGTH <const> = 1024
local MAX_REPOSITORY <const> = 255
local MAX_TAG <const> = 128
local MAX_REGISTRY <const> = 255

local DIGEST_LENGTHS <const> = { sha256 = 64, sha512 = 128 }

-- What a file is called rather than an image.
local FILE_SUFFIXES <const> = { "%.tar", "%.tar%.%w+", "%.t[gbxz]z2?", "%.tzst", "%.gz", "%.xz",
    "%.bz2", "%.zst", "%.qcow2", "%.raw", "%.img", "%.iso", "%.json", "%.lua" }

---@class sdme.oci.Reference
---@field registry string "docker.io", "localhost:5000", "[::1]:5000"
---@field repository string "library/nginx"
---@field tag string?
---@field digest string? "sha256:HEX"
local Reference <const> = { __name = "sdme.oci.reference" }
Reference.__index = Reference

function Reference:__tostring()
    return ("%s/%s%s%s"):format(self.registry, self.repository, self.tag and ":" .. self.tag or "",
        self.digest and "@" .. self.digest or "")
end

---@param digest any
---@return boolean valid it is "sha256:" or "sha512:" and that many lower case hexadecimal digits
function M.is_digest(digest)
    if type(digest) ~= "string" then
        return false
    end
    local algorithm <const>, hex <const> = digest:match "^(%l+%d+):([0-9a-f]+)$"
    return algorithm ~= nil and DIGEST_LENGTHS[algorithm] == #hex
end

local function is_separator(characters)
    return characters == "." or characters == "_" or characters == "__"
        or characters:find "^%-+$" ~= nil
end

local function is_component(component)
    if not component:find "^[a-z0-9][a-z0-9._-]*$" or not component:find "[a-z0-9]$" then
        return false
    end
    for characters in component:gmatch "[._-]+" do
        if not is_separator(characters) then
            return false
        end
    end
    return true
end

local function is_repository(repository)
    for component in (repository .. "/"):gmatch "([^/]*)/" do
        if not is_component(component) then
            return false
        end
    end
    return true
end

local function is_host_name(host)
    for label in (host .. "."):gmatch "([^.]*)%." do
        if not label:find "^%w[%w-]*$" or label:sub(-1) == "-" then
            return false
        end
    end
    return true
end

---Whether it is the name of a registry: a host, perhaps with a port.
---@param registry string
---@return boolean
function M.is_registry(registry)
    local host, port = registry:match "^(%[[%x:]+%])(.*)$"
    local is_address <const> = host ~= nil
    if not is_address then
        host, port = registry:match "^([^:]*)(.*)$"
    end
    if port ~= "" and not (port:find "^:%d%d?%d?%d?%d?$" and tonumber(port:sub(2)) <= 65535) then
        return false
    end
    return #registry <= MAX_REGISTRY and (is_address or is_host_name(host))
end

-- The registry, which may be nil, and the rest of a name.
local function split_registry(name)
    local first <const>, rest <const> = name:match "^([^/]*)/(.*)$"
    if first and (first:find "[.:%u]" or first == "localhost") then
        return first, rest
    end
    return nil, name
end

local function refuse(whole, why, ...)
    fault.raise("EINVAL", "an image is [REGISTRY[:PORT]/]REPOSITORY[:TAG][@DIGEST]", "%s: %s",
        text.printable(#whole > 256 and whole:sub(1, 253) .. "..." or whole), why:format(...))
end

local function check_name(whole, registry, repository)
    if registry and not M.is_registry(registry) then
        refuse(whole, "expected a host, perhaps with a port, before the first slash")
    elseif repository == "" then
        refuse(whole, "expected the name of a repository")
    elseif #repository > MAX_REPOSITORY then
        refuse(whole, "expected a repository of at most %d bytes", MAX_REPOSITORY)
    elseif not is_repository(repository) then
        refuse(whole, "expected a repository of lower case letters, digits and single separators"
            .. " (. _ __ -) between them")
    elseif not registry and repository:find "^%x+$" and #repository == 64 then
        refuse(whole, "expected a name, not the id of an image")
    end
end

-- Both may be nil.
local function check_version(whole, tag, digest)
    if tag and not (#tag <= MAX_TAG and tag:find "^[%w_][%w_.-]*$") then
        refuse(whole, "expected a tag of at most %d letters, digits and _ . - after the colon",
            MAX_TAG)
    elseif digest and not M.is_digest(digest) then
        refuse(whole, "expected a digest such as sha256:HEX after the @")
    end
end

---Reads the name of an image. Without a tag and a digest the tag is "latest". `tostring` gives the
---canonical name.
---@param name string
---@return sdme.oci.Reference
function M.parse(name)
    if #name > MAX_LENGTH then
        refuse(name, "expected at most %d bytes", MAX_LENGTH)
    end
    local rest <const>, digest <const> = name:match "^([^@]*)@?(.*)$"
    local has_digest <const> = rest ~= name
    local path <const>, tag <const> = rest:match "^(.*):([^/]*)$"
    local registry, repository = split_registry(path or rest)
    check_name(name, registry, repository)
    check_version(name, tag, has_digest and digest or nil)
    registry = ALIASES[registry] or registry or DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and not repository:find "/" then
        repository = "library/" .. repository
    end
    return setmetatable({
        registry = registry, repository = repository,
        tag = tag or not has_digest and DEFAULT_TAG or nil, digest = has_digest and digest or nil,
    }, Reference)
end

-- Whether a word without a registry, a tag or a digest is rather a file's name.
local function names_file(word)
    for _, suffix in ipairs(FILE_SUFFIXES) do
        if word:lower():find(suffix .. "$") then
            return true
        end
    end
    return false
end

---Whether something that is no file may be the name of an image.
---@param name string
---@return boolean
function M.looks_like(name)
    if name:find "^[./]" or not pcall(M.parse, name) then
        return false
    end
    local says_more <const> = split_registry(name) or name:find "[:@]"
    return says_more ~= nil or not names_file(name)
end

return M
