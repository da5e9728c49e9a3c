-- sdme.core(3lua)

local api <const> = require "man.api"
local roff <const> = require "man.roff"

---@return string
return function()
    local page <const> = roff.page("sdme.core", "3lua", "Lua Modules", require("sdme.core").version)
    page:section "NAME"
    page:text "sdme.core \\- the runtime of sdme"
    page:section "SYNOPSIS"
    page:code [[
local core <const> = require "sdme.core"
print(assert(core.file.read "/etc/hostname"))]]
    page:section "DESCRIPTION"
    page:paragraphs "What `sdme`(3lua) is made of: mechanisms in C that know no policy."
    for _, class in ipairs(api.classes(true)) do
        api.class(page, class)
    end
    page:section "SEE ALSO"
    page:text(roff.inline "`sdme`(3lua)")
    return page:render()
end
