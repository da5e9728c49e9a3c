-- The commands in the order of `sdme --help`. Each module is loaded when its command is used.

local M <const> = {}

for name in ([[
    new create start stop restart enable disable rm
    join exec logs ps inspect set rename
    run config completions doctor help
    __complete __forward __launch __stopped
]]):gmatch "%S+" do
    M[#M + 1] = { name = name, module = "sdme.command." .. name:gsub("^__", "") }
end

return M
