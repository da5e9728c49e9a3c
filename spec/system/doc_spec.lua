-- Every example of the Lua API runs as it stands.

local debian <const> = require "spec.support.debian"
local page <const> = require "spec.support.page"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"

local PAGES <const> = { "doc/lua.md", "doc/api.md" }

-- What the page says that its examples have, before the example on the line that it has there.
local PRELUDE <const> = [[local sdme <const> = require "sdme"; ]]
    .. [[local core <const>, task <const> = sdme.core, sdme.task; ]]
    .. [[local web <const> = sdme.container "web"]]

local function script_of(name, example)
    local path <const> = scratch.directory() .. "/" .. name:match "[^/]+$"
    local file <close> = assert(io.open(path, "w"))
    assert(file:write(PRELUDE, ("\n"):rep(example.line - 1), example.code))
    return path
end

describe("an example of the Lua API", function()
    setup(function()
        sdme.ok("create", "--name", "web", "--started")
        shell.run("mkdir /srv/debian && tar -C /srv/debian -xf %s", debian.path "debian.tar")
        sdme.ok("fs", "import", "/srv/debian", "--name", "debian")
    end)
    teardown(function()
        sdme.clean_all()
        shell.run "rm -rf /srv/debian"
    end)
    after_each(scratch.clean)

    for _, name in ipairs(PAGES) do
        for _, example in ipairs(page.examples(name)) do
            it(("runs: %s:%d"):format(name, example.line), function()
                local result <const> = sdme.run("run", script_of(name, example))
                assert.same({ status = 0, err = "" }, { status = result.status, err = result.err })
                assert.matches("^NAME[^\n]*\nweb +running [^\n]*$", sdme.ok "ps")
            end)
        end
    end
end)
