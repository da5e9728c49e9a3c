-- Prints a manual page, made from the tables that the commands and the configuration work by.
-- usage: sdme run doc/man.lua PAGE

local PAGES <const> = {
    ["sdme.1"] = "man.sdme", ["sdme.conf.5"] = "man.sdme_conf", ["sdme.3lua"] = "man.sdme_lua",
    ["sdme.core.3lua"] = "man.sdme_core", ["sdme-recipe.5"] = "man.sdme_recipe",
    ["sdme-pod.5"] = "man.sdme_pod",
}

local page <const> = PAGES[...]
if not page then
    local names <const> = {}
    for name in pairs(PAGES) do
        names[#names + 1] = name
    end
    table.sort(names)
    io.stderr:write("usage: sdme run doc/man.lua ", table.concat(names, " | "), "\n")
    return 2
end
io.write(require(page)())
return 0
