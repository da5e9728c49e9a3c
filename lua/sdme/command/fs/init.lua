local subcommands <const> = {}

for name in ("import build ls rm inspect export cache gc"):gmatch "%S+" do
    subcommands[#subcommands + 1] = { name = name, module = "sdme.command.fs." .. name }
end

return {
    name = "fs",
    summary = "root filesystems: import, build, list, remove, export",
    subcommands = subcommands,
}
