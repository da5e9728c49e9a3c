-- sdme(1)

local arguments <const> = require "sdme.arguments"
local cli <const> = require "sdme.cli"
local help <const> = require "sdme.help"
local keys <const> = require "man.keys"
local roff <const> = require "man.roff"
local setting <const> = require "sdme.setting"

-- The commands that take the settings of a container.
local TAKERS <const> = { "create", "new", "set" }

local function sentence(text)
    return (text:gsub("^%l", string.upper)) .. (text:find "%.$" and "" or ".")
end

local function is_setting(option, command)
    local found <const> = setting.get(arguments.key(option.long))
    return found and found.commands[command.name] or false
end

-- Which of the commands take a setting, unless all of them do.
local function takers_of(one)
    local names <const> = {}
    for _, name in ipairs(TAKERS) do
        names[#names + 1] = one.commands[name] and ("`%s`"):format(name) or nil
    end
    return #names < #TAKERS and (" Only for %s."):format(table.concat(names, " and ")) or ""
end

local function write_option(page, option, more)
    page:term(roff.literal((help.option_of(option):gsub("^%s+", ""))),
        sentence(option.help .. help.default_of(option)) .. (more or ""))
    if option.alias then
        page:text(roff.inline(("The same as `--%s`."):format(option.alias)))
    end
end

-- The options of every command.
local common <const> = {}

for _, option in ipairs(arguments.options { name = "sdme" }) do
    common[option.long] = true
end

local function write_options(page, command)
    local takes_settings = false
    for _, option in ipairs(arguments.options(command)) do
        if is_setting(option, command) then
            takes_settings = true
        elseif not common[option.long] then
            write_option(page, option)
        end
    end
    if takes_settings then
        page:paragraphs "The options are those under SETTINGS."
    end
end

local function write_operands(page, command)
    for _, operand in ipairs(command.operands or {}) do
        if operand.help then
            page:term(roff.literal(operand.name), sentence(operand.help))
        end
    end
end

local function write_examples(page, command)
    for _, example in ipairs(command.examples or {}) do
        if example[2] then
            page:paragraphs((sentence(example[2]):gsub("%.$", ":")))
        end
        page:code(example[1])
    end
end

local function write_command(page, command, path)
    page:subsection(help.usage(command, path))
    page:paragraphs(sentence(command.summary))
    if command.description then
        page:paragraphs(command.description)
    end
    write_operands(page, command)
    write_options(page, command)
    write_examples(page, command)
end

-- Calls `visit(command, path)` for all that do something, the subcommands of others too.
local function each_command(parent, path, visit)
    for _, entry in ipairs(parent.subcommands) do
        local command <const> = cli.load(entry)
        local own_path <const> = path .. " " .. command.name
        if command.subcommands then
            each_command(command, own_path, visit)
        elseif not arguments.is_hidden(command) then
            visit(command, own_path)
        end
    end
end

local function commands_for_anyone()
    local names <const> = {}
    each_command(cli.root, "", function(command, path)
        names[#names + 1] = command.anyone and ("`%s`"):format(path:sub(2)) or nil
    end)
    return table.concat(names, ", ")
end

local function write_settings(page)
    local heading
    page:section "SETTINGS"
    page:paragraphs(
        "These are options of `create`, `new` and `set`, and keys of what scripts give to"
            .. " `sdme.create`. An option with a list can be given several times; an empty value"
            .. " forgets those before it.",
        "Sizes are bytes, or have one of the suffixes K, M, G and T: powers of 1024.")
    for _, one in ipairs(setting.all) do
        if one.group ~= heading then
            heading = one.group
            page:subsection(heading)
        end
        write_option(page, {
            long = one.name:gsub("_", "-"), short = one.short, value = one.value, kind = one.kind,
            help = one.help, shown_default = one.default,
        }, takers_of(one))
    end
end

local function write_terms(page, terms)
    for _, term in ipairs(terms) do
        page:term(roff.literal(term[1]), term[2])
    end
end

local ENVIRONMENT <const> = {
    { "SDME_CONFIG", "The configuration file; `--config` overrides it." },
    { "SDME_DATADIR", "Where everything is kept; `--datadir` overrides it." },
    { "SDME_LUA_PATH", "A directory with the Lua modules of sdme, to run them instead of those"
        .. " inside the program." },
    { "SUDO_USER", "Whose shell `join` opens in a clone of the host, unless"
        .. " `join_as_sudo_user` is off." },
    { "NO_COLOR", "No colours, also on a terminal." },
    { "TERM", "Passed on to sessions on a terminal." },
}

local FILES <const> = {
    { "/etc/sdme.conf", "The configuration, see `sdme.conf`(5)." },
    { "/etc/sdme/distro.d/*.lua", "Families of distributions besides those that `fs import` knows,"
        .. " or instead of them: Lua files without functions to call, that return a table each. Its"
        .. " fields are `name`, `ids` (each an `ID` or `ID_LIKE` of `os-release`(5)), `managers`"
        .. " (each with its `program`, and the commands to `install` systemd with it),"
        .. " `environment` (of these commands), `clean` (directories to be empty afterwards),"
        .. " `systemd` and `dbus` (paths that tell that it is there), `mask` and `unmask` (units),"
        .. " `refused` and `hint` (why systemd can't be had, and what to do)." },
    { "/var/lib/sdme/containers/NAME/", "A container: `state.json`, its settings; `upper`, the"
        .. " files that it changed." },
    { "/var/lib/sdme/staging/", "What is being made. What a killed command left there is removed"
        .. " by a later one." },
    { "/etc/systemd/system/sdme@.service", "The unit of all containers, unless the same one is"
        .. " installed elsewhere." },
    { "/etc/systemd/system/sdme@NAME.service.d/", "The limits of one container." },
    { "/etc/systemd/system/sdme-port@.service", "What forwards the ports of containers." },
    { "/etc/systemd/system/sdme-port@NAME.socket", "The ports of one container." },
    { "/etc/systemd/system/sdme-pod@.target", "A pod while a container runs in it." },
    { "/etc/systemd/system/sdme-pod-port@.service", "What forwards the ports of pods." },
    { "/etc/systemd/system/sdme-pod-port@NAME.socket", "The ports of one pod." },
}

local STATUS <const> = {
    { "0", "Done." },
    { "1", "It failed. Where several containers were named, at least one failed." },
    { "2", "Wrong usage." },
    { "126, 127", "The command of `exec`, `join` or `new` can't be executed, or isn't there." },
    { "130, 143", "Interrupted by SIGINT or SIGTERM." },
    { "255", "The container went down while the command of `exec`, `join` or `new` ran, and nobody"
        .. " can tell how that ended. A command that has it go down, such as `reboot`, has"
        .. " succeeded then." },
}

local EXAMPLES <const> = {
    { "A throw-away clone of this host, as whoever called sudo:", "sudo sdme new --ephemeral" },
    { "A limited container with a network of its own, started with the host:",
        "sdme create --name web -u --memory 512M --network-veth -p 8080:80 --enable\n"
            .. "sdme start web" },
    { "Commands in it, with pipes and true statuses:",
        "tar c . | sdme exec web --cwd /srv tar x\nsdme exec web systemctl --failed || echo no" },
    { "All of them, for another program:", "sdme ps --json" },
}

---@return string
return function()
    local page <const> = roff.page("sdme", 1, "User Commands", require("sdme.core").version)
    page:section "NAME"
    page:text("sdme \\- " .. roff.inline(cli.root.summary))
    page:section "SYNOPSIS"
    page:text(roff.literal(help.usage(cli.root, "sdme")))
    page:section "DESCRIPTION"
    page:paragraphs(
        "`sdme` makes containers that boot systemd. A container is a clone of this host: an"
            .. " overlay of the host's files, where only what it changes takes space. Each runs"
            .. " in its own service, `sdme@NAME.service`, as a `systemd-nspawn`(1).",
        "Wherever a container is named, the beginning of its name is enough if no other begins"
            .. " so. Results are on stdout, everything else on stderr.",
        "Commands need root, but for " .. commands_for_anyone() .. ".")
    page:section "OPTIONS"
    for _, option in ipairs(arguments.options(cli.root)) do
        write_option(page, option, common[option.long] and " Every command has it." or nil)
    end
    page:section "COMMANDS"
    each_command(cli.root, "sdme", function(command, path)
        write_command(page, command, path)
    end)
    write_settings(page)
    page:section "CONFIGURATION"
    page:paragraphs "Keys of `/etc/sdme.conf`; `sdme.conf`(5) tells how they are written."
    keys(page)
    page:section "ENVIRONMENT"
    write_terms(page, ENVIRONMENT)
    page:section "FILES"
    write_terms(page, FILES)
    page:section "EXIT STATUS"
    page:paragraphs("`exec`, `join` and `new` end as their command does: with its status, or with"
        .. " 128 and the number of the signal that ended it. `run` ends with the number that the"
        .. " script returns. Else:")
    write_terms(page, STATUS)
    page:section "EXAMPLES"
    for _, example in ipairs(EXAMPLES) do
        page:paragraphs(example[1])
        page:code(example[2])
    end
    page:section "SEE ALSO"
    page:text(roff.inline("`sdme.conf`(5), `sdme-pod`(5), `sdme-recipe`(5), `sdme`(3lua),"
        .. " `systemd-nspawn`(1), `machinectl`(1),"
        .. " `systemd.resource-control`(5)"))
    return page:render()
end
