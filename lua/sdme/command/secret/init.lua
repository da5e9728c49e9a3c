local subcommands <const> = {}

for name in ("set ls rm"):gmatch "%S+" do
    subcommands[#subcommands + 1] = { name = name, module = "sdme.command.secret." .. name }
end

return {
    name = "secret",
    summary = "secrets: values that containers are given, and nothing shows",
    subcommands = subcommands,
}
