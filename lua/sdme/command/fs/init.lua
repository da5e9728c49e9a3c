local subcommands <const> = {}

for name in ("import ls rm inspect export cache gc"):gmatch "%S+" do
    subcommands[#subcommands + 1] = { name = name, module = "sdme.command.fs." .. name }
end

return {
    name = "fs",
    summary = "root filesystems: import, list, remove, export",
    subcommands = subcommands,
}
