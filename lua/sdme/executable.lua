-- Why a program below some root directory can't be executed: execve(2) says it only to its caller.

local core <const> = require "sdme.core"

local M <const> = {}

-- Where systemd looks for a command without a slash in it.
local SEARCH_PATH <const> = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

-- As much as the kernel looks at.
local HEAD <const> = 256

local ANYBODY <const> = tonumber("111", 8)
local OTHERS <const> = 1

local function find(root, program, search)
    if program:find("/", 1, true) then
        return core.file.stat(program, { root = root, follow = true }), program
    end
    for folder in search:gmatch "[^:]+" do
        local path <const> = folder .. "/" .. program
        local file <const> = core.file.stat(path, { root = root, follow = true })
        if file and file.type == "file" and file.mode & ANYBODY ~= 0 then
            return file, path
        end
    end
    return nil
end

-- Whether somebody who owns nothing of it may enter all the directories and execute the file.
local function is_open_to_others(root, path, file)
    for slash in path:gmatch "()/" do
        local directory <const> =
            core.file.stat(path:sub(1, slash), { root = root, follow = true })
        if not directory or directory.mode & OTHERS == 0 then
            return false
        end
    end
    return file.mode & OTHERS ~= 0
end

local function read_head(root, path)
    local descriptor <close> = core.file.open(path, { root = root })
    local file <close> = descriptor and io.open("/proc/self/fd/" .. descriptor:fileno(), "rb")
    return file and file:read(HEAD) or ""
end

---What speaks against executing a program, as far as can be told from outside.
---@param root any descriptor of the root directory
---@param program string a path, or a name to search for
---@param options { search: string?, user: string? } as in $PATH; who executes it
---@return string? obstacle nil if there is none
---@return boolean? found whether there is such a file at all
function M.obstacle(root, program, options)
    local file <const>, path <const> = find(root, program, options.search or SEARCH_PATH)
    if not file then
        return "not found", false
    elseif file.type ~= "file" then
        return "it is a " .. file.type, true
    elseif file.mode & ANYBODY == 0 then
        return "it has no permission to be executed", true
    elseif options.user and options.user ~= "root" and not is_open_to_others(root, path, file) then
        return ("'%s' has no permission to execute it"):format(options.user), true
    end
    local head <const> = read_head(root, path)
    local interpreter <const> = head:match "^#![ \t]*([^%s]+)"
    if interpreter and not core.file.stat(interpreter, { root = root, follow = true }) then
        return ("its interpreter %s is not there"):format(interpreter), true
    elseif not interpreter and head:sub(1, 4) ~= "\x7fELF" then
        return "it is no program", true
    end
    return nil
end

return M
