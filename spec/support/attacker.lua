-- A process that changes files while we work on them, as fast as it can.

local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local M <const> = {}

---Runs a Perl program until `scratch.clean`; `@ARGV` is what follows.
---@param program string
function M.start(program, ...)
    local words <const> = { ... }
    for i, word in ipairs(words) do
        words[i] = shell.quote(word)
    end
    local pid <const> = shell.run("perl -e %s " .. table.concat(words, " ")
        .. " > /dev/null 2>&1 < /dev/null & echo $!", program)
    scratch.finally(function()
        shell.run("kill -9 " .. pid .. "; while kill -0 " .. pid
            .. " 2> /dev/null; do sleep 0.01; done")
    end)
end

---Swaps two names for each other, over and over (renameat2(2) with RENAME_EXCHANGE).
---@param first string
---@param second string
function M.swap(first, second)
    M.start("my $renameat2 = `uname -m` =~ /aarch64/ ? 276 : 316;"
        .. "while (1) { syscall($renameat2, -100, $ARGV[0], -100, $ARGV[1], 2) }", first, second)
end

return M
