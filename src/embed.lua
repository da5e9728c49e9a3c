-- Packs Lua modules into a C file as bytecode with its debug information.
-- usage: lua5.4 src/embed.lua OUTPUT [ROOT FILE.lua...]...
-- Files are below the directory before them, which is what is on the path.

local function module_name(path)
    return (path:gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local function bytes(data)
    local line, lines = {}, {}
    for i = 1, #data do
        line[#line + 1] = data:byte(i)
        if #line == 24 then
            lines[#lines + 1] = table.concat(line, ",")
            line = {}
        end
    end
    lines[#lines + 1] = table.concat(line, ",")
    return table.concat(lines, ",\n")
end

local output, root = arg[1], nil
local out = assert(io.open(output, "w"))
local modules = {}

local function embed(i, path)
    local relative = path:sub(#root + 2)
    local file <close> = assert(io.open(path, "rb"))
    local code = string.dump(assert(load(file:read "a", "@" .. relative, "t")))
    out:write(("static const unsigned char module_%d[] = {%s};\n"):format(i, bytes(code)))
    modules[#modules + 1] = { name = module_name(relative), number = i }
end

out:write('#include "embedded.h"\n')
for i = 2, #arg do
    if arg[i]:find "%.lua$" then
        embed(i, arg[i])
    else
        root = arg[i]
    end
end
-- In the order of strcmp(3), whatever the locale is.
os.setlocale "C"
table.sort(modules, function(a, b) return a.name < b.name end)
out:write("const struct sdme_embedded sdme_embedded[] = {\n")
for _, module in ipairs(modules) do
    out:write(('    {"%s", module_%d, sizeof module_%d},\n')
        :format(module.name, module.number, module.number))
end
out:write(("};\nconst size_t sdme_embedded_count = %d;\n"):format(#modules))
assert(out:close())
