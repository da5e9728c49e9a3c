local cli <const> = require "sdme.cli"
local command_line <const> = require "spec.support.command_line"
local completion <const> = require "sdme.completion"
local kind <const> = require "sdme.kind"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local COMMANDS <const> = {
    {
        name = "start", summary = "don't wait: start [it]",
        operands = { { name = "NAMES", kind = kind.container, many = true } },
        options = {
            { long = "timeout", short = "t", value = "S", kind = kind.seconds, help = "it's: [5]" },
        },
    },
    { name = "stop", summary = "stop", operands = { { name = "NAME", kind = kind.container } } },
    {
        name = "create", summary = "create",
        options = {
            { long = "name", value = "NAME", kind = kind.name, help = "" },
            { long = "restart", value = "WHEN", kind = kind.choice { "no", "on-failure", "always" },
                help = "" },
            { long = "port", short = "p", value = "P", kind = kind.port, many = true, help = "" },
            { long = "file", short = "f", value = "FILE", kind = kind.file, help = "" },
            { long = "app", value = "APP", optional = true, alias = "oci", help = "" },
            { long = "memory", value = "SIZE", kind = kind.size, help = "" },
        },
    },
    {
        name = "exec", summary = "exec", stop_at_operand = true,
        operands = { { name = "NAME", kind = kind.container }, { name = "CMD", many = true } },
        options = { { long = "user", value = "USER", kind = kind.user, help = "" } },
    },
    {
        name = "config", summary = "config", subcommands = {
            { name = "get", summary = "get", operands = {
                { name = "KEY", kind = kind.offer { "boot_timeout", "datadir" } },
            } },
            { name = "set", summary = "set" },
        },
    },
    { name = "__secret", summary = "" },
}

-- What is before the cursor, the word it is at, and what can stand there.
local CASES <const> = {
    { "", "st", { "start", "stop" } },
    { "", "", { "config", "create", "exec", "start", "stop" } },
    { "", "--c", { "--config" } },
    { "--config /x -v", "cr", { "create" } },
    { "start", "", { "db-1", "web", "worker" } },
    { "start web", "w", { "web", "worker" } },
    { "start -t 5", "w", { "web", "worker" } },
    { "start --timeout=5", "d", { "db-1" } },
    { "start", "--t", { "--timeout" } },
    { "stop", "w", { "web", "worker" } },
    { "stop web", "w", {} },
    { "exec", "db", { "db-1" } },
    { "exec web", "", {} },
    { "exec web", "--u", { "--user" } },
    { "exec web ls", "--u", {} },
    { "create --restart", "", { "always", "no", "on-failure" } },
    { "create", "--restart=al", { "--restart=always" } },
    { "create --name", "", {} },
    { "create --file", "completion.ba", { "completion.bash" } },
    { "create -p tcp:80:80 -p 53:53/udp", "--mem", { "--memory" } },
    { "create --app", "--mem", { "--memory" } },
    { "create", "--oc", { "--oci" } },
    { "config", "", { "get", "set" } },
    { "config get", "b", { "boot_timeout" } },
}

-- The same of the commands that there are, below others too.
local REAL_CASES <const> = {
    { "", "po", { "pod" } },
    { "fs", "b", { "build" } },
    { "fs build web", "completion.ba", { "completion.bash" } },
    { "fs build", "--no", { "--no-cache" } },
    { "fs rm debian", "n", { "nginx" } },
    { "fs export", "we", { "web" } },
    { "fs export", "fs:d", { "fs:debian" } },
    { "fs import", "completion.z", { "completion.zsh" } },
    { "pod", "r", { "rm" } },
    { "pod rm", "", { "shop", "staging" } },
    { "pod inspect", "sh", { "shop" } },
    { "create --pod", "st", { "staging" } },
    { "create", "--oci-pod=sh", { "--oci-pod=shop" } },
    { "new --fs", "", { "debian", "nginx" } },
    { "logs", "w", { "web", "worker" } },
    { "run", "completion.fi", { "completion.fish" } },
    { "config get", "boot", { "boot_timeout" } },
    { "completions", "z", { "zsh" } },
}

describe("completion", function()
    local directory
    local commands <const> = cli.root.subcommands

    local function put(name, content)
        local file <const> = assert(io.open(directory .. "/" .. name, "w"))
        file:write(content)
        file:close()
        return directory .. "/" .. name
    end

    -- In place of sdme: it knows some names, and notes how it is called otherwise.
    local function put_program()
        put("sdme", ([[
#!/bin/sh
if [ "$1" = __complete ]; then
    case $2 in
        container) printf '%%s\n' web worker db-1 ;;
        rootfs) printf '%%s\n' debian nginx ;;
        pod) printf '%%s\n' shop staging ;;
        exported) printf '%%s\n' web fs:debian ;;
    esac
else
    echo "$*" >>%s/called
fi
]]):format(directory))
        shell.run("chmod +x %s", directory .. "/sdme")
    end

    before_each(function()
        directory = scratch.directory()
        cli.root.subcommands = COMMANDS
        put_program()
    end)

    local function put_scripts()
        for _, name in ipairs(completion.shells) do
            put("completion." .. name, completion.script(name))
        end
    end

    after_each(function()
        cli.root.subcommands = commands
        scratch.clean()
    end)

    local function read(name)
        local lines <const> = {}
        for line in io.lines(directory .. "/" .. name) do
            lines[#lines + 1] = line
        end
        return lines
    end

    -- A session on a terminal in which Tab inserts all that is offered.
    local function session(command, cases)
        local typed <const> = {}
        for i, case in ipairs(cases) do
            typed[i] = ("sdme %s%s%s\t\n"):format(case[1], case[1] == "" and "" or " ", case[2])
        end
        put("typed", table.concat(typed) .. "exit\n")
        shell.run("cd %s && PATH=.:$PATH TERM=dumb timeout 60 script -qec %s /dev/null <typed >out",
            directory, command)
        return read "called"
    end

    local function check(lines, cases)
        for i, case in ipairs(cases) do
            local words <const> = { case[1] ~= "" and case[1] or nil }
            if #case[3] == 0 and case[2] ~= "" then
                words[#words + 1] = case[2]
            end
            table.move(case[3], 1, #case[3], #words + 1, words)
            assert.equal(table.concat(words, " "), lines[i])
        end
    end

    local function check_bash(cases)
        needs.program("bash", "script")
        put_scripts()
        put("bashrc", [[
            bind 'set bell-style none'
            bind '"\t": insert-completions'
            source completion.bash
        ]])
        check(session("bash --rcfile bashrc -i", cases), cases)
    end

    local function check_zsh(cases)
        needs.program("zsh", "script")
        put_scripts()
        put(".zshrc", [[
            unsetopt beep
            autoload -Uz compinit && compinit -u -d zcompdump
            source ./completion.zsh
            zstyle ':completion:*' completer _all_matches _complete
            zstyle ':completion:*' insert true
            bindkey '^I' complete-word
        ]])
        check(session("env ZDOTDIR=. zsh -i", cases), cases)
    end

    it("in zsh works as a file below $fpath", function()
        needs.program("zsh", "script")
        put("_sdme", completion.script "zsh")
        put(".zshrc", [[
            fpath=($PWD $fpath)
            autoload -Uz compinit && compinit -u -d zcompdump
            bindkey '^I' complete-word
        ]])
        put("typed", "sdme sta\tdb\t\nsdme sta\td\t\nexit\n")
        shell.run("cd %s && PATH=.:$PATH TERM=dumb ZDOTDIR=. timeout 60 "
            .. "script -qec 'zsh -i' /dev/null <typed >out", directory)
        assert.same({ "start db-1", "start db-1" }, read "called")
    end)

    local function check_fish(cases)
        needs.program "fish"
        put_scripts()
        local lines <const> = { "source completion.fish" }
        for _, case in ipairs(cases) do
            lines[#lines + 1] = ("complete -C 'sdme %s%s%s'; echo ===="):format(case[1],
                case[1] == "" and "" or " ", case[2])
        end
        put("program.fish", table.concat(lines, "\n"))
        local output <const> =
            shell.run("cd %s && HOME=. PATH=.:$PATH fish --no-config program.fish", directory)
        local answers <const> = {}
        for answer in output:gmatch "(.-)====\n?" do
            local offered <const> = {}
            for word in answer:gmatch "([^\t\n]+)[^\n]*\n" do
                offered[#offered + 1] = word
            end
            answers[#answers + 1] = offered
        end
        for i, case in ipairs(cases) do
            assert.same(case[3], answers[i], case[1] .. " " .. case[2])
        end
    end

    for name, check_shell in pairs { bash = check_bash, zsh = check_zsh, fish = check_fish } do
        it("in " .. name .. " offers what fits", function()
            check_shell(CASES)
        end)

        it("in " .. name .. " offers what fits the commands that there are", function()
            cli.root.subcommands = commands
            check_shell(REAL_CASES)
        end)
    end

    it("is a script that each shell takes, for all commands that there are", function()
        cli.root.subcommands = commands
        for _, name in ipairs(completion.shells) do
            needs.program(name)
            assert.equal("", shell.run(name .. " -n %s", put("all", completion.script(name))))
        end
    end)

    it("names no hidden command", function()
        for _, name in ipairs(completion.shells) do
            assert.not_matches("__secret", completion.script(name))
        end
    end)

    describe("of names", function()
        local function names(datadir, ...)
            return command_line.run({ "--datadir", datadir, "__complete", ... })
        end

        it("asks the store for containers, root filesystems and pods", function()
            command_line.needs_core()
            shell.run("cd %s && mkdir -p containers/web containers/db fs pods", directory)
            shell.run("cd %s && touch fs/debian.json pods/shop.json", directory)
            for kind_name, expected in pairs {
                container = "db\nweb\n", rootfs = "debian\n", pod = "shop\n",
                exported = "db\nweb\nfs:debian\n",
            } do
                assert.equal(expected, names(directory, kind_name).stdout)
            end
        end)

        it("is silent where there is nothing to be found out", function()
            for _, result in ipairs { names(directory, "container"), names(directory, "bogus"),
                names(directory), names("/dev/null", "container") } do
                assert.same({ 0, "", "" }, { result.status, result.stdout, result.stderr })
            end
        end)
    end)
end)
