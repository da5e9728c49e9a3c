local subcommands <const> = {}

for name in ("new ls rm set inspect net"):gmatch "%S+" do
    subcommands[#subcommands + 1] = { name = name, module = "sdme.command.pod." .. name }
end

return {
    name = "pod",
    summary = "pods: networks that containers share",
    subcommands = subcommands,
}
