-- Commands that run in layers: what is left of them on the host.

local core <const> = require "sdme.core"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local small <const> = require "spec.support.small_system"
local wait <const> = require "spec.support.wait"

local SCOPE <const> = "sdme-0123456789abcdef.scope"

local MAKE_SCOPE <const> = [[
    busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 \
        org.freedesktop.systemd1.Manager StartTransientUnit 'ssa(sv)a(sa(sv))' %s fail \
        3 Slice s machine.slice CollectMode s inactive-or-failed PIDs au 1 %s 0]]

-- What the manager sees when systemd-nspawn asks for a scope, and is killed before it has one: it
-- takes over a process that has ended, and isn't told later that nobody is there. Where it sees
-- that in time there is no scope.
local function make_empty_scope()
    local ended <close> = assert(core.process.spawn { argv = { "true" } })
    local pid <const> = ended:pid()
    wait.until_true("it has ended", function()
        return assert(core.file.read(("/proc/%d/stat"):format(pid))):find(") Z ", 1, true)
    end)
    wait.until_true("there is an empty scope", function()
        shell.run(MAKE_SCOPE, SCOPE, ("%d"):format(pid))
        wait.until_true("it is started or refused", function()
            return not small.steps():find "start"
        end)
        return small.steps():find "active +running"
    end)
end

describe("a step that was killed", function()
    setup(sdme.select)
    after_each(function()
        shell.run("systemctl stop %s 2>/dev/null; true", SCOPE)
        sdme.clean()
    end)

    for _, words in ipairs { { "ps" }, { "fs", "gc" } } do
        it("leaves no empty scope when there was sdme " .. table.concat(words, " "), function()
            make_empty_scope()
            sdme.ok(table.unpack(words))
            assert.equal("", small.steps())
        end)
    end

    it("isn't taken for one that is at work, in whatever data directory", function()
        shell.run([[systemd-run --quiet --scope --slice=machine --unit=%s sleep 1000 \
            >/dev/null 2>&1 &]], SCOPE)
        local function at_work()
            return small.steps():find "active +running" ~= nil
        end
        wait.until_true("its scope is there", at_work)
        sdme.ok "ps"
        assert.is_true(at_work())
    end)
end)
