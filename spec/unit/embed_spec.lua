-- What programs of others get: libsdme by pkg-config, and sdme in a stock Lua with another loop.

local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local BUILD <const> = os.getenv "BUILD" or "build"
local EXAMPLES <const> = "examples/embed"

local function plain_build()
    needs.program("make", "pkg-config", "lua5.4")
    needs.that((os.getenv "SANITIZE" or "") == "", "a build that isn't sanitized")
end

-- A directory that is taken for a system.
local function make_system()
    needs.root()
    local tree <const> = scratch.directory()
    shell.run("cd %s && mkdir -p etc usr/bin usr/lib/systemd && echo ID=x >etc/os-release && "
        .. "cp /bin/true usr/lib/systemd/systemd && cp /bin/true usr/bin/dbus-daemon", tree)
    return tree
end

describe("libsdme", function()
    local prefix

    -- A skip can't come from setup.
    local function installed()
        plain_build()
        if not prefix then
            prefix = scratch.directory() .. "/usr"
            shell.run("env -u MAKEFLAGS -u MAKELEVEL make BUILD=%s PREFIX=%s install", BUILD,
                prefix)
        end
        return prefix
    end
    teardown(scratch.clean)

    -- What pkg-config says is all that the compiler is told.
    local function compile(compiler, options, source)
        needs.program(compiler)
        local program <const> = scratch.directory() .. "/program"
        shell.run("PKG_CONFIG_PATH=%s/lib/pkgconfig; export PKG_CONFIG_PATH; "
            .. compiler .. " -Wall -Wextra -Werror -o %s %s $(pkg-config " .. options .. " sdme)",
            installed(), program, source or EXAMPLES .. "/embed.c")
        return program
    end

    -- In a data directory of its own, without anything of the environment that finds our tree.
    local function run(program, ...)
        local words <const> = { ... }
        for i, word in ipairs(words) do
            words[i] = shell.quote(word)
        end
        return shell.run("env -u LUA_PATH -u LUA_CPATH LD_LIBRARY_PATH=%s/lib SDME_DATADIR=%s %s "
            .. table.concat(words, " "), installed(), scratch.directory(), program)
    end

    for _, compiler in ipairs { "gcc", "clang" } do
        it("is in a program that " .. compiler .. " links with it", function()
            local program <const> = compile(compiler, "--cflags --libs")
            assert.matches("libsdme%.so%.0 =>", shell.run("LD_LIBRARY_PATH=%s/lib ldd %s",
                installed(), program))
            assert.equal(("sdme %s\n0 containers: "):format(core.version), run(program))
        end)

        it("is in a program that " .. compiler .. " links statically with it", function()
            shell.run("mkdir %s/away && mv %s/lib/*.so* %s/away", installed(), prefix, prefix)
            local program <const> = compile(compiler, "--static --cflags --libs")
            local output <const> = run(program)
            shell.run("mv %s/away/* %s/lib && rmdir %s/away", prefix, prefix, prefix)
            assert.equal(("sdme %s\n0 containers: "):format(core.version), output)
            assert.is_falsy(shell.run("ldd %s", program):find("libsdme", 1, true))
        end)
    end

    it("tells the program of progress, and prints nothing itself", function()
        local archive <const> = make_system() .. ".tar"
        shell.run("tar -C %s -cf %s .", (archive:gsub("%.tar$", "")), archive)
        scratch.finally(function() os.remove(archive) end)
        local program <const> = compile("gcc", "--cflags --libs")
        assert.matches("^sdme [%d.]+\n  unpacking /dev/shm/x.tar: %d+ bytes\nx has 1 layers$",
            (run(program, archive, "x"):gsub("sdme%-spec%.%w+", "x")))
    end)

    it("does what its page says", function()
        local file <close> = assert(io.open "doc/embedding.md")
        local source <const> = scratch.directory() .. "/page.c"
        assert(core.file.write(source, file:read("a"):match "```c\n(.-)```"))
        assert.equal("", run(compile("gcc", "--cflags --libs", source)))
    end)

    it("ends what it does when the program says so", function()
        local program <const> = compile("gcc", "--cflags --libs", "spec/support/interrupted.c")
        assert.equal("EINTR\t2\nEINTR\t15\ntrue", run(program))
    end)

    it("says what the program has forgotten", function()
        local program <const> = compile("gcc", "--cflags --libs", "spec/support/bare.c")
        assert.equal("sdme needs Lua's libraries: luaL_openlibs() comes before", run(program))
    end)

    it("has no names but those of its header", function()
        local public <const> = "luaopen_sdme luaopen_sdme_core sdme_interrupt_get "
            .. "sdme_interrupt_send sdme_version"
        for _, library in ipairs { "-D %s/lib/libsdme.so", "-g %s/lib/libsdme.a" } do
            assert.equal(public, shell.run(
                "nm --defined-only " .. library .. " | sed -n 's/.* T \\([^@]*\\).*/\\1/p' | xargs",
                installed()))
        end
    end)

    it("says that containers need the program sdme, where there is none", function()
        local output <const> = shell.run([[SDME_CONFIG=/dev/null lua5.4 -e '
            local config = require "sdme.config"
            config.get = function() return "/nowhere/sdme" end
            print(select(2, pcall(require "sdme.unit.interpreter".path)))']])
        assert.equal("there is no /nowhere/sdme: containers are started by the program sdme",
            output)
    end)
end)

describe("sdme in a stock Lua", function()
    it("waits in a loop that is written by hand", function()
        plain_build()
        local output <const> = shell.run("lua5.4 %s", EXAMPLES .. "/loop.lua")
        assert.matches("^tick\t1\n.*sleep 0.2\t0\n.*sleep 0.3\t0$", output)
    end)

    it("waits in libuv's", function()
        plain_build()
        needs.that(shell.succeeds "lua5.4 -e 'require \"luv\"'", "the package lua-luv")
        assert.matches("^%.+\t0\t1$", shell.run("lua5.4 %s", EXAMPLES .. "/luv.lua"))
    end)

    it("is silent", function()
        plain_build()
        local tree <const> = make_system()
        assert.equal("", shell.run("TREE=%s SDME_DATADIR=%s lua5.4 -e %s", tree,
            scratch.directory(), [[require "sdme".fs.import(os.getenv "TREE", { name = "x" })]]))
        scratch.clean()
    end)
end)
