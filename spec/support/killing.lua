-- Kills commands: at random moments, or before each of the changes that they make.

local assert <const> = require "luassert"
local core <const> = require "sdme.core"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local task <const> = require "sdme.task"

local M <const> = {}

-- Runs the command line, and dies before it changes anything for the Nth time.
local AT_STEP <const> = [[
    local core = require "sdme.core"
    local left = tonumber(table.remove(arg, 1))
    local function count(module, names)
        for name in names:gmatch "%S+" do
            local change = module[name]
            module[name] = function(...)
                left = left - 1
                if left == 0 then
                    os.execute "kill -KILL $PPID"
                end
                return change(...)
            end
        end
    end
    count(core.file, "write mkdir symlink rename remove chmod chown sync flush")
    count(core.tree, "copy remove")
    count(core.archive, "unpack")
    count(core.netns, "begin create loopback_up hold release")
    count(core.link, "add_veth add_bridge set_bridge set_up remove remove_zone")
    count(core.route, "add add_address remove_address")
    count(core.firewall, "add remove")
    os.exit(require("sdme.cli").main(arg), true)]]

---Seconds that a command takes.
---@return number
function M.measure(...)
    local began <const> = core.poll.now()
    sdme.ok(...)
    return core.poll.now() - began
end

---Runs a command and kills it after some part of the time that it takes.
function M.within(seconds, ...)
    local process <close> = sdme.spawn(...)
    core.poll.wait({}, math.random() * seconds)
    process:kill "KILL"
    task.await(process:wait())
end

---Runs a command until its Nth change; true if it came so far.
---@return boolean
function M.at(step, ...)
    local directory <const> = scratch.directory()
    local path <const>, config <const> = directory .. "/program.lua", directory .. "/sdme.conf"
    assert(core.file.write(path, AT_STEP, { sync = false }))
    assert(core.file.write(config, ("interpreter = %q\n"):format(sdme.program), { sync = false }))
    local process <close> = assert(core.process.spawn {
        argv = { "lua5.4", path, tostring(step), ... }, stdin = "null", stdout = "null",
        stderr = "null", env = {
            SDME_DATADIR = sdme.datadir(), SDME_CONFIG = config, PATH = os.getenv "PATH",
            LUA_PATH = os.getenv "LUA_PATH", LUA_CPATH = os.getenv "LUA_CPATH",
        },
    })
    local ended <const> = task.await(process:wait())
    assert.is_true(ended.code == 0 or ended.signal == 9)
    return ended.signal == 9
end

---Kills a command before each of the changes that it makes, and at some random moments (`times`) of
---the `seconds` that it takes: each time after `prepare()`, and then there is `check(when)`.
function M.everywhere(times, seconds, prepare, check, ...)
    local step = 0
    repeat
        step = step + 1
        prepare()
        local killed <const> = M.at(step, ...)
        check(("before change %d"):format(step))
    until not killed
    assert.is_true(step > 3)
    for _ = 1, times do
        prepare()
        M.within(seconds, ...)
        check "at a random moment"
    end
end

return M
