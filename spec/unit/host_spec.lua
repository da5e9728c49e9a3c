-- What the specs themselves stand on: the counts, the table of packages, and who is killed.

local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local function file(directory, name, text)
    local handle <const> = assert(io.open(directory .. "/" .. name, "w"))
    handle:write(text)
    handle:close()
    return directory .. "/" .. name
end

---Runs bash with parts of the test host's scripts.
local function bash(parts, program, ...)
    local sources <const> = {}
    for part in parts:gmatch "%S+" do
        sources[#sources + 1] = ". spec/host/lib/" .. part .. ".bash; "
    end
    return shell.run("bash -euc %s bash " .. ("%s "):rep(select("#", ...)),
        table.concat(sources) .. program, ...)
end

describe("the output of the specs", function()
    after_each(scratch.clean)

    ---Runs busted on a spec; gives what was counted and what was printed.
    local function run(text)
        local directory <const> = scratch.directory()
        local spec <const> = file(directory, "one_spec.lua", text)
        local counts <const> = directory .. "/counts"
        local output <const> = shell.run("SDME_SPEC_COUNTS=%s lua5.4 /usr/bin/busted --ignore-lua "
            .. "--output=spec/support/output.lua %s || true", counts, spec)
        return shell.run("cat %s", counts), output
    end

    it("counts what passed, failed and was skipped", function()
        local counts <const> = run [[
            it("passes", function() end)
            it("passes too", function() end)
            it("fails", function() assert.is_true(false) end)
            it("raises", function() error "no" end)
            it("is skipped", function() pending "needs a thing" end)
        ]]
        assert.are.equal("2 2 1", counts)
    end)

    it("counts as failed what breaks outside a spec", function()
        assert.are.equal("0 1 0", (run "local = "))
        assert.are.equal("0 1 0", (run [[
            describe("all", function()
                setup(function() error "no" end)
                it("is never run", function() end)
            end)
        ]]))
    end)

    it("has failures in full and skips with their reason, and nothing of what passed", function()
        local _, output <const> = run [[
            it("passes", function() end)
            it("fails", function() assert.are.equal("here", "there") end)
            it("is skipped", function() pending "needs a thing" end)
        ]]
        assert.matches("FAILED  [^\n]*one_spec.lua:2: fails\n.*there.*here", output)
        assert.matches("skipped [^\n]*one_spec.lua:3: is skipped: needs a thing\n", output)
        assert.is_nil(output:find("passes", 1, true))
    end)
end)

describe("the table of packages", function()
    it("has nothing for a machine that would replace its init or its resolv.conf", function()
        local needs_init <const> = {
            ["dbus-user-session"] = true,
            ["libpam-systemd"] = true,
            ["systemd"] = true,
            ["systemd-container"] = true,
            ["systemd-resolved"] = true,
            ["systemd-sysv"] = true,
        }
        local count = 0
        for package in bash("packages", "packages_of bookworm build test specs lint vm")
            :gmatch "[^\n]+" do
            assert.is_nil(needs_init[package], package)
            count = count + 1
        end
        assert.is_true(count > 20)
    end)

    it("names each suite's own packages", function()
        local lint <const> = "packages_of \"$1\" lint | grep libclang-rt"
        assert.are.equal("libclang-rt-14-dev", bash("packages", lint, "bookworm"))
        assert.are.equal("libclang-rt-19-dev", bash("packages", lint, "trixie"))
    end)
end)

describe("a recorded process", function()
    after_each(scratch.clean)

    it("is found while it runs, and no longer", function()
        local record <const> = scratch.directory() .. "/record"
        assert.are.equal("yes gone", bash("process", [[
            sleep 100 & disown
            process_record "$1" $!
            [ "$(process_recorded "$1")" = $! ] && echo -n "yes "
            process_kill "$1" KILL
            process_wait "$1" 100
            process_recorded "$1" || echo gone
        ]], record))
    end)

    it("isn't another one that has its id", function()
        local record <const> = scratch.directory() .. "/record"
        assert.are.equal("spared", bash("process", [[
            sleep 100 & disown
            echo "$! 1" >"$1"
            process_kill "$1" KILL
            kill -0 $! && echo spared
            kill $!
        ]], record))
    end)
end)
