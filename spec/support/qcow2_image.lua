-- QCOW2 images byte by byte, so that each field can be wrong.

local M <const> = {}

local HEADER <const> = ">c4 I4 I8 I4 I4 I8 I4 I4 I8 I8 I4 I4 I8"
local HEADER_3 <const> = ">I8 I8 I8 I4 I4 B c7"
local FIELDS <const> = {
    "magic", "version", "backing_offset", "backing_size", "cluster_bits", "size", "crypt_method",
    "l1_size", "l1_offset", "refcount_offset", "refcount_clusters", "snapshots", "snapshots_offset",
}
local FIELDS_3 <const> = {
    "incompatible", "compatible", "autoclear", "refcount_order", "header_length", "compression",
    "padding",
}

-- Bits of table entries.
M.COPIED = 1 << 63
M.COMPRESSED = 1 << 62

local function pack(format, names, fields)
    local values <const> = {}
    for i, name in ipairs(names) do
        values[i] = fields[name]
    end
    return format:pack(table.unpack(values))
end

local function table_of(words)
    local packed <const> = {}
    for i, word in ipairs(words) do
        packed[i] = (">I8"):pack(word)
    end
    return table.concat(packed)
end

---A header extension, padded.
---@param type integer
---@param data string
---@param length integer|nil what it says of its length
function M.extension(type, data, length)
    return (">I4I4"):pack(type, length or #data) .. data .. ("\0"):rep(-#data % 8)
end

---A deflate stream that isn't compressed: a single stored block (RFC 1951, 3.2.4).
---@param data string
function M.stored(data)
    return ("<BI2I2"):pack(1, #data, ~#data & 0xffff) .. data
end

---A zstd frame that is one byte over and over: a single RLE block (RFC 8878, 3.1.1).
---@param size integer 256 to 65791
function M.repeated(size, byte)
    return ("<I4BI2I3"):pack(0xfd2fb528, 0x60, size - 256, size << 3 | 1 << 1 | 1) .. byte
end

---An entry for compressed data.
---@param offset integer
---@param sectors integer besides the first one
function M.compressed(cluster_bits, offset, sectors)
    return M.COMPRESSED | sectors << (62 - (cluster_bits - 8)) | offset
end

-- Of an image with 512-byte clusters: each table and datum has one, in this order.
M.REFCOUNTS, M.BLOCK, M.L1, M.L2, M.DATA = 512, 1024, 1536, 2048, 2560

---An image with clusters of 512 bytes, unless fields say otherwise: a header, a refcount table and
---block, an L1 and an L2 table, and `data`, one cluster after the other.
---@param options table any field of the header; l1 and l2 are arrays of entries
---@return string
function M.make(options)
    local bits <const> = options.cluster_bits or 9
    local cluster <const> = 1 << (bits >= 9 and bits <= 21 and bits or 9)
    local fields <const> = {
        magic = "QFI\xfb", version = 3, backing_offset = 0, backing_size = 0, cluster_bits = bits,
        size = 4 * cluster, crypt_method = 0, l1_size = 1, l1_offset = 3 * cluster,
        refcount_offset = cluster, refcount_clusters = 1, snapshots = 0, snapshots_offset = 0,
        incompatible = 0, compatible = 0, autoclear = 0, refcount_order = 4, header_length = 112,
        compression = 0, padding = ("\0"):rep(7),
    }
    for name, value in pairs(options) do
        fields[name] = value
    end
    local header = pack(HEADER, FIELDS, fields)
    if fields.version ~= 2 then
        header = header .. pack(HEADER_3, FIELDS_3, fields)
    end
    local clusters <const> = {
        header .. (options.extensions or ""),
        table_of { 2 * cluster },
        (">I2I2I2I2I2I2"):pack(1, 1, 1, 1, 1, 1),
        table_of(options.l1 or { 4 * cluster | M.COPIED }),
        table_of(options.l2 or { 5 * cluster | M.COPIED }),
        options.data or ("x"):rep(cluster),
    }
    for i = 1, 5 do
        clusters[i] = clusters[i] .. ("\0"):rep(cluster - #clusters[i])
    end
    return table.concat(clusters)
end

return M
