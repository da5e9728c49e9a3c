local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local program <const> = require "spec.support.program"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

-- A program that does everything with ever fewer descriptors to be had, and prints what it finds
-- wrong: a failure that isn't EMFILE, a descriptor or a file that is left.
local FEW_DESCRIPTORS <const> = [[
    local dir <const> = "%s"
    local file <const> = core.file
    local operations <const> = {
        copy = function()
            local size, message, code = core.tree.copy(dir .. "/from", dir .. "/to")
            core.tree.remove(dir .. "/to")
            return size, message, code
        end,
        digest = function() return require("sdme.digest").file(dir .. "/from/file") end,
        list = function() return file.list(dir .. "/from") end,
        lock = function() return core.lock.acquire(dir .. "/lock") end,
        measure = function() return core.tree.measure(dir .. "/from") end,
        mkdir = function() return file.mkdir(dir .. "/from/sub", { parents = true }) end,
        netns = core.netns.create,
        overlay = function()
            return core.overlay.mount { lowers = { dir .. "/from", dir .. "/below" } }
        end,
        pipe = core.stream.pipe,
        pty = core.pty.open,
        read = function() return file.read(dir .. "/from/file") end,
        shift = function() return core.tree.shift(dir .. "/from", { to = 524288 }) end,
        spawn = function()
            return core.process.spawn {
                argv = { "true" }, stdin = "pipe", stdout = "pipe", stderr = "null",
            }
        end,
        userns = function() return core.userns.create(524288, 10) end,
        write = function() return file.write(dir .. "/from/file", "new", { sync = false }) end,
    }
    local function descriptors()
        collectgarbage()
        collectgarbage()
        return #file.list "/proc/self/fd"
    end
    local before <const> = descriptors()
    local failed, held = 0, {}
    for i = 1, 64 do
        held[i] = file.open "/dev/null" or file.open(dir .. "/from/file")
    end
    for free = 0, 12 do
        for name, operation in pairs(operations) do
            do
                local first <const>, message <const>, code <const> = operation()
                if not first and code ~= "EMFILE" then
                    print(("%%s with %%d free: %%s: %%s"):format(name, free, code, message))
                end
                failed = failed + (first and 0 or 1)
                for _, handle in ipairs { first, message, code } do
                    if type(handle) == "userdata" then
                        handle:close()
                    end
                end
            end
            collectgarbage()
        end
        table.remove(held):close()
    end
    held = nil
    if descriptors() ~= before then
        print("descriptors are left: " .. descriptors() - before)
    end
    if failed < 20 then
        print("that was not few: " .. failed)
    end]]

describe("the runtime", function()
    after_each(scratch.clean)

    it("runs out of descriptors without losing any, or leaving half-made files", function()
        needs.root()
        local dir <const> = scratch.directory()
        shell.run("mkdir -p %s %s; echo old > %s", dir .. "/from/sub", dir .. "/below",
            dir .. "/from/file")
        local before <const> = shell.run("cd %s; find . | sort", dir)
        assert.equal("", program.lua(FEW_DESCRIPTORS:format(dir), "ulimit -n 48;"))
        assert.equal(before, shell.run("cd %s; find . | sort", dir))
        assert.equal("new", core.file.read(dir .. "/from/file"))
    end)

    it("keeps the old file, and nothing else, where the new one doesn't fit", function()
        needs.root()
        local dir <const> = scratch.directory()
        for _, filesystem in ipairs { "tmpfs", "ext4" } do
            local small = dir .. "/tmpfs"
            if filesystem == "tmpfs" then
                shell.run("mkdir %s; mount -t tmpfs -o size=64k none %s", small, small)
                scratch.finally(function() shell.run("umount -l %s", small) end)
            else
                small = scratch.filesystem("ext4", "1M")
            end
            local path <const> = small .. "/file"
            assert(core.file.write(path, "old"))
            local _, _, code = core.file.write(path, ("x"):rep(2 << 20))
            assert.equal("ENOSPC", code)
            assert.equal("old", core.file.read(path))
            assert.equal("file", shell.run("cd %s; ls -A | grep -v lost+found", small))
        end
    end)
end)
