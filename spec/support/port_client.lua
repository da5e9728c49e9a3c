-- Clients of ports that lead into containers, where services say who has come.

local shell <const> = require "spec.support.shell"

local M <const> = {}

---What one hears at a port.
---@param protocol "tcp"|"udp"
---@param host string
---@param port integer
---@param prefix string? the beginning of the client's command line
---@return string heard empty where nobody answers
function M.hear(protocol, host, port, prefix)
    local option <const> = protocol == "udp" and "-u -W 1" or "-N"
    local ok, heard = pcall(shell.run, ("echo hello | %s nc %s -w 10 %%s %%s 2>/dev/null"):format(
        prefix or "", option), host, tostring(port))
    return ok and heard or ""
end

---@param address string
---@param port integer of tcp
---@return boolean
function M.is_open(address, port)
    return M.hear("tcp", address, port):find "^tcp " ~= nil
end

return M
