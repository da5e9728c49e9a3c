-- Prints what the annotations of the source say: as the page doc/api.md, or for editors.
-- usage: lua5.4 doc/api.lua page | library  (with lua/, doc/ and what make builds on LUA_PATH)

local FORMS <const> = { page = "api.page", library = "api.library" }

local form <const> = FORMS[...]
if not form then
    io.stderr:write "usage: lua5.4 doc/api.lua page | library\n"
    return 2
end
io.write(require(form)())
return 0
