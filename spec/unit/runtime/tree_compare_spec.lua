local attacker <const> = require "spec.support.attacker"
local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local raised <const> = require "spec.support.raised"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local tree <const> = core.tree

-- "M /path type (what, what) from", sorted by path.
local function lines(changes)
    local list <const> = {}
    for i, change in ipairs(changes) do
        local what <const> = {}
        for name in pairs(change.what or {}) do
            what[#what + 1] = name
        end
        table.sort(what)
        list[i] = ("%s %s %s%s%s"):format(change.change, change.path, change.type,
            #what > 0 and " (" .. table.concat(what, ", ") .. ")" or "",
            change.from and " from " .. change.from or "")
    end
    return list
end

describe("core.tree.compare", function()
    local dir, lower, upper, merged

    -- Has the overlay changed by a shell script.
    local function change(script, options)
        do
            local mount <close> = assert(core.overlay.mount {
                lowers = { lower }, upper = upper, work = dir .. "/work",
                metacopy = options and options.metacopy,
            })
            assert(core.mount.attach(mount, merged))
        end
        local ok <const>, output <const> = pcall(shell.run, "cd %s; set -e; " .. script, merged)
        shell.run("umount %s", merged)
        assert.is_true(ok, output)
    end

    local function compare(options)
        local view <close> = assert(core.file.open_directory(lower))
        local layer <close> = assert(core.file.open_directory(upper))
        local all <const> = { lower = view, upper = layer }
        for key, value in pairs(options or {}) do
            all[key] = value
        end
        return assert(tree.compare(all))
    end

    before_each(function()
        needs.root()
        dir = scratch.directory()
        lower, upper, merged = dir .. "/lower", dir .. "/upper", dir .. "/merged"
        shell.run([[cd %s; mkdir -p lower/etc/ssl/certs lower/usr/bin lower/tmp upper work merged
            cd lower; echo 127.0.0.1 > etc/hosts; echo a > etc/a; echo b > etc/ssl/b
            echo c > etc/ssl/certs/c; cp /bin/true usr/bin/true; ln -s true usr/bin/link
            mkfifo fifo; mknod null c 1 3; touch tmp/old1 tmp/old2
            head -c 300000 /dev/urandom > big; chmod 755 .. ../upper .
            find . -exec touch -h -d @1000000000 {} +]], dir)
    end)
    after_each(scratch.clean)

    it("lists what was added, modified and deleted", function()
        change [[
            echo more >> etc/hosts; rm etc/a; rm -r etc/ssl; mkdir -p new/dir; echo x > new/dir/x
            ln -s new link; mkfifo new/fifo; chmod 700 usr/bin/true; chown 5:6 usr/bin
            rm usr/bin/link; ln -s false usr/bin/link; mknod zero c 1 5; rm null; mknod null c 1 7
            touch fifo; rm big; mkdir big; touch big/inside]]
        local changes <const> = compare()
        assert.same({
            "M /big directory (type)", "A /big/inside file", "D /etc/a file",
            "M /etc/hosts file (content, time)", "D /etc/ssl directory",
            "M /fifo fifo (time)", "A /link symlink", "A /new directory",
            "A /new/dir directory", "A /new/dir/x file", "A /new/fifo fifo",
            "M /null character (content, time)", "M /usr/bin directory (owner)",
            "M /usr/bin/link symlink (target, time)", "M /usr/bin/true file (mode)",
            "A /zero character",
        }, lines(changes))
        assert.equal(10, changes[4].lower_size)
        assert.equal(15, changes[4].size)
        assert.equal(2, changes[3].lower_size)
        assert.is_nil(changes[3].size)
        assert.equal(2, changes[10].size)
        assert.is_nil(changes[10].lower_size)
    end)

    it("lists nothing that is only copied up", function()
        change [[
            cp -a etc/hosts x; cat x > etc/hosts; touch -r x etc/hosts; rm x
            chmod 600 etc/a; chmod 644 etc/a; mv usr/bin/true t; mv t usr/bin/true; touch etc/ssl
            rm -r etc/ssl/certs; mkdir etc/ssl/certs; echo c > etc/ssl/certs/c
            mv fifo f; mv f fifo]]
        shell.run("touch -r %s %s", lower .. "/etc/ssl/certs/c", upper .. "/etc/ssl/certs/c")
        assert.same({}, compare())
        assert.is_true(core.tree.measure(upper).files > 3)
    end)

    it("compares contents byte by byte", function()
        change [[
            touch -r big ../time; printf x | dd of=big bs=1 seek=299999 conv=notrunc 2>/dev/null
            touch -r ../time big]]
        assert.same({ "M /big file (content)" }, lines(compare()))
    end)

    it("lists one line for a directory that another took the place of", function()
        change "rm -r etc; mkdir etc; echo a > etc/a; echo n > etc/new"
        shell.run("touch -r %s %s", lower .. "/etc/a", upper .. "/etc/a")
        assert.same({ "D /etc/hosts file", "A /etc/new file", "D /etc/ssl directory" },
            lines(compare()))
    end)

    it("knows whiteouts that are attributes", function()
        needs.program "setfattr"
        shell.run("mkdir %s; touch %s %s %s; setfattr -n trusted.overlay.whiteout %s %s",
            upper .. "/etc", upper .. "/etc/a", upper .. "/etc/nothing", upper .. "/etc/empty",
            upper .. "/etc/a", upper .. "/etc/nothing")
        assert.same({ "D /etc/a file", "A /etc/empty file" }, lines(compare()))
    end)

    it("sees attributes, ACLs and capabilities", function()
        needs.program("setfacl", "setfattr", "setcap")
        change [[PATH=$PATH:/sbin
            setfattr -n trusted.note -v x etc/hosts; setfacl -m u:1000:r etc/a
            setcap cap_net_raw+ep usr/bin/true; setfattr -n trusted.note -v y etc/ssl]]
        assert.same({
            "M /etc/a file (attributes)", "M /etc/hosts file (attributes)",
            "M /etc/ssl directory (attributes)", "M /usr/bin/true file (attributes)",
        }, lines(compare()))
    end)

    it("takes owners back out of a user namespace's range", function()
        needs.program("setfacl", "setcap")
        shell.run([[PATH=$PATH:/sbin; cd %s; setfacl -m u:1000:r etc/a
            setcap cap_net_raw+ep usr/bin/true]], lower)
        shell.run("cp -a %s/. %s; chown 7:0 %s", lower, upper, upper .. "/etc/hosts")
        assert(tree.shift(upper, { from = 0, to = 524288 }))
        local shift <const> = { from = 524288, to = 0 }
        assert.same({ "M /etc/hosts file (owner)" }, lines(compare { shift = shift }))
        assert.is_true(#compare() > 5)
    end)

    it("follows directories and files that were moved", function()
        change([[
            mv etc etc2; echo n > etc2/new; rm etc2/a; mv etc2/ssl etc2/tls; chmod 600 etc2/tls/b
            chmod 600 big; mv big moved; chmod 700 usr/bin/true]], { metacopy = true })
        needs.that(core.file.get_attribute(upper .. "/etc2", "trusted.overlay.redirect"),
            "an overlay that moves directories")
        assert.same({
            "D /big file", "D /etc directory", "A /etc2 directory from /etc", "D /etc2/a file",
            "A /etc2/new file", "D /etc2/ssl directory", "A /etc2/tls directory from /etc2/ssl",
            "M /etc2/tls/b file (mode)", "A /moved file from /big",
            "M /usr/bin/true file (mode)",
        }, lines(compare()))
    end)

    it("lists only what is asked for", function()
        change [[
            echo x > etc/hosts; rm etc/a; echo x > etc/ssl/certs/c; echo x > usr/bin/true; rm big
            rm -r tmp]]
        assert.same({ "D /etc/a file", "M /etc/ssl/certs/c file (content, time)" },
            lines(compare { paths = { "/etc/a", "etc/ssl/", "/missing" } }))
        assert.same({ "D /tmp directory" }, lines(compare { paths = { "/tmp/old1/x" } }))
        assert.same({}, compare { paths = {} })
        assert.same(compare(), compare { paths = { "/" } })
    end)

    it("takes a directory for empty whose lower is hidden on purpose", function()
        needs.program "setfattr"
        shell.run("mkdir %s; setfattr -n trusted.overlay.opaque -v y %s", upper .. "/tmp",
            upper .. "/tmp")
        change "echo x > tmp/new; echo x > tmp/old1"
        assert.same({ "A /tmp/new file", "M /tmp/old1 file (content, time)", "D /tmp/old2 file" },
            lines(compare()))
        assert.same({ "A /tmp/new file", "A /tmp/old1 file" },
            lines(compare { hidden = { "/tmp" } }))
    end)

    it("looks through a lower of several layers", function()
        shell.run("mkdir -p %s; rm -r %s; mknod %s c 0 0; echo second > %s; "
            .. "touch -d @1 %s", dir .. "/top/etc", lower .. "/etc/ssl", dir .. "/top/etc/a",
            dir .. "/top/etc/second", dir .. "/top/etc/second")
        shell.run("mkdir %s; mknod %s c 0 0; echo 2nd > %s; echo a > %s", upper .. "/etc",
            upper .. "/etc/hosts", upper .. "/etc/second", upper .. "/etc/a")
        local view <close> = assert(core.overlay.mount { lowers = { dir .. "/top", lower } })
        local layer <close> = assert(core.file.open_directory(upper))
        assert.same({ "A /etc/a file", "D /etc/hosts file", "M /etc/second file (content, time)" },
            lines(assert(tree.compare { lower = view, upper = layer })))
    end)

    it("goes down any depth", function()
        local make <const> = [[perl -e 'chdir $ARGV[0];
            for (1..150) { mkdir "d"; chdir "d"; open F, ">", "f"; mkdir "e" if $ARGV[1];
            open F, ">", "e/x" if $ARGV[1] }' %s ]]
        shell.run(make, lower)
        shell.run(make .. "1", upper)
        local changes <const> = compare()
        local added, longest = 0, ""
        for _, one in ipairs(changes) do
            longest = #one.path > #longest and one.path or longest
            added = added + (one.change == "A" and 1 or 0)
            assert.is_true(one.change == "A" or one.what.time and not one.what.content)
        end
        assert.equal(300, added)
        assert.equal("/" .. ("d/"):rep(150) .. "e/x", longest)
    end)

    it("changes nothing that it looks at", function()
        change "echo x >> etc/hosts; chmod 600 etc/a"
        shell.run("find %s -exec touch -a -d @1 {} +", dir)
        compare()
        assert.equal("1.0000000000",
            shell.run("find %s %s -type f -printf '%%A@\n' | sort -u", lower, upper))
    end)

    it("bears a guest that changes everything meanwhile, and never leaves the layer", function()
        shell.run("mkdir -p %s; cp -a %s/. %s; echo secret > %s", upper .. "/etc", lower, upper,
            dir .. "/secret")
        attacker.start([[chdir $ARGV[0]; while (1) {
            rename 'etc', 'x'; symlink '..', 'etc'; unlink 'etc'; rename 'x', 'etc';
            unlink 'big'; symlink "$ARGV[0]/../secret", 'big'; unlink 'big';
            open F, '>', 'big'; syswrite F, 'x' x 300000; close F;
            mkdir "n$_" for 1..20; rmdir "n$_" for 1..20 }]], upper)
        for _ = 1, 200 do
            for _, one in ipairs(compare()) do
                assert.is_nil(one.path:find "secret")
            end
        end
    end)

    it("refuses what it can't use", function()
        assert.matches("no lower or no upper", raised(tree.compare, {}))
        local root <close> = assert(core.file.open_directory(dir))
        local _, _, code = tree.compare { lower = root, upper = root, paths = { "a/../b" } }
        assert.equal("EINVAL", code)
    end)
end)
