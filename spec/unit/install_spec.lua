-- `make install` puts everything where a stock Lua 5.4 and a shell find it.

local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local BUILD <const> = os.getenv "BUILD" or "build"

describe("make install", function()
    local root

    -- Whatever make runs these specs must not meddle with ours.
    local function make(target)
        shell.run("env -u MAKEFLAGS -u MAKELEVEL make BUILD=%s PREFIX=/usr DESTDIR=%s %s", BUILD,
            root, target)
    end

    -- A skip can't come from before_each.
    local function installed()
        needs.program("make", "lua5.4")
        needs.that((os.getenv "SANITIZE" or "") == "", "a build that isn't sanitized")
        if not root then
            root = scratch.directory()
            make "install"
        end
        return root
    end
    teardown(scratch.clean)

    -- As LUA_PATH and LUA_CPATH of a system whose root is `root`.
    local function lua(program)
        installed()
        return shell.run("LUA_PATH=%s LUA_CPATH=%s lua5.4 -e %s",
            ("%s/usr/share/lua/5.4/?.lua;%s/usr/share/lua/5.4/?/init.lua;;"):format(root, root),
            root .. "/usr/lib/lua/5.4/?.so;;", program)
    end

    it("lets a stock Lua require sdme", function()
        assert.equal(core.version, lua [[print(require "sdme".version)]])
    end)

    it("gives the interpreter the same version", function()
        local program <const> = installed() .. "/usr/bin/sdme"
        assert.equal("sdme " .. core.version, shell.run("%s --version", program))
    end)

    it("lets both find the programs for containers", function()
        local ask <const> = [[print(require "sdme.guest_program".path "isolate")]]
        local directory <const> = installed() .. "/usr/lib/sdme/guest/"
        assert.equal(directory, lua(ask):sub(1, #directory))
        local file <const> = scratch.directory() .. "/ask.lua"
        shell.run("echo %s >%s", ask, file)
        assert.equal(directory,
            shell.run("%s/usr/bin/sdme run %s", root, file):sub(1, #directory))
    end)

    it("leaves out nothing of the Lua floor", function()
        local find <const> = "{ (cd lua && find . -name '*.lua');"
            .. " (cd %s/lua && find . -name '*.lua'); } | sort"
        assert.equal(shell.run(find, BUILD),
            shell.run("cd %s && find . -path './sdme*' -name '*.lua' | sort",
                installed() .. "/usr/share/lua/5.4"))
    end)

    it("has a library for editors, and manual pages", function()
        local base <const> = installed() .. "/usr/share/"
        assert.equal(base .. "sdme/library/sdme.lua", shell.run("find %s -type f", base .. "sdme"))
        for _, page in ipairs { "man1/sdme.1", "man3/sdme.3lua", "man5/sdme.conf.5" } do
            assert.equal("regular file", shell.run("stat -c %%F %s", base .. "man/" .. page))
        end
    end)

    it("explains itself to a stock Lua", function()
        assert.equal("sdme.new", lua [[
            print(require "sdme.documentation".of(require "sdme".new).name)]])
    end)

    it("does nothing to the process that loads it", function()
        assert.equal("true", lua [[
            local function look()
                local seen = {}
                for line in io.lines "/proc/self/status" do
                    seen[#seen + 1] = line:match "^Sig[BIC]%a+:.*" or line:match "^Umask:.*"
                end
                return table.concat(seen, "\n")
            end
            local before = look()
            require "sdme"
            print(look() == before)]])
    end)

    it("is undone by make uninstall", function()
        installed()
        make "uninstall"
        assert.equal("", shell.run("find %s -type f", root))
    end)
end)
