-- A virtual machine, as whoever sits at it uses it: a host with a kernel of its own, which spec/run
-- has started, and whose name is in SDME_VM. This sdme is its `sdme`.

local core <const> = require "sdme.core"
local shell <const> = require "spec.support.shell"

local M <const> = {}

local NAME <const> = os.getenv "SDME_VM"

-- Emulated, a machine takes twenty times as long for everything.
local PATIENCE <const> = 240

local function host(...)
    return shell.run("spec/host/vmhost " .. ("%s "):rep(select("#", ...)), ...)
end

local function script(format, ...)
    local words <const> = table.pack(...)
    for i = 1, words.n do
        words[i] = shell.quote(tostring(words[i]))
    end
    return format:format(table.unpack(words, 1, words.n))
end

---Runs a script of `/bin/sh` in it; each `%s` in it takes one quoted argument.
---@param format string
---@return string output without the newline at its end; a failure raises it, stderr included
function M.run(format, ...)
    return host("exec", NAME, "--", "sh", "-c", script(format, ...))
end

---The same for what may fail.
---@return integer status
---@return string output
function M.attempt(format, ...)
    local output <const> = host("exec", NAME, "--", "sh", "-c",
        "( " .. script(format, ...) .. "\n) 2>&1; echo \"status $?\"")
    local text <const>, status <const> = output:match "^(.-)\n?status (%d+)$"
    return math.tointeger(tonumber(status)), text
end

---Waits until a script prints something.
---@param what string in words
---@param format string
---@return string output
function M.wait_for(what, format, ...)
    local deadline <const> = core.poll.now() + PATIENCE
    repeat
        local status <const>, output <const> = M.attempt(format, ...)
        if status == 0 and output ~= "" then
            return output
        end
        core.poll.wait({}, 0.5)
    until core.poll.now() > deadline
    error("it never happened: " .. what, 2)
end

---Waits until a container's boot is over.
---@param name string
function M.wait_running(name)
    M.wait_for(name .. " runs", "sdme ps | grep %s", "^" .. name .. " *running")
end

---Reboots it as its administrator would.
function M.reboot()
    host("reboot", NAME)
end

---Cuts its power, and starts it again.
function M.crash()
    host("crash", NAME)
end

---Removes every container, for `after_each`.
function M.clean()
    M.attempt "sdme rm --all --force"
end

---What of containers is left in it: units, drop-ins, machines, mounts, files.
---@return string a line each
function M.traces()
    return M.run [[
        systemctl list-units --all --no-legend 'sdme@*' | sed 's/^/unit /'
        ls -d /etc/systemd/system/sdme@?*.service.d /etc/systemd/system/*.wants/sdme@* 2>/dev/null
        machinectl --no-legend list | sed 's/^/machine /'
        grep /var/lib/sdme /proc/self/mountinfo | sed 's/^/mount /'
        for d in containers staging ranges ephemeral; do ls -d /var/lib/sdme/$d/* 2>/dev/null; done
        true]]
end

return M
