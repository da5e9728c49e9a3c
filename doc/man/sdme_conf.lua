-- sdme.conf(5)

local keys <const> = require "man.keys"
local roff <const> = require "man.roff"

---@return string
return function()
    local page <const> = roff.page("sdme.conf", 5, "File Formats", require("sdme.core").version)
    page:section "NAME"
    page:text "sdme.conf \\- configuration of sdme"
    page:section "SYNOPSIS"
    page:text "\\fI/etc/sdme.conf\\fR"
    page:section "DESCRIPTION"
    page:paragraphs(
        "The file consists of Lua assignments, one for each key, that are read as data: a number,"
            .. " a string in quotes, `true` or `false`, or a list of strings in braces;"
            .. " `registry_mirrors` has a list for each registry. There are"
            .. " no expressions and no calls. Comments begin with `--`.",
        "A key that isn't there has its default, and so has one that is `nil`. A missing file is"
            .. " an empty one, unless `--config` or `SDME_CONFIG` named it. An unknown key, a key"
            .. " given twice or a wrong value is an error that names the line.",
        "`sdme config get` shows what holds, and `sdme config set` changes one key and leaves the"
            .. " rest of the file as it is, comments too.")
    page:section "KEYS"
    keys(page)
    page:section "EXAMPLE"
    page:code [[
-- slow guests
boot_timeout = 120
join_as_sudo_user = false
masked_services = { "systemd-resolved.service", "cron.service" }
registry_mirrors = { ["docker.io"] = { "https://mirror.example.org" } }]]
    page:section "ENVIRONMENT"
    page:term(roff.literal "SDME_CONFIG", "Another file than `/etc/sdme.conf`. The option"
        .. " `--config` overrides it.")
    page:term(roff.literal "SDME_DATADIR", "Overrides `datadir`. The option `--datadir`"
        .. " overrides both.")
    page:section "SEE ALSO"
    page:text(roff.inline "`sdme`(1), `sdme-pod`(5), `sdme-recipe`(5)")
    return page:render()
end
