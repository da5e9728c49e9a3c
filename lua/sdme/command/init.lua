-- The commands in the order of `sdme --help`. Each module is loaded when its command is used.

local M <const> = {}

for name in ([[
    new create start stop restart enable disable rm
    join exec logs ps inspect set cp diff snapshot push rename
    fs pod secret prune run repl config completions doctor apparmor-profile help
    __broker __complete __forward __launch __names __step __stopped
]]):gmatch "%S+" do
    M[#M + 1] = { name = name, module = "sdme.command." .. name:gsub("^__", ""):gsub("-", "_") }
end

return M
