local subcommands <const> = {}

for name in ("attach detach"):gmatch "%S+" do
    subcommands[#subcommands + 1] = { name = name, module = "sdme.command.pod.net." .. name }
end

return {
    name = "net",
    summary = "what pods reach besides themselves",
    subcommands = subcommands,
}
