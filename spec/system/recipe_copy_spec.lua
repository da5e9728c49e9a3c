-- What recipes copy, and what they ask of what they have made so far.

local core <const> = require "sdme.core"
local debian <const> = require "spec.support.debian"
local recipe <const> = require "spec.support.recipe"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"

local file <const> = core.file

describe("a step that copies", function()
    local dir

    setup(function()
        sdme.select()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
    end)
    teardown(sdme.clean_all)

    before_each(function()
        dir = recipe.directory()
        shell.run([[cd %s; mkdir -p site/css site/.git conf; echo index > site/index.html
            echo css > site/css/a.css; echo git > site/.git/config; ln -s index.html site/link
            for i in 1 2 3; do echo $i > conf/$i.conf; done; chmod 755 site site/css
            chmod 644 site/index.html site/css/a.css conf/*; chown -R 12:34 site]], dir)
    end)
    after_each(sdme.clean)

    local function fails(steps, options)
        local result <const> = recipe.run(dir, steps, options)
        assert.not_equal(0, result.status)
        return (result.err:gsub("^.*\nsdme: ", "sdme: "))
    end

    -- The steps that were done, and not found.
    local function made(steps, options)
        local said <const> = recipe.build(dir, steps, options, "--why")
        local list <const> = {}
        for kind in said:gmatch "web %d+: (%a+) [^\n]*: made" do
            list[#list + 1] = kind
        end
        return table.concat(list, " ")
    end

    it("takes what is in a directory, owned by root", function()
        recipe.build(dir, [[b:copy("site/", "/srv")]])
        assert.equal([[
/srv directory 755 0:0
/srv/.git directory 755 0:0
/srv/.git/config file 644 0:0
/srv/css directory 755 0:0
/srv/css/a.css file 644 0:0
/srv/index.html file 644 0:0
/srv/link symlink 777 0:0]], recipe.list())
        assert.equal("index\n", recipe.read "/srv/index.html")
    end)

    it("puts a directory under its own name where one is, or a slash says so", function()
        recipe.build(dir, [[
            b:copy("site", "/a")
            b:copy("site", "/a")
            b:copy("conf", "/b/c/")]])
        assert.equal("index\n", recipe.read "/a/site/index.html")
        assert.equal("1\n", recipe.read "/b/c/conf/1.conf")
    end)

    it("takes files, patterns, and several at once", function()
        recipe.build(dir, [[
            b:copy("conf/1.conf", "/etc/one")
            b:copy("conf/[23]*", "/etc/some")
            b:copy({ "conf/1.conf", "site/css/" }, "/etc/list")
            b:copy("**/*.css", "/etc/deep")]])
        assert.equal("1\n", recipe.read "/etc/one")
        assert.equal("3\n", recipe.read "/etc/some/3.conf")
        assert.equal("1\n", recipe.read "/etc/list/1.conf")
        assert.equal("css\n", recipe.read "/etc/list/a.css")
        assert.equal("css\n", recipe.read "/etc/deep/site/css/a.css")
    end)

    it("leaves out what the directory's file and the rules say", function()
        assert(file.write(dir .. "/site/.sdmeignore", ".git/\n*.html\n"))
        recipe.build(dir, [[b:copy("site/", "/srv", { ignore = { "link" } })]])
        assert.equal([[
/srv directory 755 0:0
/srv/css directory 755 0:0
/srv/css/a.css file 644 0:0]], recipe.list())
    end)

    it("counts relative paths from the recipe's file, wherever it is called", function()
        recipe.write(dir, [[b:copy("conf/1.conf", "/one")]])
        sdme.ok("fs", "build", "web", dir .. "/web.lua", "-f")
        local result <const> = sdme.pipe(("cd %s && </dev/null"):format(dir), "fs", "build", "web",
            "web.lua", "-f", "--why")
        assert.matches("copy [^\n]*: found", result.err)
    end)

    it("knows the owners of what is being made, and modes of files and directories", function()
        recipe.build(dir, [[
            b:write("/etc/passwd", "www-data:x:33:34::/:/bin/sh\n")
            b:write("/etc/group", "www-data:x:34:\nadm:x:4:\n")
            b:copy("site/css", "/a", { owner = "www-data", mode = "0640" })
            b:copy("conf/1.conf", "/b", { owner = "www-data:adm", mode = "4755" })
            b:copy("conf/1.conf", "/c", { owner = "www-data", group = "adm" })
            b:copy("conf/1.conf", "/d", { owner = "7" })]])
        local list <const> = recipe.list()
        assert.matches("/a directory 750 33:34\n/a/a.css file 640 33:34\n", list)
        assert.matches("/b file 4755 33:4\n/c file 644 33:4\n/d file 644 7:0", list)
    end)

    it("refuses an owner that there isn't, even if the host has one", function()
        assert.matches("web.lua:3: .*there is no user 'root'\nhint: it has to be there before",
            fails [[b:copy("conf/1.conf", "/x", { owner = "root" })]])
    end)

    describe("into what is there", function()
        it("goes through the symlinks of what is being made, and never out of it", function()
            recipe.build(dir, [[
                b:run "mkdir /srv/real; ln -s /srv/real /opt/link; ln -s /../../srv /opt/up"
                b:copy("conf/", "/opt/link")
                b:copy("conf/", "/opt/link/deep/new")
                b:copy("conf/1.conf", "/opt/up/one")
                b:copy("conf/1.conf", "/bin/tool")
                b:copy("conf/1.conf", "/var/run/x")]], { from = '"debian"' })
            assert.equal("2\n", recipe.read "/srv/real/2.conf")
            assert.equal("2\n", recipe.read "/srv/real/deep/new/2.conf")
            assert.equal("1\n", recipe.read "/srv/one")
            assert.equal("1\n", recipe.read "/usr/bin/tool")
            local root <close> = recipe.open()
            assert.equal("symlink", file.stat("/opt/link", { root = root }).type)
            assert.equal("symlink", file.stat("/bin", { root = root }).type)
            assert.equal("symlink", file.stat("/var/run", { root = root }).type)
        end)

        it("keeps directories, and what is in them", function()
            recipe.build(dir, [[
                b:run "mkdir -m 700 /srv/www; chown 5:6 /srv/www; echo old > /srv/www/old"
                b:copy("site/", "/srv/www")
                b:run "test -e /srv/www/old -a -e /srv/www/index.html"]], { from = '"debian"' })
            local root <close> = recipe.open()
            local stat <const> = file.stat("/srv/www", { root = root })
            assert.same({ tonumber("700", 8), 5, 6 }, { stat.mode, stat.uid, stat.gid })
        end)

        it("merges a tree that has directories where symlinks are", function()
            shell.run("mkdir -p %s/over/bin %s/over/etc; echo t > %s/over/bin/t", dir, dir, dir)
            recipe.build(dir, [[b:copy("over/", "/")
                b:run "/usr/bin/env cat /usr/bin/t"]], { from = '"debian"' })
        end)

        it("replaces files and links, and no directory", function()
            recipe.build(dir, [[
                b:run "ln -s /etc/passwd /srv/x; echo old > /srv/y"
                b:copy("conf/1.conf", "/srv/x")
                b:copy("conf/1.conf", "/srv/y")]], { from = '"debian"' })
            assert.equal("1\n", recipe.read "/srv/x")
            assert.matches("^root:", recipe.read "/etc/passwd")
            shell.run("mkdir -p %s/bad; touch %s/bad/srv", dir, dir)
            assert.matches("web.lua:3.*bad/srv: a directory is in its place",
                fails([[b:copy("bad/", "/")]], { from = '"debian"' }))
        end)

        it("says what is in the way of a directory", function()
            assert.matches("web.lua:4.*/x/y/z", fails [[b:write("/x", "a file")
                b:copy("conf/1.conf", "/x/y/z")]])
        end)
    end)

    describe("from elsewhere", function()
        before_each(function()
            recipe.build(dir, [[
                b:copy("conf/", "/opt", { owner = "5:6" })
                b:run "ln -s /etc /opt/etc; ln -s ../../../../etc/shadow /opt/shadow"]],
                { name = "tools", from = '"debian"' })
        end)

        it("takes files of a rootfs, with their owners", function()
            recipe.build(dir, [[
                b:copy("/opt/1.conf", "/one", { from = "tools" })
                b:copy("opt/2.conf", "/two", { from = sdme.fs.get "tools", owner = "1:2" })
                b:copy("/opt/", "/all", { from = "tools" })]])
            local list <const> = recipe.list()
            assert.matches("/one file 644 5:6\n/two file 644 1:2", list)
            assert.matches("/all/etc symlink", list)
            assert.matches("/all/shadow symlink", list)
        end)

        it("stays in the rootfs, whatever links there are", function()
            recipe.build(dir, [[b:copy("/opt/etc/hostname", "/x", { from = "tools" })
                b:copy("/opt/etc/", "/y", { from = "tools" })]])
            local root <close> = recipe.open "tools"
            assert.equal(file.read("/etc/hostname", { root = root }), recipe.read "/x")
        end)

        it("takes files of what another recipe makes, which is built first", function()
            assert(file.write(dir .. "/web.lua", [[
local sdme = require "sdme"
local base = sdme.recipe { from = "scratch", build = function(b)
    b:write("/made", "by the other", { owner = "9:9" })
end }
return sdme.recipe { name = "web", from = "scratch", build = function(b)
    b:copy("/made", "/taken", { from = base })
end }
]]))
            sdme.ok("fs", "build", "web", dir .. "/web.lua", "-f")
            assert.equal("by the other", recipe.read "/taken")
            assert.equal("/taken file 644 9:9", recipe.list())
        end)

        it("takes files of a container as it is, in a user namespace too", function()
            sdme.ok("create", "-r", "debian", "--name", "stopped", "--userns")
            sdme.ok("cp", dir .. "/conf/3.conf", "stopped:/srv/x")
            sdme.ok("new", "-r", "debian", "--name", "running", "--userns", "--", "sh", "-c",
                "echo running > /srv/y; chown 7:8 /srv/y")
            recipe.build(dir, [[
                b:copy("/srv/x", "/x", { from = "stopped" })
                b:copy("/srv/y", "/y", { from = sdme.container "running" })]])
            assert.equal("3\n", recipe.read "/x")
            assert.equal("running\n", recipe.read "/y")
            assert.matches("/y file 644 7:8", recipe.list())
        end)

        it("says what there isn't", function()
            assert.matches("there is no rootfs or container none\nhint: `sdme fs ls` and",
                fails [[b:copy("/x", "/x", { from = "none" })]])
            assert.matches("copy /none: there is no such file or directory\n",
                fails [[b:copy("/none", "/x", { from = "tools" })]])
        end)
    end)

    describe("is found again", function()
        local STEPS <const> = [[b:copy("site/", "/srv", { mode = "0644" })]]

        before_each(function()
            made(STEPS)
        end)

        it("with the same contents, whatever their times, owners and place are", function()
            shell.run("touch -d @1 %s/site/index.html; chown -R 77 %s/site", dir, dir)
            assert.equal("", made(STEPS))
            shell.run("mv %s/site %s/elsewhere", dir, dir)
            assert.equal("", made [[b:copy("elsewhere/", "/srv", { mode = "0644" })]])
        end)

        it("and made anew when a content, a name or a link is another one", function()
            for _, command in ipairs {
                "echo more >> site/index.html", "mv site/link site/ink", "ln -sfn x site/ink",
                "mkdir site/new", "rm -r site/.git",
            } do
                shell.run("cd %s; " .. command, dir)
                assert.equal("copy", made(STEPS), command)
                assert.equal("", made(STEPS), command)
            end
        end)

        it("and not for a change of what is left out", function()
            local steps <const> = [[b:copy("site/", "/srv", { ignore = { ".git" } })]]
            made(steps)
            shell.run("echo more >> %s/site/.git/config", dir)
            assert.equal("", made(steps))
        end)

        it("and made anew for another owner, mode or destination", function()
            assert.equal("copy", made [[b:copy("site/", "/srv", { mode = "0600" })]])
            assert.equal("copy", made [[b:copy("site/", "/srv", { owner = "1:1", mode = "0600" })]])
            assert.equal("copy", made [[b:copy("site/", "/x", { owner = "1:1", mode = "0600" })]])
        end)

        it("and tells which source changed", function()
            shell.run("echo more >> %s/site/index.html", dir)
            assert.matches("changed: sources", recipe.build(dir, STEPS, nil, "--why"))
        end)
    end)

    it("gives equal layers for equal inputs with SOURCE_DATE_EPOCH", function()
        local digests <const> = {}
        for i = 1, 2 do
            shell.run("find %s/site -exec touch -h -d @%s {} +", dir, "1" .. i .. "00000000")
            recipe.write(dir, [[b:copy("site/", "/srv/www")]])
            local result <const> = sdme.pipe("SOURCE_DATE_EPOCH=1700000000 </dev/null", "fs",
                "build", "web", dir .. "/web.lua", "-f", "--no-cache")
            assert.equal(0, result.status, result.err)
            sdme.ok("fs", "export", "fs:web", dir .. "/web.tar", "--force")
            digests[i] = shell.run("sha256sum < %s/web.tar", dir)
        end
        assert.equal(digests[1], digests[2])
    end)

    it("refuses a file that is written to while it is copied", function()
        shell.run("head -c 200M /dev/zero > %s/big", dir)
        local writer <close> = assert(core.process.spawn {
            argv = { "sh", "-c", 'while :; do printf x | dd of="$0" bs=1 seek=5 conv=notrunc '
                .. "2>/dev/null; done", dir .. "/big" },
            stdin = "null", stdout = "null", stderr = "null", death_signal = "KILL",
        })
        assert.matches("big: it changed meanwhile", fails [[b:copy("big", "/big")]])
        writer:kill "KILL"
        assert.equal("", shell.run("ls %s/staging", sdme.datadir()))
    end)

    local MISUSE <const> = {
        { [[b:copy()]], "copy: expected a path, or a list of paths" },
        { [[b:copy({}, "/x")]], "copy: expected a path, or a list of paths" },
        { [[b:copy("", "/x")]], "copy: source 1 is empty" },
        { [[b:copy("conf")]], "copy: the destination is a string, not a nil" },
        { [[b:copy("conf", "")]], "copy: the destination is empty" },
        { [[b:copy("conf", "/x/../y")]], "without '%.%.'" },
        { [[b:copy("conf", "/x", { modes = "0644" })]], "copy has no option 'modes'\n"
            .. "hint: did you mean mode" },
        { [[b:copy("conf", "/x", { mode = 644 })]], "copy: 'mode' is a string, not a number" },
        { [[b:copy("conf", "/x", { mode = "rw" })]], "a mode such as" },
        { [[b:copy("conf", "/x", { owner = "a b" })]], "expected a user, or USER:GROUP" },
        { [[b:copy("conf", "/x", { ignore = "x" })]], "'ignore' is a table" },
        { [[b:copy("conf", "/x", { from = {} })]], "'from' is a recipe, a rootfs, a container" },
        { [[b:copy("none", "/x")]], "copy none: there is no such file or directory %(/var/tmp/" },
        { [[b:copy("*.none", "/x")]], "copy %*%.none: nothing matches it" },
        { [[b:copy("conf/1.conf/", "/x")]], "copy conf/1%.conf/: it is no directory" },
        { [=[b:copy("conf/[[:nope:]]", "/x")]=], "no class of characters" },
    }
    for _, one in ipairs(MISUSE) do
        it("refuses " .. one[1], function()
            assert.matches(one[2], fails(one[1]))
        end)
    end

    it("names the line of a mistake", function()
        assert.matches("^sdme: /var/tmp/[^:]*/web%.lua:4: copy has no option",
            fails '\nb:copy("conf", "/x", { nothing = 1 })')
    end)

    describe("asks of what is there", function()
        it("contents, existence, and what system it is", function()
            recipe.build(dir, [[
                b:write("/etc/x", "content")
                assert(b:read "/etc/x" == "content")
                assert(b:exists "/etc/x" and not b:exists "/etc/y")
                b:run "ln -s /nowhere /etc/dangling; ln -s x /etc/link"
                assert(b:read "/etc/link" == "content" and not b:exists "/etc/dangling")
                b:remove "/etc/x"
                assert(not b:exists "/etc/x")
                assert(b:os().ID == "debian" and b:os().VERSION_ID == "12")
                assert(b:stat("/usr").type == "directory" and b:stat "/none" == nil)
                assert(b:exists "/etc/passwd/x" == false)]], { from = '"debian"' })
        end)

        it("and never leaves it", function()
            assert(file.write(dir .. "/secret", "secret"))
            recipe.build(dir, ([[
                b:run "ln -s %s /etc/leak; ln -s ../../../../../..%s /etc/leak2"
                assert(not b:exists "/etc/leak" and not b:exists "/etc/leak2")
                assert(not b:exists "%s")]]):format(dir .. "/secret", dir .. "/secret",
                dir .. "/secret"), { from = '"debian"' })
        end)

        it("with one line for what isn't there, or is no file", function()
            assert.matches("web.lua:3: .*/none: No such file", fails [[b:read "/none"]])
            assert.matches("web.lua:3: read: the path is a string", fails [[b:read(1)]])
            assert.matches("read /dev/fifo", fails([[b:run "mkfifo /srv/fifo"
                b:read "/srv/fifo"]], { from = '"debian"' }):gsub("/srv/fifo", "/dev/fifo"))
        end)
    end)

    it("leaves nothing behind when it fails", function()
        fails [[b:copy("none", "/x")]]
        fails [[b:write("/x", "") b:copy("conf/", "/x")]]
        assert.equal("", shell.run("ls %s/staging %s/locks", sdme.datadir(), sdme.datadir())
            :gsub("[^\n]*:\n?", ""):gsub("%s", ""))
    end)

end)
