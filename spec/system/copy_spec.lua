-- Moving data in and out: cp, diff, prune.

local debian <const> = require "spec.support.debian"
local json <const> = require "sdme.json"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"

-- A directory with what a copy has to keep.
local function some_files()
    local directory <const> = scratch.directory() .. "/files"
    shell.run([[mkdir -p %s/sub && cd %s && printf one >a && ln a sub/same && ln -s a link &&
        chown 1000:100 a && chmod 4750 a && touch -d 2001-02-03T04:05:06.7 a && mkfifo pipe &&
        chown -h 7:7 link]], directory, directory)
    return directory
end

local LISTING <const> = "cd %s && find . -mindepth 1 -printf"
    .. " '%%P %%y %%m %%U %%G %%n %%T@ %%l\\n' | sort"

describe("cp", function()
    setup(function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
        sdme.ok("create", "-r", "debian", "--name", "plain", "--started")
        sdme.ok("create", "-r", "debian", "--name", "mapped", "--userns", "--started")
        sdme.ok("create", "-r", "debian", "--name", "stopped", "--userns")
        sdme.ok("create", "--name", "clone")
    end)
    teardown(sdme.clean_all)
    after_each(scratch.clean)

    for _, name in ipairs { "plain", "mapped", "stopped", "clone" } do
        it("takes a tree into a container and back as it was: " .. name, function()
            local files <const> = some_files()
            local back <const> = scratch.directory() .. "/back"
            sdme.ok("cp", files, name .. ":/root")
            sdme.ok("cp", name .. ":/root/files", back)
            assert.equal(shell.run(LISTING, files), shell.run(LISTING, back))
        end)
    end

    it("shows a container the owners that the files had", function()
        sdme.ok("cp", some_files() .. "/a", "mapped:/root/owned")
        assert.equal("1000:100 4750", sdme.ok("exec", "mapped", "stat", "-c", "%u:%g %a",
            "/root/owned"))
    end)

    it("joins directories, and replaces files", function()
        local files <const> = some_files()
        sdme.ok("exec", "plain", "sh", "-c", "mkdir -p /srv/files; echo old >/srv/files/a;"
            .. "echo kept >/srv/files/own")
        sdme.ok("cp", files, "plain:/srv")
        assert.equal("one kept", sdme.ok("exec", "plain", "sh", "-c",
            "echo $(cat /srv/files/a) $(cat /srv/files/own)"))
        local refused <const> = sdme.run("cp", files, "plain:/srv/files/a")
        assert.equal(1, refused.status)
        assert.matches("/srv/files/a is a file there, and a directory here", refused.err)
    end)

    it("doesn't follow a guest's link out", function()
        local outside <const> = scratch.directory()
        shell.run("echo secret >%s/secret", outside)
        sdme.ok("exec", "plain", "ln", "-sfn", outside, "/root/out")
        local refused <const> = sdme.run("cp", "plain:/root/out/secret", outside .. "/got")
        assert.same({ 1, "sdme: there is no plain:/root/out/secret\n" },
            { refused.status, refused.err })
        assert.equal(1, sdme.run("cp", outside .. "/secret", "plain:/root/out/new").status)
        assert.equal("secret", shell.run("ls %s", outside))
    end)

    it("reads a rootfs, and never writes one", function()
        local to <const> = scratch.directory() .. "/release"
        sdme.ok("cp", "fs:debian:/usr/lib/os-release", to)
        assert.matches("ID=debian", shell.run("cat %s", to))
        local refused <const> = sdme.run("cp", to, "fs:debian:/etc/x")
        assert.equal(1, refused.status)
        assert.matches("a rootfs never changes", refused.err)
    end)

    it("says which path is wrong", function()
        for _, case in ipairs {
            { 2, "both paths are the host's", "a", "b" },
            { 1, "there is no plain:/nothing", "plain:/nothing", "." },
            { 1, "there is no container nobody", "nobody:/a", "." },
            { 1, "plain:/no/x: there is no directory for it", "/etc/hostname", "plain:/no/x" },
            { 1, "plain:/etc/hostname/ is no directory", "/etc/hostname", "plain:/etc/hostname/" },
        } do
            local refused <const> = sdme.run("cp", case[3], case[4])
            assert.equal(case[1], refused.status)
            assert.matches(case[2], refused.err, 1, true)
        end
    end)
end)

describe("diff", function()
    setup(function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
    end)
    teardown(sdme.clean_all)
    after_each(sdme.clean)

    local SCRIPT <const> = "echo new >/srv/new; rm /etc/debian_version; chmod 600 /etc/issue;"
        .. "cp -a /etc/issue.net /root/x; mv /root/x /etc/issue.net"

    for _, options in ipairs { {}, { "--userns" } } do
        it("tells what is added, modified and deleted, " .. (options[1] or "plain"), function()
            sdme.ok("create", "-r", "debian", "--name", "web", "--started", table.unpack(options))
            sdme.ok("exec", "web", "sh", "-c", SCRIPT)
            for _ = 1, 2 do
                local lines <const> = "\n" .. sdme.ok("diff", "web") .. "\n"
                assert.matches("\nA /srv/new\n", lines)
                assert.matches("\nD /etc/debian_version\n", lines)
                assert.matches("\nM /etc/issue  mode\n", lines)
                assert.not_matches("/usr/bin", lines)
                assert.equal("A /srv/new", sdme.ok("diff", "web", "--", "/srv"))
                assert.matches("^%d+ added, %d+ modified, %d+ deleted, [+-]%S+ %a+$",
                    sdme.ok("diff", "web", "--stat"))
                sdme.ok("stop", "web")
            end
        end)
    end

    it("is JSON where that is wanted", function()
        sdme.ok("create", "-r", "debian", "--name", "web")
        local by_path <const> = {}
        for _, change in ipairs(json.decode(sdme.ok("diff", "web", "--json"))) do
            by_path[change.path] = change.change
        end
        assert.equal("M", by_path["/etc/hostname"] or "M")
        assert.is_string(by_path["/etc/machine-id"])
    end)
end)

describe("prune", function()
    teardown(sdme.clean_all)
    after_each(sdme.clean_all)

    it("removes what nothing uses, after a question, but what is excepted", function()
        for _, name in ipairs { "used", "unused", "kept" } do
            sdme.ok("fs", "import", debian.path "debian.tar", "--name", name)
        end
        sdme.ok("create", "-r", "used", "--name", "web")
        local unasked <const> = sdme.run("prune", "--except", "kept")
        assert.equal(2, unasked.status)
        assert.matches("\nrootfs +unused +%S+ MB", unasked.out)
        sdme.ok("prune", "--force", "--except", "kept")
        assert.equal("kept\nused", sdme.ok("__complete", "rootfs"))
        assert.matches("\nrootfs +kept ", sdme.ok("prune", "--dry-run"))
        assert.equal("kept\nused", sdme.ok("__complete", "rootfs"))
    end)
end)
