-- What the programs for containers are, and where sdme finds them.

local guest_program <const> = require "sdme.guest_program"
local guest_root <const> = require "spec.support.guest_root"
local needs <const> = require "spec.support.needs"
local raised <const> = require "spec.support.raised"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local NAMES <const> = { "become", "devfd", "enter", "health", "isolate" }

-- e_machine, elf(5)
local MACHINES <const> = { x86_64 = 62, aarch64 = 183 }

-- p_type
local PT_DYNAMIC <const>, PT_INTERP <const>, PT_GNU_STACK <const> = 2, 3, 0x6474e551
local EXECUTABLE <const> = 1

-- The kinds and flags of the segments of a 64-bit little-endian ELF file, and its machine.
local function read_elf(path)
    local file <close> = assert(io.open(path, "rb"))
    local bytes <const> = file:read "a"
    assert.equal("\x7fELF\2\1", bytes:sub(1, 6))
    local offset <const>, size <const>, count <const> =
        ("<I8"):unpack(bytes, 33), ("<I2"):unpack(bytes, 55), ("<I2"):unpack(bytes, 57)
    local segments <const> = {}
    for i = 0, count - 1 do
        local kind <const>, flags <const> = ("<I4I4"):unpack(bytes, offset + i * size + 1)
        segments[kind] = flags
    end
    return ("<I2"):unpack(bytes, 19), segments
end

local function built(architecture, name)
    local path <const> =
        guest_program.path "isolate":gsub("/[^/]*/[^/]*$", ("/%s/%s"):format(architecture, name))
    needs.that(shell.succeeds("test -e %s", path), "a compiler for " .. architecture)
    return path
end

describe("a program for containers", function()
    after_each(scratch.clean)

    for architecture, machine in pairs(MACHINES) do
        it("needs nothing of the container's on " .. architecture, function()
            for _, name in ipairs(NAMES) do
                local found <const>, segments <const> = read_elf(built(architecture, name))
                assert.equal(machine, found)
                assert.is_nil(segments[PT_INTERP], name)
                assert.is_nil(segments[PT_DYNAMIC], name)
                assert.equal(0, segments[PT_GNU_STACK] & EXECUTABLE, name)
            end
        end)
    end

    it("works on aarch64", function()
        needs.program "qemu-aarch64"
        assert.equal("7\ndevfd: user '4294967295': expected ids from 0 to 4294967294",
            shell.run([[qemu-aarch64 %s -- sh -c 'exit 7'; echo $?
                qemu-aarch64 %s --owner 4294967295 -- true
                true]], built("aarch64", "devfd"), built("aarch64", "devfd")))
    end)

    it("kills everything around it only where that is a container's", function()
        needs.root()
        assert.equal("become: expected to be process 2 of a container",
            shell.run("unshare --pid --fork %s -- true </dev/null || true",
                guest_program.path "become"))
    end)

    it("is found by its name alone", function()
        for _, name in ipairs(NAMES) do
            assert.matches("^/.*/guest/[%w_]+/" .. name .. "$", guest_program.path(name))
        end
    end)

    it("is missed with a word on what to do", function()
        local failure <const> = raised(guest_program.path, "nothing")
        assert.equal("ENOENT", failure.code)
        assert.matches("the program nothing for containers", failure.message)
        assert.matches("make install", failure.hint)
    end)

    it("runs where there is no file at all but itself", function()
        local path <const> = guest_root.program "devfd"
        local root <const> = scratch.directory()
        shell.run("cp %s %s", path, root)
        assert.equal("devfd: /nothing: not found\n127",
            shell.run("chroot %s /devfd -- /nothing; echo $?", root))
    end)
end)
