local core <const> = require "sdme.core"
local digests <const> = require "sdme.digest"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"
local wait <const> = require "spec.support.wait"

local digest <const> = core.digest

-- Of the empty string and of "abc": FIPS 180-4's examples.
local EMPTY <const> = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
local ABC <const> = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
local ABC_512 <const> = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    .. "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"

describe("core.digest", function()
    after_each(scratch.clean)

    it("agrees with the standard", function()
        assert.equal(EMPTY, digest.new("sha256"):hex())
        assert.equal(ABC, digest.new("sha256"):update("abc"):hex())
        assert.equal(ABC_512, digest.new("sha512"):update("abc"):hex())
    end)

    it("takes its data in any pieces, and tells the digest in between", function()
        local sum <close> = digest.new "sha256"
        sum:update("a")
        assert.not_equal(ABC, sum:hex())
        sum:update(""):update("bc")
        assert.equal(ABC, sum:hex())
        assert.equal(ABC, sum:hex())
        assert.equal(ABC,
            (sum:bytes():gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)))
        assert.equal(32, #sum:bytes())
    end)

    it("agrees with sha256sum about files", function()
        local dir <const> = scratch.directory()
        for _, size in ipairs { 0, 1, 256 * 1024, 256 * 1024 + 1, 3000000 } do
            local path <const> = dir .. "/" .. size
            shell.run("head -c " .. size .. " /dev/urandom > %s", path)
            local hex, length = digests.file(path)
            assert.equal(size, length)
            assert.equal(shell.run("sha256sum < %s", path):match("^%x+"), hex)
            assert.equal(shell.run("sha512sum < %s", path):match("^%x+"),
                (digests.file(path, "sha512")))
        end
    end)

    it("reads a descriptor from where it is", function()
        local dir <const> = scratch.directory()
        shell.run("printf xabc > %s", dir .. "/x")
        local handle <close> = assert(io.open(dir .. "/x"))
        handle:setvbuf("no")
        handle:read(1)
        local hex, length = digests.file(handle)
        assert.same({ ABC, 3 }, { hex, length })
    end)

    it("reads files in the background, and ends when it is closed", function()
        local path <const> = scratch.directory() .. "/large"
        shell.run("truncate -s 100G %s", path)
        local pending <const> = assert(digest.file(path))
        assert.is_false(pending:step())
        local descriptor <const>, events <const>, timeout <const> = pending:poll()
        assert.same({ "integer", "r" }, { math.type(descriptor), events, timeout })
        assert.equal(ABC, task.await((function()
            local handle <close> = assert(io.open(path:gsub("large$", "small"), "w+"))
            handle:write "abc"
            handle:seek "set"
            return assert(digest.file(handle)) -- which has a descriptor of its own
        end)()))
        assert.is_false(pending:step())
        pending:close()
        pending:close()
        assert.is_nil(pending:poll())
        assert.error_matches(function() pending:step() end, "the digest is closed")
        wait.alone()
    end)

    it("refuses what is no file, and what is no digest", function()
        local dir <const> = scratch.directory()
        shell.run("mkfifo %s", dir .. "/fifo")
        assert.equal("EINVAL", select(3, digests.file(dir .. "/fifo")))
        assert.equal("EISDIR", select(3, digests.file(dir)))
        assert.equal("ENOENT", select(3, digests.file(dir .. "/missing")))
        local input <const>, output <const> = assert(core.stream.pipe())
        assert.equal("EINVAL", select(3, digests.file(input)))
        input:close()
        output:close()
        assert.equal("EINVAL", select(3, digests.file("/etc/passwd", "md5")))
        local none, message, code = digest.new("md5")
        assert.is_nil(none)
        assert.same({ "no such digest: md5", "EINVAL" }, { message, code })
    end)

    it("is freed once, and unusable afterwards", function()
        local sum <const> = digest.new "sha256"
        sum:close()
        sum:close()
        assert.error_matches(function() sum:update("x") end, "the digest is closed")
        assert.error_matches(function() sum:hex() end, "the digest is closed")
    end)

    it("leaves libcrypto alone until it is asked for a digest", function()
        local loaded <const> = [[
            local core = require "sdme.core"
            local function loaded()
                for line in io.lines "/proc/self/maps" do
                    if line:find("libcrypto", 1, true) then return true end
                end
                return false
            end
            local before = loaded()
            core.digest.new "sha256"
            io.write(tostring(before), " ", tostring(loaded()))]]
        assert.equal("false true", shell.lua(loaded))
    end)

    it("gives random bytes", function()
        assert.equal("", digest.random(0))
        assert.equal(32, #digest.random(32))
        assert.not_equal(digest.random(32), digest.random(32))
        assert.equal(1024 * 1024, #digest.random(1024 * 1024))
        assert.has_error(function() digest.random(-1) end)
    end)
end)
