-- What the documentation names is what there is.

local arguments <const> = require "sdme.arguments"
local cli <const> = require "sdme.cli"
local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local documentation <const> = require "sdme.documentation"
local needs <const> = require "spec.support.needs"
local page <const> = require "spec.support.page"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "sdme"
local shell <const> = require "spec.support.shell"

local GUIDE <const> = "doc/lua.md"
local REFERENCE <const> = "doc/api.md"

local function read(path)
    local file <close> = assert(io.open(path))
    return file:read "a"
end

-- Those names of one set that another lacks.
local function missing(set, from)
    local names <const> = {}
    for name in pairs(set) do
        names[#names + 1] = not from[name] and name or nil
    end
    table.sort(names)
    return names
end

local function add_members(set, prefix, members)
    for name in pairs(members) do
        if not name:find "^__" then
            set[prefix .. name] = true
        end
    end
end

local PENDING <const> = { poll = true, step = true, close = true }

-- What all pending objects have in common is described once.
local function add_methods(set, class, methods)
    local is_pending <const> = methods.poll and methods.step
    for name in pairs(methods) do
        local owner <const> = is_pending and PENDING[name] and "pending" or class:match "[^.]+$"
        set[owner .. ":" .. name] = true
    end
end

-- The objects of functions in C.
local function add_handles(set)
    core.stream.pipe() -- the class of descriptors comes with the first of them
    for name, metatable in pairs(debug.getregistry()) do
        if type(name) == "string" and name:find "^sdme%." and metatable.__index then
            add_methods(set, name, metatable.__index)
        end
    end
end

local function add_modules(set)
    for _, class in ipairs(documentation.classes()) do
        local here = class.kind == "module" and sdme
        for part in (here and class.name or ""):gmatch "%.([^.]+)" do
            here = here[part]
        end
        add_members(set, class.name .. ".", here or {})
    end
end

local function existing()
    local set <const> = { ["sdme.task"] = true, ["sdme.config"] = true }
    add_modules(set)
    add_handles(set)
    return set
end

-- Every function with its class, by its name.
local function all_functions()
    local all <const> = {}
    for _, class in ipairs(documentation.classes()) do
        for _, one in ipairs(class.functions) do
            all[documentation.name(class, one)] = { class = class, one = one }
        end
    end
    return all
end

-- What can be asked at run time: members of modules, and methods of objects in C.
local function documented()
    local set <const> = {}
    for _, class in ipairs(documentation.classes()) do
        local is_module <const> = class.kind == "module"
        local in_c <const> = class.source:find "^src/"
        for _, field in ipairs(is_module and class.fields or {}) do
            set[documentation.name(class, field)] = true
        end
        for _, one in ipairs((is_module or in_c) and class.functions or {}) do
            set[documentation.name(class, one)] = true
        end
    end
    return set
end

-- All functions of a file in C by name, each with those that it may call; those that the file
-- shares with others are in `shared`.
local function read_functions(source, shared)
    local functions <const> = setmetatable({}, { __index = shared })
    for name, body in source:gmatch "\n[%w_ *]-([%w_]+)%([^;{}]-%)\n(%b{})" do
        local where <const> = name:find "^sdme_lua_" and shared or functions
        where[name] = { body = body, functions = functions }
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

-- The body of a function in C, and those of all that it calls.
local function add_bodies(bodies, functions, name)
    local found <const> = functions[name]
    if not found or bodies[name] then
        return bodies
    end
    bodies[name] = true
    bodies[#bodies + 1] = found.body
    for callee in found.body:gmatch "([%w_]+)%(" do
        add_bodies(bodies, found.functions, callee)
    end
    return bodies
end

-- The keys that it knows.
local function options_of(binding)
    local options <const> = {}
    for _, body in ipairs(add_bodies({}, binding.functions, binding.body)) do
        for list in body:gmatch(OPTION_LIST) do
            for option in list:gmatch '"([%w_]+)"' do
                options[#options + 1] = option
            end
        end
    end
    return options
end

-- The names of the fields of a record, and of those that its fields are.
local function add_fields(set, type_text)
    for name in type_text:gmatch "%f[%w_]sdme[%w_.]*" do
        local class <const> = documentation.class(name)
        for _, field in ipairs(class and documentation.fields(class) or {}) do
            set[field.name] = true
            add_fields(set, field.type)
        end
    end
    return set
end

-- What a function takes in its options.
local function described_options(one)
    local set <const> = {}
    for _, param in ipairs(one.params) do
        add_fields(set, param.type)
    end
    return set
end

-- The words that a function takes as they are.
local function described_words(one)
    local set <const> = {}
    for _, param in ipairs(one.params) do
        for word in param.type:gmatch '"([%w_]+)"' do
            set[word] = true
        end
    end
    return set
end

-- The names of what is said too little about.
local function find_thin()
    local thin <const> = {}
    local function check(said, format, ...)
        thin[#thin + 1] = not said and format:format(...) or nil
    end
    for _, class in ipairs(documentation.classes()) do
        check(class.kind == "record" or class.text ~= "", "%s: says nothing", class.name)
        for _, field in ipairs(class.fields) do
            check(field.text ~= "" and field.type, "%s.%s: says nothing", class.name, field.name)
        end
        for _, one in ipairs(class.functions) do
            local name <const> = documentation.name(class, one)
            check(one.text ~= "", "%s: says nothing", name)
            for _, param in ipairs(one.params) do
                check(param.text ~= "", "%s: says nothing of %s", name, param.name)
            end
            for _, result in ipairs(one.returns) do
                check(result.name, "%s: doesn't name what it returns", name)
            end
        end
    end
    return thin
end

describe("an annotation", function()
    after_each(scratch.clean)

    it("is there for all that there is", function()
        assert.same({}, missing(existing(), documented()))
    end)

    it("is there for nothing that there isn't", function()
        assert.same({}, missing(documented(), existing()))
    end)

    it("says what each thing is", function()
        assert.same({}, find_thin())
    end)

    it("names the parameters that the function has", function()
        for name, each in pairs(all_functions()) do
            local said <const> = {}
            for i, param in ipairs(each.one.params) do
                said[i] = param.name
            end
            assert.same(each.one.parameters, said, name)
        end
    end)

    it("has the options of every function in C, and no others", function()
        local all <const>, checked = all_functions(), 0
        for _, binding in ipairs(read_bindings()) do
            local known <const>, one = {}, (all[binding.name] or {}).one
            for _, option in ipairs(one and options_of(binding) or {}) do
                known[option] = not described_words(one)[option] or nil
                checked = checked + 1
            end
            if next(known) then
                assert.same(known, described_options(one), binding.name)
            end
        end
        assert.is_true(checked > 100)
    end)
end)

-- The keys of a table in source, but for those of tables inside.
local function keys_of(body)
    local keys <const> = {}
    for key in body:sub(2, -2):gsub("%b{}", ""):gmatch "([%w_]+) = " do
        keys[key] = true
    end
    return keys
end

local OPTIONS_BELOW <const> =
    "\n%-%-%-@class (sdme[%w_.]*)\n(%-%-%-[^\n]*\n[%-][^{}]-)\n*local [%u_]+ <const> = (%b{})"

describe("the options of a function in Lua", function()
    it("are those that the table below the annotation has", function()
        local checked = 0
        for path in shell.run("grep -rlE '^local [A-Z_]*OPTIONS <const>' lua"):gmatch "%S+" do
            for name, _, body in read(path):gmatch(OPTIONS_BELOW) do
                local class <const>, said = documentation.class(name), {}
                for _, field in ipairs(class and class.fields or {}) do
                    said[field.name] = field.name ~= "[integer]" or nil
                end
                if class then
                    assert.same(keys_of(body), said, name)
                    checked = checked + 1
                end
            end
        end
        assert.is_true(checked > 4)
    end)
end)

-- What `doc/api.lua` prints.
local function generate(form)
    return shell.lua(([[
        package.path = "doc/?.lua;" .. package.path
        io.write(require("api.%s")())]]):format(form)) .. "\n"
end

describe("doc/api.md", function()
    it("is what the annotations say: make docs", function()
        assert.is_true(generate "page" == read(REFERENCE), "doc/api.md is stale: run make docs")
    end)
end)

describe("the library for editors", function()
    it("is Lua", function()
        local library <const> = generate "library"
        assert(load(library))
        assert.matches("\n%-%-%-@param settings sdme.Settings%? .-\n"
            .. "function sdme.create%(settings%)", library)
        assert.matches("\n%-%-%-@field memory%? integer|string ", library)
    end)
end)

-- The anchors of a page's headings.
local function anchors(path)
    local set <const> = {}
    for heading in read(path):gmatch "\n##+ ([^\n]+)" do
        set[heading:lower():gsub("[^%w_ -]", ""):gsub(" ", "-")] = true
    end
    return set
end

describe("a page", function()
    for _, path in ipairs { GUIDE, REFERENCE } do
        it("links to what is there: " .. path, function()
            for file, anchor in read(path):gmatch "%]%(([%w_./]*)#([^)]*)%)" do
                local target <const> = file == "" and path or "doc/" .. file
                assert.is_true(anchors(target)[anchor], target .. "#" .. anchor)
            end
        end)
    end

    it("has examples that compile", function()
        assert.is_true(#page.examples(REFERENCE) > 60)
        for _, path in ipairs { GUIDE, REFERENCE, "doc/cli.md" } do
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

    local PAGES <const> =
        { "sdme.1", "sdme.conf.5", "sdme-pod.5", "sdme-recipe.5", "sdme.3lua", "sdme.core.3lua" }
    for _, name in ipairs(PAGES) do
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
        for _, path in ipairs { "README.md", "doc/cli.md", GUIDE } do
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

describe("the manual of the Lua API", function()
    after_each(scratch.clean)

    it("has everything that scripts reach", function()
        local text <const> = rendered "sdme.3lua" .. rendered "sdme.core.3lua"
        for _, class in ipairs(documentation.classes()) do
            for _, one in ipairs(class.functions) do
                assert.is_truthy(text:find("\n   " .. documentation.signature(class, one), 1, true),
                    documentation.name(class, one))
            end
            for _, field in ipairs(documentation.fields(class)) do
                assert.is_truthy(text:find(field.name .. " (", 1, true), field.name)
            end
        end
    end)
end)

describe("sdme-recipe(5)", function()
    after_each(scratch.clean)

    it("has every key and every step", function()
        local text <const> = rendered "sdme-recipe.5"
        for _, key in ipairs(documentation.class("sdme.RecipeDescription").fields) do
            assert.is_truthy(text:find(key.name .. " (", 1, true), key.name)
        end
        for _, step in ipairs(documentation.class("sdme.Builder").functions) do
            assert.is_truthy(text:find("\n   b:" .. step.name .. "(", 1, true), step.name)
        end
    end)

    it("has an example that compiles", function()
        local example <const> = rendered("sdme-recipe.5"):match "\nSYNOPSIS\n(.-)\n%u"
        assert(load(example))
    end)
end)

describe("sdme-pod(5)", function()
    after_each(scratch.clean)

    it("has every key", function()
        local text <const> = rendered "sdme-pod.5"
        for _, name in ipairs { "PodDescriptionTable", "PodContainer", "Ready", "Port" } do
            for _, key in ipairs(documentation.class("sdme." .. name).fields) do
                assert.is_truthy(text:find(key.name .. " (", 1, true), key.name)
            end
        end
    end)

    it("has an example that describes a pod", function()
        local example <const> = rendered("sdme-pod.5"):match "\nSYNOPSIS\n(.-)\n%u"
        assert.same({ "db", "front" }, load(example)().keys)
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
