#!/usr/bin/env -S sdme run
-- A machine to work in: a user with sudo, ssh, tools, and their own files of the host's home.
--
--     sdme run recipes/devbox.lua [USER [DIRECTORY OF DOTFILES]]
--     sdme new -r devbox --name box -p 2222:22

local sdme <const> = require "sdme"

local debian <const> = dofile((arg[0]:match "^(.*/)" or "./") .. "support/debian.lua")

local file <const> = sdme.core.file

local APT <const> = { cache = { "/var/cache/apt", "/var/lib/apt/lists" } }

local TOOLS <const> = "build-essential git less openssh-server sudo tmux vim-tiny"

-- Who may come in by ssh: whoever builds this.
local function public_keys()
    local directory <const> = (os.getenv "HOME" or "/root") .. "/.ssh"
    local keys <const> = {}
    for _, name in ipairs(file.list(directory) or {}) do
        if name:find "%.pub$" then
            keys[#keys + 1] = file.read(directory .. "/" .. name)
        end
    end
    return table.concat(keys)
end

return sdme.recipe {
    name = "devbox",
    from = debian(),
    build = function(b, arguments)
        local user <const>, dotfiles <const> = arguments[1] or "dev", arguments[2]
        local home <const> = "/home/" .. user
        b:run("apt-get -q update && apt-get -qy --no-install-recommends install " .. TOOLS, APT)
        -- Keys of the host are what tells machines apart: each makes its own when it boots first.
        b:run "rm -f /etc/ssh/ssh_host_*"
        b:write("/etc/systemd/system/ssh.service.d/keys.conf",
            "[Service]\nExecStartPre=\nExecStartPre=/usr/bin/ssh-keygen -A\n")
        b:run { "useradd", "--create-home", "--shell", "/bin/bash", "--groups", "sudo", user }
        b:write("/etc/sudoers.d/" .. user, user .. " ALL=(ALL) NOPASSWD: ALL\n", { mode = "0440" })
        b:write(home .. "/.ssh/authorized_keys", public_keys(), { owner = user, mode = "0600" })
        b:run { "chown", user .. ":", home .. "/.ssh" }
        if dotfiles then
            b:copy(dotfiles .. "/", home .. "/", { owner = user })
        end
        b:enable "ssh.service"
    end,
}
