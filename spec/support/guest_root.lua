-- A root directory like that of an application, in which the programs of src/guest are run: users
-- and groups of its own, and the host's programs.

local guest_program <const> = require "sdme.guest_program"
local needs <const> = require "spec.support.needs"
local program <const> = require "spec.support.program"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local M <const> = {}

local PASSWD <const> = [[
root:x:0:0:root:/root:/bin/sh
web:x:1000:1001:Web:/srv/web:/bin/sh
]]

local GROUP <const> = [[
root:x:0:
web:x:1001:web
log:x:1002:other,web
media:x:1003:web
]]

-- A mount namespace of its own, so that everything is gone with the last process.
local ENTER <const> = [[exec env -u HOME unshare --mount --propagation private sh -c 'cd "$0" &&
    mount --bind . . && cd "$0" && mount --rbind /usr usr && mount --rbind /proc proc &&
    mount --rbind /dev dev && mount --rbind /sys sys && mount --bind "$1" guest && shift &&
    exec chroot . "$@"' %s %s %s 2>&1]]

---Where the programs are on this machine; where they aren't built for it the spec is skipped.
---@param name string
---@return string
function M.program(name)
    needs.root()
    local ok <const>, path <const> = pcall(guest_program.path, name)
    needs.that(ok, "the program " .. name .. " for containers")
    needs.that(shell.succeeds "unshare --mount --pid --fork true", "namespaces")
    return path
end

---@return string path gone with `scratch.clean`
function M.make()
    M.program "isolate"
    local root <const> = scratch.directory()
    shell.run("cd %s && chmod 755 . && mkdir usr proc dev sys etc guest root tmp && "
        .. "chmod 1777 tmp && ln -s usr/bin usr/lib usr/sbin . && "
        .. "if [ -e /lib64 ]; then ln -s usr/lib64 lib64; fi", root)
    M.write(root, "etc/passwd", PASSWD)
    M.write(root, "etc/group", GROUP)
    return root
end

---@param root string
---@param path string relative
---@param content string
function M.write(root, path, content)
    local file <close> = assert(io.open(root .. "/" .. path, "w"))
    assert(file:write(content))
end

---The line of a shell that runs a program of src/guest in a root directory.
---@param root string
---@param name string
---@param arguments string as a shell takes them
---@return string
function M.line(root, name, arguments)
    local path <const> = M.program(name)
    return ENTER:format(shell.quote(root), shell.quote(path:match "^(.*)/"),
        ("/guest/%s %s"):format(name, arguments))
end

---Runs one.
---@param root string
---@param name string
---@param arguments string as a shell takes them
---@return string output of both streams, without the newline at its end
---@return integer? status nil if it was killed
function M.run(root, name, arguments)
    local output <const>, result <const> = program.shell(M.line(root, name, arguments))
    return (output:gsub("\n$", "")), result.code
end

return M
