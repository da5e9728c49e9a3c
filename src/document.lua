-- Gathers what the annotations say about everything that scripts can reach, into a Lua module.
-- usage: lua5.4 src/document.lua OUTPUT FILE.lua...  (src/lua/*.lua are those of functions in C)

package.path = "src/?.lua;lua/?.lua;lua/?/init.lua;" .. package.path

local annotation <const> = require "annotation"

-- What everything else is reached from.
local ROOTS <const> = { "sdme", "sdme.Fault" }

local function read_file(path)
    local file <close> = assert(io.open(path))
    return file:read "a"
end

-- Who takes a setting, unless everybody does.
local function takers(setting)
    local commands <const> = setting.commands
    if commands.set then
        return ""
    end
    return commands.create and commands.new and "; to create only"
        or ("; `%s` only"):format(commands.new and "sdme.new" or "sdme.create")
end

-- Classes whose fields are those of a table that the program works by.
local FILLED <const> = {
    ["sdme.Settings"] = function(add)
        for _, one in ipairs(require("sdme.setting").all) do
            add(one.name, one.values.type, one.help .. takers(one))
        end
    end,
    ["sdme.Configuration"] = function(add)
        for _, key in ipairs(require("sdme.config").keys) do
            add(key.name, key.kind.type, key.help)
        end
    end,
}

local function fill(classes)
    for name, each in pairs(FILLED) do
        each(function(field, type_text, text)
            table.insert(classes[name].fields,
                { name = field, type = type_text, text = text, optional = true })
        end)
    end
end

-- The name of a source as a traceback has it: that of the module's file on the path.
local function source_of(item)
    return ("%s:%d"):format(item.file:gsub("^lua/", ""), item.line)
end

local function to_function(item)
    return {
        name = item.code.name, method = item.code.method or nil, text = item.text,
        params = item.params, returns = item.returns, generic = item.generic,
        parameters = item.code.parameters, type = item.type, source = source_of(item),
    }
end

local function to_field(item)
    return { name = item.code.name, type = item.type, text = item.text }
end

-- What an item adds to the class that it belongs to.
local function add_member(class, item)
    local name <const> = item.code.name
    if name:find "^_" or item.private then
        return
    elseif item.code.parameters then
        table.insert(class.functions, to_function(item))
    elseif item.type and item.type:find "^fun%f[%W]" then
        table.insert(class.functions, to_function(item))
    elseif not item.bare then
        table.insert(class.fields, to_field(item))
    end
end

-- The classes and aliases of a file, into those of all.
local function gather(path, classes, aliases)
    local owners <const> = {}
    for _, item in ipairs(annotation.read(read_file(path), path)) do
        if item.class then
            local class <const> = classes[item.class] or {
                name = item.class, text = item.text, parent = item.parent, fields = {},
                functions = {}, source = source_of(item),
            }
            classes[item.class] = class
            if #item.fields > 0 and #class.fields > 0 then
                error(("%s:%d: the fields of %s are in %s, too"):format(path, item.line, item.class,
                    class.source), 0)
            end
            table.move(item.fields, 1, #item.fields, #class.fields + 1, class.fields)
            local code <const> = item.code
            owners[code.variable or code.owner and code.owner .. "." .. code.name or ""] = class
        elseif item.alias then
            aliases[item.alias] = { name = item.alias, type = item.type, text = item.text }
        elseif item.code.owner and owners[item.code.owner] then
            add_member(owners[item.code.owner], item)
        end
    end
end

-- Every type that is named in a class.
local function each_type(class, visit)
    for _, one in ipairs(class.functions) do
        for _, list in ipairs { one.params, one.returns } do
            for _, each in ipairs(list) do
                visit(each.type, one.source)
            end
        end
        visit(one.type, one.source)
    end
    for _, field in ipairs(class.fields) do
        visit(field.type)
    end
end

-- The classes that scripts reach, each behind the first that names it.
local function reach(classes, aliases)
    local order <const>, seen <const>, used <const> = {}, {}, {}
    local visit
    local where = "src/document.lua"
    local function follow(type_text)
        for name in annotation.names(type_text or "") do
            if aliases[name] and not used[name] then
                used[name] = aliases[name]
                follow(aliases[name].type)
            elseif classes[name] then
                visit(name)
            elseif not aliases[name] then
                error(("%s: there is no class %s, which is named as a type"):format(where, name), 0)
            end
        end
    end
    function visit(name)
        if seen[name] then
            return
        end
        seen[name] = true
        order[#order + 1] = name
        local class <const> = classes[name]
        where = class.source
        follow(class.parent)
        each_type(class, function(type_text, source)
            where = source or class.source
            follow(type_text)
        end)
    end
    for _, root in ipairs(ROOTS) do
        visit(root)
    end
    return order, used
end

local function write_key(key)
    return math.type(key) and "" or key:find "^[%a_][%w_]*$" and key .. "=" or ("[%q]="):format(key)
end

local function write(value, out)
    if type(value) ~= "table" then
        out[#out + 1] = ("%q"):format(value):gsub("\\\n", "\\n")
        return
    end
    local keys <const> = {}
    for key in pairs(value) do
        keys[#keys + 1] = key
    end
    table.sort(keys, function(a, b)
        return math.type(a) == math.type(b) and a < b or math.type(a) and not math.type(b)
    end)
    out[#out + 1] = "{"
    for _, key in ipairs(keys) do
        out[#out + 1] = write_key(key)
        write(value[key], out)
        out[#out + 1] = ",\n"
    end
    out[#out + 1] = "}"
end

local function main(output, ...)
    local classes <const>, aliases <const> = {}, {}
    for _, path in ipairs { ... } do
        gather(path, classes, aliases)
    end
    fill(classes)
    local order <const>, used <const> = reach(classes, aliases)
    local reached <const> = {}
    for i, name in ipairs(order) do
        reached[i] = classes[name]
    end
    local out <const> = { "return " }
    write({ classes = reached, aliases = used }, out)
    local file <close> = assert(io.open(output, "w"))
    assert(file:write(table.concat(out), "\n"))
end

local fine <const>, why <const> = pcall(main, ...)
if not fine then
    io.stderr:write("src/document.lua: ", why, "\n")
    os.exit(1)
end
