-- What the documentation names is what there is.

local arguments <const> = require "sdme.arguments"
local cli <const> = require "sdme.cli"
local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local page <const> = require "spec.support.page"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "sdme"
local setting <const> = require "sdme.setting"
local shell <const> = require "spec.support.shell"

local PAGE <const> = "doc/lua.md"

local function read(path)
    local file <close> = assert(io.open(path))
    return file:read "a"
end

local function sorted(set)
    local list <const> = {}
    for name in pairs(set) do
        list[#list + 1] = name
    end
    table.sort(list)
    return list
end

-- Those names of one set that another lacks.
local function missing(set, from)
    local names <const> = {}
    for name in pairs(set) do
        if not from[name] then
            names[name] = true
        end
    end
    return sorted(names)
end

-- The members of a module or of the methods of a class, with their prefix.
local function add_members(set, prefix, members)
    for name in pairs(members) do
        if not name:find "^__" then
            set[prefix .. name] = true
        end
    end
end

local PENDING <const> = { poll = true, step = true, close = true }

-- Handles go by the last word of their class: "sdme.pty.forward" is `forward`. What all pending
-- objects have in common is described once.
local function add_methods(set, class, methods)
    local is_pending <const> = methods.poll and methods.step
    for name in pairs(methods) do
        local owner <const> = is_pending and PENDING[name] and "pending" or class:match "[^.]+$"
        set[owner .. ":" .. name] = true
    end
end

local function add_handles(set)
    core.stream.pipe() -- the class of descriptors comes with the first of them
    for name, metatable in pairs(debug.getregistry()) do
        if type(name) == "string" and name:find "^sdme%." and metatable.__index then
            add_methods(set, name, metatable.__index)
        end
    end
end

local function add_core(set)
    for name, member in pairs(core) do
        if type(member) == "table" then
            add_members(set, "sdme.core." .. name .. ".", member)
        else
            set["sdme.core." .. name] = true
        end
    end
end

local function class_of(object)
    return getmetatable(object).__index
end

-- A container that is only a directory: enough to be found.
local function some_container()
    local datadir <const> = scratch.directory()
    assert(core.file.mkdir(datadir .. "/containers/web", { parents = true }))
    config.select { datadir = datadir }
    return sdme.container "web"
end

local function add_objects(set)
    add_members(set, "sdme.fs.", sdme.fs)
    for name in read("lua/sdme/rootfs.lua"):gmatch "\nfunction Rootfs:(%w+)" do
        set["rootfs:" .. name] = true
    end
    for name in read("lua/sdme/pod/init.lua"):gmatch "\nfunction Pod:(%a%w*)" do
        set["pod:" .. name] = true
    end
    add_members(set, "container:", class_of(some_container()))
    add_members(set, "group:", class_of(sdme.task.group()))
    for name in read("lua/sdme/container/session.lua"):gmatch "\nfunction Result[.:](%w+)" do
        set["result:" .. name] = true
    end
end

local function existing()
    local set <const> = { ["sdme.task"] = true, ["sdme.config"] = true }
    add_members(set, "sdme.", sdme)
    add_members(set, "sdme.task.", sdme.task)
    add_members(set, "sdme.config.", sdme.config)
    add_objects(set)
    add_core(set)
    add_handles(set)
    return set
end

-- Fields of objects have headings too, and only the objects themselves can tell what those are.
local function documented()
    local set <const> = {}
    for _, entry in ipairs(page.entries(PAGE)) do
        if entry.callable or entry.name:find "^sdme%." then
            set[entry.name] = true
        end
    end
    return set
end

-- All functions of a file in C by name, those that it shares with others in `shared`.
local function read_functions(source, shared)
    local functions <const> = setmetatable({}, { __index = shared })
    for name, body in source:gmatch "\n[%w_ *]-([%w_]+)%([^;{}]-%)\n(%b{})" do
        local where <const> = name:find "^sdme_lua_" and shared or functions
        where[name] = body
    end
    return functions
end

-- "file_attribute_functions" and "file_functions" are sdme.core.file, "lock_methods" are lock's.
local function name_of(array, name)
    local owner <const> = array:gsub("^sdme_lua_", ""):match "^%w+"
    return array:find "_methods$" and owner .. ":" .. name
        or ("sdme.core.%s.%s"):format(owner, name)
end

-- The functions in C that Lua can call: each with its name there and those of its file.
local function read_bindings()
    local bindings <const>, shared <const> = {}, {}
    for path in shell.run("ls src/lua/*.c"):gmatch "%S+" do
        local source <const> = read(path)
        local functions <const> = read_functions(source, shared)
        for array, entries in source:gmatch "luaL_Reg ([%w_]+)%[%] = (%b{})" do
            for name, body in entries:gmatch '{"([%w_]+)", ([%w_]+)}' do
                bindings[#bindings + 1] =
                    { name = name_of(array, name), body = body, functions = functions }
            end
        end
    end
    return bindings
end

local OPTION_LIST <const> = "static const char %*const %w+%[%] = (%b{})"

-- The keys that a function in C knows, or one that it calls.
local function options_of(binding)
    local functions <const> = binding.functions
    local bodies <const> = { functions[binding.body] or "" }
    for callee in bodies[1]:gmatch "([%w_]+)%(" do
        bodies[#bodies + 1] = functions[callee]
    end
    local options <const> = {}
    for list in table.concat(bodies):gmatch(OPTION_LIST) do
        for option in list:gmatch '"([%w_]+)"' do
            options[#options + 1] = option
        end
    end
    return options
end

describe("doc/lua.md", function()
    after_each(function()
        config.select {}
        scratch.clean()
    end)

    it("has all that there is", function()
        assert.same({}, missing(existing(), documented()))
    end)

    it("has nothing that there isn't", function()
        assert.same({}, missing(documented(), existing()))
    end)

    it("names each thing once", function()
        local seen <const> = {}
        for _, entry in ipairs(page.entries(PAGE)) do
            assert.is_nil(seen[entry.name], entry.name)
            seen[entry.name] = true
        end
    end)

    it("has the options of every function in C", function()
        local entries <const>, exists <const>, checked = {}, existing(), 0
        for _, entry in ipairs(page.entries(PAGE)) do
            entries[entry.name] = entry.signature .. entry.text
        end
        for _, binding in ipairs(read_bindings()) do
            for _, option in ipairs(exists[binding.name] and options_of(binding) or {}) do
                assert.matches("%f[%w_]" .. option .. "%f[^%w_]", entries[binding.name] or "",
                    binding.name .. ": " .. option)
                checked = checked + 1
            end
        end
        assert.is_true(checked > 100)
    end)

    it("names no options in a signature that the function in C doesn't know", function()
        local known <const> = {}
        for _, binding in ipairs(read_bindings()) do
            known[binding.name] = " " .. table.concat(options_of(binding), " ") .. " "
        end
        for _, entry in ipairs(page.entries(PAGE)) do
            local options <const> = known[entry.name] and entry.signature:match "%b{}" or ""
            for option in options:gmatch "([%w_]+)=" do
                assert.is_truthy(known[entry.name]:find(" " .. option .. " ", 1, true),
                    entry.name .. ": " .. option)
            end
        end
    end)

    it("has a row for every setting", function()
        local rows <const>, settings <const> = {}, {}
        local table_text <const> = read(PAGE):match "\n| setting | value |\n(.-)\n\n"
        for name in table_text:gmatch "| `([%w_]+)` |" do
            rows[#rows + 1] = name
        end
        for i, one in ipairs(setting.all) do
            settings[i] = one.name
        end
        assert.same(settings, rows)
    end)

    it("links to headings of its own", function()
        local text <const> = read(PAGE)
        local anchors <const> = {}
        for heading in text:gmatch "\n##+ ([^`\n]+)\n" do
            anchors[heading:lower():gsub("[^%w -]", ""):gsub(" ", "-")] = true
        end
        for anchor in text:gmatch "%]%(#([^)]*)%)" do
            assert.is_true(anchors[anchor], anchor)
        end
    end)

    it("has examples that compile", function()
        assert.is_true(#page.examples(PAGE) > 50)
        for _, path in ipairs { PAGE, "doc/cli.md" } do
            for _, example in ipairs(page.examples(path)) do
                page.compile(path, example)
            end
        end
    end)
end)

local MAKE_PAGE <const> = [[
    arg = { %q }
    package.path = "doc/?.lua;" .. package.path
    return assert(loadfile "doc/man.lua")(%q)]]

---A manual page as its program prints it, in a file of its own.
local function make_page(name)
    local path <const> = scratch.directory() .. "/" .. name
    local file <close> = assert(io.open(path, "w"))
    assert(file:write(shell.lua(MAKE_PAGE:format(name, name)), "\n"))
    return path
end

---What a reader sees of it, without the breaks of lines.
local function rendered(name)
    needs.program "mandoc"
    return (shell.run("mandoc -T ascii -O width=1000 %s | col -bx", make_page(name)))
end

local function each_command(visit)
    local function descend(command, path)
        for _, entry in ipairs(command.subcommands or {}) do
            local subcommand <const> = cli.load(entry)
            if not arguments.is_hidden(subcommand) then
                local own_path <const> = path .. " " .. subcommand.name
                visit(subcommand, own_path)
                descend(subcommand, own_path)
            end
        end
    end
    visit(cli.root, "sdme")
    descend(cli.root, "sdme")
end

describe("a manual page", function()
    after_each(scratch.clean)

    for _, name in ipairs { "sdme.1", "sdme.conf.5" } do
        it("is well-formed to mandoc: " .. name, function()
            needs.program "mandoc"
            assert.equal("", shell.run("mandoc -T lint -W warning %s", make_page(name)))
        end)

        it("is well-formed to groff: " .. name, function()
            needs.program "groff"
            assert.equal("", shell.run("groff -man -ww -Tutf8 -z %s", make_page(name)))
        end)
    end
end)

describe("prose", function()
    it("names options that there are", function()
        local known <const> = {}
        each_command(function(command)
            for _, option in ipairs(arguments.options(command)) do
                known[option.long] = true
            end
        end)
        for _, path in ipairs { "README.md", "doc/cli.md", PAGE } do
            for option in read(path):gmatch "`%-%-(%l[%l-]*)" do
                assert.is_true(known[option], path .. ": --" .. option)
            end
        end
    end)
end)

describe("sdme(1)", function()
    after_each(scratch.clean)

    it("has every command", function()
        local text <const> = rendered "sdme.1"
        each_command(function(command, path)
            if command.run then
                assert.matches("\n +" .. path:gsub("%-", "%%-") .. "%f[^%w-]", text)
            end
        end)
    end)

    it("has every option, with its letter and the word for its value", function()
        local text <const> = rendered "sdme.1"
        each_command(function(command, path)
            for _, option in ipairs(arguments.options(command)) do
                local value <const> = option.value
                    and (option.optional and "[=%s]" or " %s"):format(option.value) or ""
                local shown <const> = (option.short and "-" .. option.short .. ", " or "")
                    .. "--" .. option.long .. value
                assert.is_truthy(text:find("\n *" .. shown:gsub("%W", "%%%0")),
                    path .. " " .. shown)
            end
        end)
    end)

    it("has every variable of the environment that is sdme's own", function()
        local text <const> = rendered "sdme.1"
        local found <const> = shell.run("grep -rhoE '\"SDME_[A-Z_]+\"' lua/sdme src/main.c")
        for name in found:gmatch '"([%w_]+)"' do
            assert.matches("\n +" .. name .. "\n", text)
        end
    end)

    it("has every key of the configuration", function()
        local text <const> = rendered "sdme.1"
        for _, key in ipairs(config.keys) do
            assert.matches("\n +" .. key.name .. "\n", text)
        end
    end)
end)

describe("sdme.conf(5)", function()
    after_each(scratch.clean)

    it("has every key of the configuration", function()
        local text <const> = rendered "sdme.conf.5"
        for _, key in ipairs(config.keys) do
            assert.matches("\n +" .. key.name .. "\n", text)
        end
    end)

    it("has an example that is a configuration file", function()
        local example <const> = rendered("sdme.conf.5"):match "\nEXAMPLE\n(.-)\n%u"
        local path <const> = scratch.directory() .. "/sdme.conf"
        assert(core.file.write(path, (example:gsub("\n +", "\n"))))
        assert.equal(120, config.load({ file = path }).boot_timeout)
        config.select {}
    end)
end)
