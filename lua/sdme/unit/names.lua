-- The unit that keeps the names of containers current. It is upheld by those that need it, so that
-- systemd starts it with the first of them, again if it is killed, and ends it with the last.

local file <const> = require "sdme.unit.file"
local interpreter <const> = require "sdme.unit.interpreter"
local text <const> = require "sdme.unit.text"

local M <const> = {}

---Its name.
M.NAME = "sdme-names.service"

---What it is. To look into network namespaces takes CAP_SYS_ADMIN, and to find them CAP_SYS_PTRACE
---(namespaces(7), ptrace(2)).
---@return string
function M.content()
    return text.render {
        { "Unit",
            { "Description", "Names of containers" },
            { "Documentation", "man:sdme(1)" },
            { "After", "systemd-machined.service" },
            { "StopWhenUnneeded", "yes" },
            { "CollectMode", "inactive-or-failed" },
        },
        { "Service",
            { "Type", "exec" },
            { "ExecStart", interpreter.command "__names" },
            { "Environment", interpreter.environment() },
            { "CapabilityBoundingSet",
                "CAP_SYS_ADMIN CAP_SYS_PTRACE CAP_DAC_OVERRIDE CAP_CHOWN CAP_FOWNER" },
            { "ProtectSystem", "yes" }, -- and not "full": /etc/hosts is replaced
            table.unpack(interpreter.CONFINEMENT),
        },
    }
end

---Brings it in line with the configuration.
---@return boolean changed
function M.install()
    return file.install_template(M.NAME, M.content())
end

return M
