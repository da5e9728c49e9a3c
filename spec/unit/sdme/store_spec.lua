local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local store <const> = require "sdme.store"
local wait <const> = require "spec.support.wait"

local SWEEP <const> = [[
    local config <const> = require "sdme.config"
    local core <const> = require "sdme.core"
    local store <const> = require "sdme.store"
    config.load { datadir = %q }
    assert(core.file.write(%q, "begun"))
    while true do
        store.sweep()
    end]]

-- A process that takes away what others have left, again and again.
local function spawn_sweeper()
    local path <const> = scratch.directory() .. "/sweep"
    assert(core.file.write(path, SWEEP:format(store.path(), path .. ".begun")))
    local interpreter <const> = assert(core.file.readlink "/proc/self/exe")
    local process <const> = assert(core.process.spawn {
        argv = { interpreter, interpreter:find "/sdme$" and "run" or "--", path },
        death_signal = "KILL",
    })
    wait.until_true("it sweeps", function() return core.file.exists(path .. ".begun") end)
    return process
end

describe("something unfinished", function()
    setup(needs.root)
    before_each(function()
        config.load { datadir = scratch.directory() .. "/data" }
        store.prepare()
    end)
    after_each(function()
        scratch.clean()
        config.load {}
    end)

    it("is begun, and stays, while others take away what is nobody's", function()
        local one <close> = spawn_sweeper()
        local other <close> = spawn_sweeper()
        for _ = 1, 5000 do
            local stage <close> = store.stage()
            assert.is_true(core.file.exists(stage.path))
        end
        one:kill "KILL"
        other:kill "KILL"
    end)
end)
