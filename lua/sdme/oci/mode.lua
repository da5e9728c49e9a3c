-- What an image is for: the base of a system, or an application that runs in one.

local M <const> = {}

local SHELLS <const> = {
    sh = true, ash = true, bash = true, csh = true, dash = true, fish = true, ksh = true,
    mksh = true, tcsh = true, zsh = true,
}

local function is_shell(word)
    return SHELLS[word:match "[^/]*$"] ~= nil
end

---Tells by an image's config: a base has no entrypoint and no ports, and a shell as its command,
---with whatever arguments, or no command, which could be run.
---@param config table as oci/config.lua gives it
---@return "base"|"app"
function M.of(config)
    local command <const> = config.cmd or {}
    if #(config.entrypoint or {}) > 0 or #(config.ports or {}) > 0 then
        return "app"
    end
    return (#command == 0 or is_shell(command[1])) and "base" or "app"
end

return M
