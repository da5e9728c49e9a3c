-- Threads of one program, each with a Lua state of its own. `make test-threads` has ThreadSanitizer
-- look on.

local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local web <const> = require "spec.support.web"

local BUILD <const> = os.getenv "BUILD" or "build"
local SANITIZE <const> = os.getenv "SANITIZE" or ""

local ANSWER <const> = [[answer:whole(200, ("x"):rep(100000))]]

local function compile()
    needs.program("gcc", "pkg-config")
    local program <const> = scratch.directory() .. "/threads"
    shell.run("gcc -g -O1 -Wall -Wextra %s -Isrc -o %s spec/support/threads.c %s "
        .. "$(pkg-config --cflags --libs lua5.4) -lpthread -lm",
        SANITIZE ~= "" and "-fsanitize=" .. SANITIZE or "-O1", program, BUILD .. "/lib/libsdme.a")
    return program
end

describe("threads with a state each", function()
    after_each(scratch.clean)

    it("do all at once what one alone could", function()
        needs.root()
        local program <const>, directory <const> = compile(), scratch.directory()
        local plain <const>, secure <const> = web.serve(ANSWER), web.serve(ANSWER, { tls = true })
        assert.equal("", shell.run("env -u LUA_PATH "
            .. "timeout 120 %s 4 spec/support/threads.lua %s %s %s %s", program, directory,
            plain.url, secure.url, secure.ca_file))
    end)
end)
