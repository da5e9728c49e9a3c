-- What images are made for: an operating system, an architecture, and a variant of that. Which of
-- several runs here best is decided as containerd does it.

local fault <const> = require "sdme.fault"
local partition_type <const> = require "sdme.source.partition_type"
local text <const> = require "sdme.text"

local M <const> = {}

-- What others call the architectures that Go names.
local ARCHITECTURES <const> = {
    x86_64 = "amd64", ["x86-64"] = "amd64", aarch64 = "arm64", armhf = "arm", armel = "arm",
    armv7l = "arm", i386 = "386", i686 = "386", loongarch64 = "loong64",
}

-- The variants that such a name has in it.
local IMPLIED <const> = { armhf = "v7", armel = "v6", armv7l = "v7" }

-- What a missing variant means.
local DEFAULT_VARIANTS <const> = { arm = "v7", arm64 = "v8", amd64 = "v1" }

---@class sdme.oci.Platform
---@field os string
---@field architecture string
---@field variant string? missing where it is the usual one, but for arm
local Platform <const> = { __name = "sdme.oci.platform" }
Platform.__index = Platform

function Platform:__tostring()
    return table.concat({ self.os, self.architecture, self.variant }, "/")
end

local function normalise(os, architecture, variant)
    os, architecture = os:lower(), architecture:lower()
    variant = variant ~= "" and variant and variant:lower() or IMPLIED[architecture]
    architecture = ARCHITECTURES[architecture] or architecture
    if variant and variant:find "^%d" then
        variant = "v" .. variant
    end
    if architecture == "arm" then
        variant = variant or DEFAULT_VARIANTS.arm
    elseif variant == DEFAULT_VARIANTS[architecture] then
        variant = nil
    end
    return setmetatable({ os = os, architecture = architecture, variant = variant }, Platform)
end

---A platform out of what an index or a config says, nil if it doesn't.
---@param description { os: string?, architecture: string?, variant: string? }
---@return sdme.oci.Platform?
function M.of(description)
    if (description.os or "") == "" or (description.architecture or "") == "" then
        return nil
    end
    return normalise(description.os, description.architecture, description.variant)
end

---Reads "OS/ARCHITECTURE" or "OS/ARCHITECTURE/VARIANT"; the architecture alone is one of Linux.
---@param name string
---@return sdme.oci.Platform
function M.parse(name)
    local parts <const> = {}
    for part in (name .. "/"):gmatch "([^/]*)/" do
        parts[#parts + 1] = part
        if #parts > 3 or #part > 32 or not part:find "^[%w_][%w_.-]*$" then
            fault.raise("EINVAL", nil,
                "%s: expected a platform such as linux/amd64 or linux/arm64/v8",
                text.printable(name:sub(1, 128)))
        end
    end
    if #parts == 1 then
        table.insert(parts, 1, "linux")
    end
    return normalise(parts[1], parts[2], parts[3])
end

---What this host executes.
---@return sdme.oci.Platform
function M.host()
    return normalise("linux", partition_type.architecture())
end

local function version_of(platform)
    local variant <const> = platform.variant or DEFAULT_VARIANTS[platform.architecture] or ""
    return math.tointeger(tonumber(variant:match "^v(%d%d?)$"))
end

-- Appends an architecture with its variants from one down to another.
local function append_versions(list, os, architecture, first, last)
    for version = first, last, -1 do
        list[#list + 1] = normalise(os, architecture, "v" .. version)
    end
end

---What a platform executes, the best first: an arm what earlier ones do, arm64 what arm does,
---amd64 what 386 does.
---@param wanted sdme.oci.Platform
---@return sdme.oci.Platform[]
function M.compatible(wanted)
    local list <const>, version <const> = {}, version_of(wanted)
    if not version then
        return { wanted }
    elseif wanted.architecture == "amd64" then
        append_versions(list, wanted.os, "amd64", version, 1)
        list[#list + 1] = normalise(wanted.os, "386")
    elseif wanted.architecture == "arm64" then
        append_versions(list, wanted.os, "arm64", version, 8)
        append_versions(list, wanted.os, "arm", 8, 5)
    elseif wanted.architecture == "arm" then
        append_versions(list, wanted.os, "arm", version, 5)
    end
    return #list > 0 and list or { wanted }
end

local function same(a, b)
    return a.os == b.os and a.architecture == b.architecture and a.variant == b.variant
end

---How well one platform runs on another: 1 is best, nil is not at all.
---@param platform sdme.oci.Platform
---@param wanted sdme.oci.Platform
---@return integer?
function M.rank(platform, wanted)
    for i, candidate in ipairs(M.compatible(wanted)) do
        if same(platform, candidate) then
            return i
        end
    end
    return nil
end

---Whether an image for one platform may run on another, as far as its config tells: variants are
---named in too many ways.
---@param platform sdme.oci.Platform
---@param wanted sdme.oci.Platform
---@return boolean
function M.runs(platform, wanted)
    for _, candidate in ipairs(M.compatible(wanted)) do
        if platform.os == candidate.os and platform.architecture == candidate.architecture then
            return true
        end
    end
    return false
end

---Those descriptors of an index that a platform executes, the best first and then those that don't
---say what they are for.
---@param descriptors table[] with `platform`, as sdme.oci.manifest gives them
---@param wanted sdme.oci.Platform
---@return table[]
function M.order(descriptors, wanted)
    local ranked <const>, last <const> = {}, #M.compatible(wanted) + 1
    for i, descriptor in ipairs(descriptors) do
        local platform <const> = descriptor.platform and M.of(descriptor.platform)
        local rank <const> = platform and M.rank(platform, wanted) or not platform and last
        if rank then
            ranked[#ranked + 1] = { rank = rank, index = i, descriptor = descriptor }
        end
    end
    table.sort(ranked, function(a, b)
        if a.rank ~= b.rank then
            return a.rank < b.rank
        end
        return a.index < b.index
    end)
    for i, entry in ipairs(ranked) do
        ranked[i] = entry.descriptor
    end
    return ranked
end

---The best of them.
---@param descriptors table[]
---@param wanted sdme.oci.Platform
---@return table? descriptor
function M.choose(descriptors, wanted)
    return M.order(descriptors, wanted)[1]
end

return M
