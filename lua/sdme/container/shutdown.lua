-- Commands whose guest goes down while they run.

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local host <const> = require "sdme.host"
local lifecycle <const> = require "sdme.container.lifecycle"
local systemd <const> = require "sdme.systemd"
local task <const> = require "sdme.task"

local M <const> = {}

-- The status when nobody can tell how a command ended, as ssh(1) has it.
local LOST <const> = 255

-- Seconds between two looks at a guest.
local INTERVAL <const> = 0.05

-- Programs, and commands of systemctl, that have a guest go down: that it does is their success.
local DOWN <const> = { halt = true, poweroff = true, reboot = true, shutdown = true }

local function wants_down(argv)
    local program <const> = argv[1]:match "[^/]*$"
    for i = 2, program == "systemctl" and #argv or 0 do
        if DOWN[argv[i]] then
            return true
        end
    end
    return DOWN[program] or false
end

local function system_state(name)
    local bus <close> = host.guest_bus(name)
    return systemd.manager(bus):system_state()
end

-- Whether a run of a guest has ended or is about to, or only its bus has.
local function is_going_down(name, invocation)
    local deadline <const> = core.poll.now() + config.get "stop_timeout"
    while core.poll.now() < deadline do
        if lifecycle.invocation(name) ~= invocation or not host.machines():get(name) then
            return true
        end
        local ok, state = pcall(system_state, name)
        if ok then
            return state == "stopping"
        elseif fault.is(state, "EINTR") then
            error(state, 0)
        end
        task.sleep(INTERVAL)
    end
    return false
end

---Runs a command of a guest by `run()`, and tells what it means if the guest goes down meanwhile:
---its manager may say yet that it has ended the command, else the connection breaks.
---@param name string
---@param argv string[]
---@param run fun(): table
---@return { code: integer?, signal: integer?, stdout: string?, stderr: string? } result
function M.during(name, argv, run)
    local invocation <const> = lifecycle.invocation(name)
    local ok, result = pcall(run)
    local lost <const> = not ok and fault.is(result, "ECONNRESET")
    local wanted <const> = (lost or ok and result.code ~= 0) and wants_down(argv)
    if not (lost or wanted) or not is_going_down(name, invocation) then
        return ok and result or error(result, 0)
    elseif wanted then
        result = ok and result or { stdout = "", stderr = "" }
        result.code, result.signal = 0, nil
        return result
    end
    error(fault.new {
        message = name .. " went down while the command ran", code = "ECONNRESET", status = LOST,
    }, 0)
end

return M
