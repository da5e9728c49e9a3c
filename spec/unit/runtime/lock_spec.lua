local core <const> = require "sdme.core"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

describe("core.lock", function()
    local path

    before_each(function()
        path = scratch.directory() .. "/lock"
    end)
    after_each(scratch.clean)

    it("excludes others, in this process too, until it is closed", function()
        local lock <const> = assert(core.lock.acquire(path))
        local _, message, code = core.lock.acquire(path)
        assert.equal("EAGAIN", code)
        assert.equal("lock " .. path .. ": Resource temporarily unavailable", message)
        assert.is_false(shell.succeeds("flock -n %s true", path))
        lock:close()
        local again <close> = assert(core.lock.acquire(path))
        assert.is_truthy(again)
    end)

    it("may be shared among readers, and keeps writers out", function()
        local first <close> = assert(core.lock.acquire(path, { shared = true }))
        local second <close> = assert(core.lock.acquire(path, { shared = true }))
        assert.is_truthy(first and second)
        local _, _, code = core.lock.acquire(path)
        assert.equal("EAGAIN", code)
    end)

    it("leaves no file behind", function()
        assert(core.lock.acquire(path)):close()
        assert.is_nil(core.file.stat(path))
    end)

    it("doesn't hold a file that was removed meanwhile and made again by somebody", function()
        local held <close> = assert(core.lock.acquire(path))
        assert(core.file.remove(path))
        local other <close> = assert(core.lock.acquire(path))
        held:close()
        local _, _, code = core.lock.acquire(path)
        assert.equal("EAGAIN", code)
        assert.is_truthy(other)
    end)

    it("dies with its holder, and says who that is while it lives", function()
        local line <const> = "exec flock %s sh -c 'echo $PPID; exec sleep 60'"
        local pipe <const> = io.popen(line:format(path), "r")
        local pid <const> = tonumber(pipe:read "l")
        assert.equal(pid, core.lock.holder(path))
        shell.run("pkill -KILL -P %s; kill -KILL %s 2>/dev/null || true", tostring(pid),
            tostring(pid))
        pipe:close()
        local lock
        for _ = 1, 100 do
            lock = lock or core.lock.acquire(path)
            core.poll.wait({}, lock and 0 or 0.02)
        end
        assert.is_truthy(lock)
        lock:close()
    end)

    it("is held by nobody where there is no file", function()
        assert.is_nil(core.lock.holder(path))
    end)

    it("doesn't follow a symbolic link", function()
        assert(core.file.symlink("/dev/null", path))
        local _, _, code = core.lock.acquire(path)
        assert.equal("ELOOP", code)
    end)
end)
