-- Archives that no honest program writes.

local tar <const> = require "spec.support.tar"

local M <const> = {}

---One entry of a sparse file, in the form of GNU tar's version 1.0.
---@return string
function M.sparse(map, stored, size)
    local records <const> = tar.pax { { "GNU.sparse.major", "1" }, { "GNU.sparse.minor", "0" },
        { "GNU.sparse.name", "sparse" }, { "GNU.sparse.realsize", tostring(size) } }
    return records .. tar.entry { name = "other", data = tar.padded(map) .. stored }
end

-- A big-endian number of 12 bytes in a size field.
local function base256(bytes)
    return bytes .. ("\0"):rep(12 - #bytes)
end

local long <const> = ("x"):rep(255)

-- Each is an archive, the code of its failure and what the message must have.
M.BROKEN = {
    ["nothing at all"] = { "", "EFORMAT", "empty" },
    ["what is no archive"] = { ("garbage "):rep(200), "EFORMAT", "no tar archive" },
    ["a '..' in a name"] = { tar.archive { name = "a/../../x", data = "x" }, "EFORMAT",
        "entry 1 'a/%.%./%.%./x' at offset 0: its path has '%.%.'" },
    ["a '..' alone"] = { tar.archive { name = "..", type = "5" }, "EFORMAT", "'%.%.'" },
    ["a '..' in a hard link"] = { tar.archive({ name = "a", data = "" },
        { name = "x", type = "1", link = "../a" }), "EFORMAT",
        "entry 2 'x' at offset 512: a hard link to '%.%./a': its path has '%.%.'" },
    ["no name"] = { tar.archive { name = "", data = "x" }, "EFORMAT", "it has no name" },
    ["a NUL in a name"] = { tar.archive(tar.pax { { "path", "a\0b" } }, { name = "x" }),
        "EFORMAT", "'path' can't be" },
    ["a name of 256 bytes"] = { tar.archive(tar.pax { { "path", long .. "x" } }, { name = "x" }),
        "ENAMETOOLONG", "more than 255 bytes" },
    ["a path of 4096 bytes"] = { tar.archive(
        tar.pax { { "path", (long .. "/"):rep(15) .. long .. "/x" } }, { name = "x" }),
        "ENAMETOOLONG", "longer than 4095 bytes, the limit on paths" },
    ["a long name of a megabyte"] = { tar.archive(
        tar.entry { name = "long", type = "L", data = ("x"):rep(1 << 20) .. "\0" },
        { name = "x" }), "EFORMAT", "more than 1048576 bytes" },
    ["a path of 1025 directories"] = { tar.archive(
        tar.pax { { "path", ("a/"):rep(1025) .. "x" } }, { name = "x" }),
        "ENAMETOOLONG", "1024 directories deep" },
    ["the top as a symlink"] = { tar.archive { name = "/.", type = "2", link = "/etc" },
        "EFORMAT", "the top of the tree" },
    ["the top as a file"] = { tar.archive { name = "./", type = "7", data = "x" }, "EFORMAT",
        "the top of the tree" },
    ["the top as a hard link"] = { tar.archive { name = ".", type = "1", link = "x" }, "EFORMAT",
        "the top of the tree" },
    ["a hard link to what isn't there"] = { tar.archive {
        name = "x", type = "1", link = "/etc/passwd" }, "EFORMAT", "'etc/passwd', which isn't" },
    ["a hard link to a directory"] = { tar.archive({ name = "d/", type = "5" },
        { name = "x", type = "1", link = "d" }), "EFORMAT", "which is no file" },
    ["a hard link through a symlink out of the tree"] = { tar.archive(
        { name = "etc", type = "2", link = "../../../../../../etc" },
        { name = "x", type = "1", link = "etc/passwd" }), "EFORMAT", "which isn't there" },
    ["a symlink to nothing"] = { tar.archive { name = "x", type = "2", link = "" }, "EFORMAT",
        "symlink to 0 bytes" },
    ["a symlink to 4096 bytes"] = { tar.archive(
        tar.pax { { "linkpath", ("x"):rep(4096) } }, { name = "x", type = "2" }), "EFORMAT",
        "symlink to 4096 bytes" },
    ["what an overlay takes for a whiteout"] = { tar.archive { name = "x", type = "3" },
        "EFORMAT", "0:0" },
    ["a device that the kernel would take for 0:0"] = { tar.archive(
        tar.pax { { "SCHILY.devmajor", "4096" } }, { name = "x", type = "3" }), "EFORMAT",
        "4096:0 is no device" },
    ["a user beyond 32 bits"] = { tar.archive(
        tar.pax { { "uid", "4294967296" } }, { name = "x" }), "EFORMAT", "4294967296 is no user" },
    ["the user that chown takes for none"] = { tar.archive(
        tar.pax { { "uid", "4294967295" } }, { name = "x" }), "EFORMAT", "is no user" },
    ["a negative group"] = { tar.archive { name = "x", gid = "\255\255\255\255\255\255\255\254" },
        "EFORMAT", "-2 is no group" },
    ["an extended size that contradicts the header"] = { tar.archive(
        tar.pax { { "size", "1024" } }, { name = "x", size = 0 },
        { name = "hidden", data = "x" }), "EFORMAT",
        "it has 0 bytes, and its extended header that it has 1024" },
    ["an extended size of nothing where the header has some"] = { tar.archive(
        tar.pax { { "size", "0" } }, { name = "x", data = ("x"):rep(1024) }), "EFORMAT",
        "it has 1024 bytes, and" },
    ["a size in two forms"] = { tar.archive(tar.pax { { "size", "9000000000" } },
        { name = "x", size = base256 "\128\0\0\0\1" }), "EFORMAT", "and its extended header" },
    ["a size of all entries"] = { tar.archive(tar.pax({ { "size", "1" } }, "g"), { name = "x" }),
        "EFORMAT", "said of all entries" },
    ["a negative size"] = { tar.archive { name = "x", size = ("\255"):rep(12) }, "EFORMAT",
        "no valid size" },
    ["a size of 2^63"] = { tar.archive {
        name = "x", size = "\128\0\0\0\128\0\0\0\0\0\0\0" }, "EFORMAT", "no valid size" },
    ["a size of 2^63-1"] = { tar.archive {
        name = "x", size = "\128\0\0\0\127\255\255\255\255\255\255\255" }, "EFBIG",
        "the limit on the size" },
    ["an extended header of 2^62 bytes"] = { tar.archive {
        name = "x", type = "x", size = "\128\0\0\0\64\0\0\0\0\0\0\0" }, "EFORMAT",
        "more than 1048576 bytes" },
    ["a size that is no number"] = { tar.archive { name = "x", size = "12z4567\0" }, "EFORMAT",
        "no valid size" },
    ["a wrong checksum"] = { tar.archive({ name = "a" }, { name = "x", checksum = "0012345\0" }),
        "EFORMAT", "entry 2 at offset 512: no header with a valid checksum" },
    ["a type that nobody knows"] = { tar.archive { name = "x", type = "Z" }, "EFORMAT",
        "unknown type 0x5a" },
    ["a part of another volume"] = { tar.archive { name = "x", type = "M" }, "EFORMAT", "volume" },
    ["two extended headers"] = { tar.archive(tar.pax { { "path", "a" } },
        tar.pax { { "path", "b" } }, { name = "x" }), "EFORMAT", "two extended headers" },
    ["two long names"] = { tar.archive(tar.entry { type = "L", data = "a\0" },
        tar.entry { type = "L", data = "b\0" }, { name = "x" }), "EFORMAT", "two long names" },
    ["a record that is too short"] = { tar.archive(tar.pax "5 a=b\n", { name = "x" }), "EFORMAT",
        "no record at its byte 0" },
    ["a record that is too long"] = { tar.archive(tar.pax "60 a=b\n", { name = "x" }), "EFORMAT",
        "no record at its byte 0" },
    ["a record without a key"] = { tar.archive(tar.pax "5 ab\n", { name = "x" }), "EFORMAT",
        "no record at its byte 0" },
    ["a record of 2^64 bytes"] = { tar.archive(
        tar.pax "18446744073709551622 a=b\n", { name = "x" }), "EFORMAT", "no record" },
    ["a time that is no number"] = { tar.archive(
        tar.pax { { "mtime", "1.5e3" } }, { name = "x" }), "EFORMAT", "'mtime' can't be '1.5e3'" },
    ["an ACL that lacks somebody"] = { tar.archive(
        tar.pax { { "SCHILY.acl.access", "user::rwx" } }, { name = "x" }), "EFORMAT", "an ACL" },
    ["an ACL that isn't one"] = { tar.archive(
        tar.pax { { "SCHILY.acl.access", "user::rwz" } }, { name = "x" }), "EFORMAT",
        "can't have 'user::rwz'" },
    ["an ACL with a name that nobody knows"] = { tar.archive(tar.pax { { "SCHILY.acl.access",
        "user::rwx,user:joe:---,group::r--,mask::rwx,other::r--" } }, { name = "x" }), "EFORMAT",
        "an ACL has 'user:joe:---', a name that its etc/passwd hasn't got" },
    ["an ACL with a number that none is"] = { tar.archive(tar.pax { { "SCHILY.acl.access",
        "user::rwx,user:4294967295:---,group::r--,mask::rwx,other::r--" } }, { name = "x" }),
        "EFORMAT", "can't have 'user:4294967295:---'" },
    ["an attribute whose name ends within a byte"] = { tar.archive(
        tar.pax { { "LIBARCHIVE.xattr.user.a%4", "eA" } }, { name = "x" }), "EFORMAT",
        "'LIBARCHIVE.xattr.user.a%%4' is no name" },
    ["an attribute whose name has a NUL"] = { tar.archive(
        tar.pax { { "LIBARCHIVE.xattr.user.a%00b", "eA" } }, { name = "x" }), "EFORMAT",
        "is no name" },
    ["an attribute that isn't Base64"] = { tar.archive(
        tar.pax { { "LIBARCHIVE.xattr.user.a", "eA=A" } }, { name = "x" }), "EFORMAT",
        "'LIBARCHIVE.xattr.user.a' isn't Base64" },
    ["an attribute of a part of a byte"] = { tar.archive(
        tar.pax { { "LIBARCHIVE.xattr.user.a", "eAAAA" } }, { name = "x" }), "EFORMAT",
        "isn't Base64" },
    ["parts of a sparse file that overlap"] = { tar.archive(
        M.sparse("2\n0\n10\n5\n10\n", ("x"):rep(20), 100)), "EFORMAT", "part 2" },
    ["a part of a sparse file behind its end"] = { tar.archive(
        M.sparse("1\n95\n10\n", ("x"):rep(10), 100)), "EFORMAT", "part 1" },
    ["a part of a sparse file near 2^64"] = { tar.archive(
        M.sparse("1\n18446744073709551615\n10\n", ("x"):rep(10), 100)), "EFORMAT", "part 1" },
    ["a sparse file that stores more than its parts"] = { tar.archive(
        M.sparse("1\n0\n10\n", ("x"):rep(20), 100)), "EFORMAT", "have 10 bytes, but 20" },
    ["a sparse file of 2^60 parts"] = { tar.archive(
        M.sparse("1152921504606846976\n", "", 100)), "EFORMAT", "part of a sparse file" },
    ["a sparse file of 2^63 bytes"] = { tar.archive(
        M.sparse("0\n", "", "9223372036854775808")), "EFORMAT", "no valid size" },
    ["a sparse file of 2^62 bytes"] = { tar.archive(
        M.sparse("0\n", "", "4611686018427387904")), "EFBIG", "the limit on the size" },
    ["a single block of zeros"] = { tar.entry { name = "x" } .. ("\0"):rep(512)
        .. tar.entry { name = "hidden" } .. tar.END, "EFORMAT", "a single block of zeros" },
}

-- Names of whiteouts of nothing, and why they are refused.
M.WHITEOUTS = {
    [".wh."] = "nothing that could be", [".wh.."] = "nothing that could be",
    [".wh..."] = "nothing that could be", [".wh.dir/file"] = "nothing that could be",
    ["a/.wh.x/../y"] = "'..'",
}

return M
