-- Prints a manual page, made from the tables that the commands and the configuration work by.
-- usage: sdme run doc/man.lua sdme.1 | sdme.conf.5

local PAGES <const> = { ["sdme.1"] = "man.sdme", ["sdme.conf.5"] = "man.sdme_conf" }

local page <const> = PAGES[...]
if not page then
    io.stderr:write "usage: sdme run doc/man.lua sdme.1 | sdme.conf.5\n"
    return 2
end
io.write(require(page)())
return 0
