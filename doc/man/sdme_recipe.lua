-- sdme-recipe(5)

local api <const> = require "man.api"
local documentation <const> = require "sdme.documentation"
local prose <const> = require "man.prose"
local roff <const> = require "man.roff"

local EXAMPLE <const> = [[
local sdme <const> = require "sdme"

return sdme.recipe {
    name = "web",
    from = "debian",
    build = function(b, arg)
        b:run "apt-get update && apt-get install -y nginx"
        b:write("/etc/motd", "built by " .. (arg[1] or "sdme"))
        b:enable "nginx.service"
    end,
}]]

local function text_of(name)
    return documentation.class(name).text
end

---@return string
return function()
    local page <const> = roff.page("sdme-recipe", 5, "File Formats", require("sdme.core").version)
    page:section "NAME"
    page:text "sdme-recipe \\- how a root filesystem is made"
    page:section "SYNOPSIS"
    page:code(EXAMPLE)
    page:section "DESCRIPTION"
    page:paragraphs("A recipe is a Lua script that returns what `sdme.recipe` gives. `sdme fs build"
        .. " NAME FILE` builds it, and so does `sdme run FILE`, which builds all that the script"
        .. " returns. What else a script can do is in `sdme`(3lua).")
    page:section "KEYS"
    prose.write(page, api.find("sdme", "recipe").text)
    api.fields(page, documentation.class "sdme.RecipeDescription")
    page:section "STEPS"
    prose.write(page, text_of "sdme.Builder")
    api.fields(page, documentation.class "sdme.Builder")
    for _, one in ipairs(documentation.class("sdme.Builder").functions) do
        api.call(page, documentation.signature({ owner = "b" }, one), one)
    end
    page:section "BUILDING"
    api.call(page, "recipe:build([options])", api.find("sdme.Recipe", "build"))
    api.call(page, "sdme.build(...)", api.find("sdme", "build"))
    page:section "SEE ALSO"
    page:text(roff.inline "`sdme`(1), `sdme`(3lua), `sdme-pod`(5), `sdme.conf`(5)")
    return page:render()
end
