-- sdme(3lua)

local api <const> = require "man.api"
local documentation <const> = require "sdme.documentation"
local roff <const> = require "man.roff"

---@return string
return function()
    local page <const> = roff.page("sdme", "3lua", "Lua Modules", require("sdme.core").version)
    page:section "NAME"
    page:text "sdme \\- system containers from Lua"
    page:section "SYNOPSIS"
    page:code [[
local sdme <const> = require "sdme"
local clone <close> = sdme.new { ephemeral = true, memory = "256M" }
print(clone:exec({ "systemctl", "is-system-running" }).stdout)]]
    page:section "DESCRIPTION"
    page:paragraphs(
        "The module works in a script that `sdme run` runs, and in a stock Lua 5.4. What fails"
            .. " raises an error, whose fields are under sdme.Fault. Nothing is written to the"
            .. " standard output or error that wasn't asked for.",
        "The same is in `help()` of `sdme repl`, and for editors in `share/sdme/library`. The"
            .. " runtime below it, `sdme.core`, is in `sdme.core`(3lua).")
    for _, class in ipairs(api.classes(false)) do
        api.class(page, class)
    end
    api.class(page, documentation.class "sdme.Fault")
    page:section "SEE ALSO"
    page:text(roff.inline("`sdme`(1), `sdme-pod`(5), `sdme-recipe`(5), `sdme.conf`(5),"
        .. " `sdme.core`(3lua)"))
    return page:render()
end
