-- What the types of GPT partitions say, by the Discoverable Partitions Specification of the UAPI
-- group.

local core <const> = require "sdme.core"

local M <const> = {}

-- By what the kernel calls the architecture (/proc/sys/kernel/arch, utsname.machine of uname(2)).
local ROOT <const> = {
    aarch64 = "b921b045-1df0-41c3-af44-4c6f280d3fae",
    armv7l = "69dad710-2ce4-4e3c-b16c-21a1d49abed3",
    i686 = "44479540-f297-41b2-9af7-d131d5f0458a",
    loongarch64 = "77055800-792c-4f94-b39a-98c91b762bb6",
    ppc64le = "c31c45e6-3f39-412e-80fb-4809c4980599",
    riscv64 = "72ec70a6-cf74-40e6-bd49-4bda08e8f224",
    s390x = "5eead9a9-fe09-4a1e-a1d7-520d00531306",
    x86_64 = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
}

local USR <const> = {
    aarch64 = "b0e01050-ee5f-4390-949a-9101b17104e9",
    armv7l = "7d0359a3-02b3-4f0a-865c-654403e70625",
    i686 = "75250d76-8cc6-458e-bd66-bd47cc81a812",
    loongarch64 = "e611c702-575c-4cbe-9a46-434fa0bf7e3f",
    ppc64le = "15bb03af-77e7-4d4a-b12b-c0d084f7491c",
    riscv64 = "beaec34b-8442-439b-a40b-984381ed097d",
    s390x = "8a4f5770-50aa-4ed3-874a-99b710db6fea",
    x86_64 = "8484680c-9521-48c6-9c11-b0720656f69e",
}

-- Those that are the same everywhere, with where they are mounted.
local SHARED <const> = {
    ["933ac7e1-2eb4-4f13-b844-0e14e2aef915"] = "/home",
    ["3b8f8425-20e0-4f3b-907f-1a25a76f98e8"] = "/srv",
}

---What this host executes.
---@return string
function M.architecture()
    local name <const> = core.file.read("/proc/sys/kernel/arch", { max = 64 })
    return name and name:match "%S+" or ""
end

---Where a partition of this type is mounted: "/", "/usr", ..., nil if the type doesn't say.
---@param type string|integer|nil of a partition, as core.disk.probe gives it
---@param architecture string
---@return string?
function M.mount_point(type, architecture)
    if type == nil then
        return nil
    elseif type == ROOT[architecture] then
        return "/"
    elseif type == USR[architecture] then
        return "/usr"
    end
    return SHARED[type]
end

return M
