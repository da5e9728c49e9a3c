-- The programs that run inside containers (src/guest), and where they lie: beside the interpreter
-- or the C module that we run from, in the tree that built it or where it was installed; for
-- another program that has us inside, beside the interpreter that it uses.

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local M <const> = {}

local EXECUTABLE <const> = "/proc/self/exe"

-- e_machine of an ELF header (elf(5)), at this offset. A container runs on our own kernel, so the
-- programs for other machines are of no use to it.
local MACHINE_FORMAT <const>, MACHINE_POSITION <const> = "<I2", 19
local ARCHITECTURES <const> = { [62] = "x86_64", [183] = "aarch64" }

-- What a file's path ends with, and where the programs are instead: in a build, below a prefix.
local PLACES <const> = {
    { "/bin/sdme$", "/guest" },
    { "/bin/sdme$", "/lib/sdme/guest" },
    { "/lua/sdme/core%.so$", "/guest" },
    { "/lua/5%.4/sdme/core%.so$", "/sdme/guest" },
}

local function architecture()
    local file <close> = io.open(EXECUTABLE, "rb")
    local header <const> = file and file:read(MACHINE_POSITION + 1) or ""
    local machine <const> = #header > MACHINE_POSITION
        and MACHINE_FORMAT:unpack(header, MACHINE_POSITION)
    return ARCHITECTURES[machine]
        or fault.raise("EUNSUPPORTED", nil, "there are no guest programs for this architecture")
end

-- A path that is absolute and has no links in it.
local function resolve(path)
    local file <close> = core.file.open(path)
    return file and core.file.readlink("/proc/self/fd/" .. file:fileno())
end

-- Whose code this is: the interpreter's, or that of a module in a stock Lua; and what containers
-- are started by.
local function origins()
    local module <const> = package.searchpath("sdme.core", package.cpath)
    return {
        core.file.readlink(EXECUTABLE) or "", module and resolve(module) or "",
        resolve(config.get "interpreter") or "",
    }
end

---Where a program for the inside of containers is; raises where it is missing.
---@param name "become"|"devfd"|"enter"|"health"|"isolate"|"request"
---@return string path absolute
function M.path(name)
    local suffix <const> = ("/%s/%s"):format(architecture(), name)
    for _, origin in ipairs(origins()) do
        for _, place in ipairs(PLACES) do
            local directory <const>, matched <const> = origin:gsub(place[1], place[2])
            if matched > 0 and core.file.exists(directory .. suffix) then
                return directory .. suffix
            end
        end
    end
    fault.raise("ENOENT", "install sdme by `make install`, or run it from where it was built",
        "the program %s for containers is neither below bin/sdme nor below core.so", name)
end

return M
