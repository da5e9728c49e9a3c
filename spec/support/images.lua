-- The container images that spec/host/image has made; spec/host/oci_images.lua says what they are.

local debian <const> = require "spec.support.debian"
local json <const> = require "sdme.json"
local shell <const> = require "spec.support.shell"

local M <const> = {}

---The names of all of them.
---@type string[]
M.names = {
    "base", "nginx", "redis", "postgresql", "docker", "zstd", "plain", "platforms", "docker-list",
    "nested", "hundred",
}

---An OCI layout with the tag "latest".
---@param name string
---@return string path
function M.path(name)
    return debian.path("oci/" .. name)
end

---The file of a blob.
---@param path string of a layout
---@param digest string
---@return string
function M.blob(path, digest)
    return ("%s/blobs/%s"):format(path, (digest:gsub(":", "/", 1)))
end

---A blob that is JSON.
---@param path string of a layout
---@param digest string
---@return table
function M.json(path, digest)
    return json.decode(shell.run("cat %s", M.blob(path, digest)), digest)
end

---What a layout's index.json names first.
---@param path string
---@return table descriptor
function M.descriptor(path)
    return json.decode(shell.run("cat %s", path .. "/index.json"), path).manifests[1]
end

---Whether a descriptor is that of a manifest or an index.
---@param descriptor table
---@return boolean
function M.is_manifest(descriptor)
    return descriptor.mediaType:find "manifest" ~= nil
        or descriptor.mediaType:find "image%.index" ~= nil
end

---Every blob that a descriptor leads to, those that others refer to first.
---@param path string of a layout
---@param descriptor table
---@return table[] descriptors
function M.reachable(path, descriptor)
    local all = {}
    local function add(item)
        if M.is_manifest(item) then
            local value <const> = M.json(path, item.digest)
            for _, list in ipairs { value.manifests or {}, { value.config }, value.layers or {} } do
                for _, below in ipairs(list) do
                    add(below)
                end
            end
        end
        all[#all + 1] = item
    end
    add(descriptor)
    return all
end

return M
