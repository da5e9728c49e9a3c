local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local file <const>, tree <const> = core.file, core.tree

local function code_of(...)
    local result, message, code = ...
    assert.is_nil(result)
    return code, message
end

describe("core.tree", function()
    local dir, from

    before_each(function()
        dir = scratch.directory()
        from = dir .. "/from"
        shell.run([[mkdir -p %s; cd %s; mkdir -p a/b empty; echo one > a/one; echo two > a/b/two
            ln -s one a/link; ln a/one a/second; mkfifo a/fifo; chmod 755 a a/b empty .
            chmod 644 a/one a/b/two]], from, from)
    end)
    after_each(scratch.clean)

    local function digest(options, path)
        return assert(tree.digest(path or from, options)).digest
    end

    describe("digest", function()
        it("is the same for the same tree elsewhere, whenever it was written", function()
            shell.run("cp -a %s %s; touch -d @1 %s/a %s/a/one", from, dir .. "/to", dir .. "/to",
                dir .. "/to")
            assert.equal(digest(), digest({}, dir .. "/to"))
            assert.equal(64, #digest())
        end)

        it("is the same in any number of threads", function()
            shell.run([[cd %s; for i in $(seq 300); do echo $i > a/$i; mkdir d$i; done]], from)
            for threads = 1, 4 do
                assert.equal(digest(), digest { threads = threads })
            end
        end)

        it("counts files, directories and bytes", function()
            local found <const> = assert(tree.digest(from))
            assert.same({ 5, 4 }, { found.files, found.directories })
        end)

        local CHANGES <const> = {
            ["a content"] = "echo three > a/b/two",
            ["a content of the same length"] = "echo tww > a/b/two",
            ["a name"] = "mv a/b/two a/b/2",
            ["a place"] = "mv a/b/two a/two",
            ["a mode"] = "chmod 600 a/b/two",
            ["the mode of a directory"] = "chmod 700 empty",
            ["the mode of the top"] = "chmod 700 .",
            ["the target of a link"] = "ln -sfn two a/link",
            ["a type"] = "rm a/fifo; touch a/fifo; chmod 644 a/fifo",
            ["an empty directory that goes"] = "rmdir empty",
            ["what is one file"] = "cp a/one x; rm a/second; mv x a/second",
        }

        for what, command in pairs(CHANGES) do
            it("tells of " .. what, function()
                local before <const> = digest()
                shell.run("cd %s; " .. command, from)
                assert.not_equal(before, digest())
            end)
        end

        it("tells of owners, attributes and devices", function()
            needs.root()
            needs.program("setfattr")
            local disk <const> = scratch.filesystem("ext4", "16M")
            shell.run("cp -a %s %s", from, disk .. "/x")
            local seen <const> = {}
            for _, command in ipairs {
                "true", "chown 5 a/one", "chown :5 a/one", "setfattr -n user.x -v 1 a/one",
                "setfattr -n user.x -v 2 a/one", "setfattr -n user.a -v 2 a/one",
                "mknod dev c 1 3", "rm dev; mknod dev c 1 5", "rm dev; mknod dev b 1 5",
            } do
                shell.run("cd %s; " .. command, disk .. "/x")
                local found <const> = digest({}, disk .. "/x")
                assert.is_nil(seen[found], command)
                seen[found] = true
            end
        end)

        it("doesn't depend on the order in which a file got its attributes", function()
            needs.root()
            local disk <const> = scratch.filesystem("ext4", "16M")
            shell.run([[cd %s; mkdir a b; echo x > a/f; echo x > b/f
                setfattr -n user.a -v 1 a/f; setfattr -n user.b -v 2 a/f
                setfattr -n user.b -v 2 b/f; setfattr -n user.a -v 1 b/f]], disk)
            assert.equal(digest({}, disk .. "/a"), digest({}, disk .. "/b"))
        end)

        it("says nothing of an owner that the copy won't have", function()
            needs.root()
            local before <const> = digest { uid = 0, gid = 0 }
            shell.run("chown -R 7:8 %s", from)
            assert.equal(before, digest { uid = 0, gid = 0 })
            assert.equal(before, digest { uid = 3, gid = 4 })
            assert.not_equal(before, digest())
        end)

        it("says nothing of modes that the copy won't have", function()
            local before <const> = digest { mode = "0644" }
            shell.run("chmod 600 %s/a/one; chmod 700 %s", from, from)
            assert.equal(before, digest { mode = "0644" })
            assert.not_equal(before, digest { mode = "0600" })
        end)

        it("says nothing of what is left out", function()
            local before <const> = digest { exclude = { "a/b", "empty" } }
            shell.run("cd %s; echo x > a/b/three; rmdir empty", from)
            assert.equal(before, digest { exclude = { "a/b", "empty" } })
            assert.not_equal(before, digest { exclude = { "empty" } })
        end)

        it("is of a single file, too, whatever its name is", function()
            shell.run("cp -p %s/a/b/two %s/copy", from, dir)
            assert.equal(digest({}, from .. "/a/b/two"), digest({}, dir .. "/copy"))
            assert.not_equal(digest({}, from .. "/a/b/two"), digest({}, from .. "/a/one"))
        end)

        it("goes down as deep as a tree may be", function()
            shell.run("perl -e %s %s",
                "chdir $ARGV[0]; for (1..2000) { mkdir 'dddddddd' or die; chdir 'dddddddd' }", from)
            local before <const> = digest()
            shell.run("perl -e %s %s",
                "chdir $ARGV[0]; 1 while chdir 'dddddddd'; open F, '>', 'x' or die", from)
            assert.not_equal(before, digest())
        end)

        it("follows no symlink", function()
            shell.run("ln -s %s/secret %s/a/leak; echo x > %s/secret", dir, from, dir)
            local before <const> = digest()
            shell.run("echo y > %s/secret", dir)
            assert.equal(before, digest())
        end)

        it("fails where there is nothing", function()
            assert.equal("ENOENT", (code_of(tree.digest(from .. "/none"))))
        end)

        it("refuses options that it doesn't know, and a half of an owner", function()
            assert.error_matches(function() tree.digest(from, { owner = 1 }) end, "owner")
            assert.error_matches(function() tree.digest(from, { uid = 1 }) end, "go together")
        end)
    end)

    describe("copy", function()
        local function copy(options, target)
            options.digest = true
            return assert(tree.copy(from, target or dir .. "/to", options))
        end

        it("gives the digest of what it wrote, which is the source's", function()
            assert.equal(digest(), copy({}).digest)
            assert.equal(digest(), digest({}, dir .. "/to"))
        end)

        it("gives the digest that was asked for with the same options", function()
            for i, options in ipairs {
                { uid = 0, gid = 0 }, { mode = "0640" }, { exclude = { "a/b" } },
                { exclude_content = { "a" } }, { uid = 0, gid = 0, mode = "0600" },
            } do
                local expected <const> = digest(options)
                assert.equal(expected, copy(options, ("%s/to%d"):format(dir, i)).digest)
            end
        end)

        it("gives all of it another owner, without the rights of the one before", function()
            needs.root()
            shell.run("chmod 6755 %s/a/one; chmod 2755 %s/a; chown -R 7:8 %s", from, from, from)
            copy { uid = 33, gid = 34 }
            assert.equal("33 34 2755\n33 34 755\n33 34 777", shell.run(
                "cd %s; stat -c '%%u %%g %%a' a a/one a/link", dir .. "/to"))
        end)

        it("gives files a mode, and directories that of who may read them", function()
            copy { mode = "0640" }
            assert.equal("750\n750\n640\n640\n777", shell.run(
                "cd %s; stat -c %%a a empty a/one a/fifo a/link", dir .. "/to"))
        end)

        it("keeps no ACL of an owner or a mode that it doesn't keep", function()
            needs.root()
            needs.program("setfacl")
            local disk <const> = scratch.filesystem("ext4", "16M")
            shell.run("echo x > %s/f; setfacl -m u:1000:rwx %s/f", disk, disk)
            for i, options in ipairs { { uid = 0, gid = 0 }, { mode = "0644" } } do
                assert(tree.copy(disk .. "/f", ("%s/%d"):format(disk, i), options))
                assert.is_nil(shell.run("getfacl -c %s/" .. i, disk):match "1000")
            end
        end)

        it("gives everything one time", function()
            copy { time = 1000000000 }
            assert.equal("1000000000", shell.run(
                "cd %s; find . -printf '%%T@\\n' | sort -u | cut -d. -f1", dir .. "/to"))
        end)

        describe("merging", function()
            before_each(function()
                shell.run([[mkdir -p %s/to/a/b; cd %s/to; echo old > a/one; echo kept > a/kept
                    chmod 700 a; touch -d @5 a/b; chmod 711 .]], dir, dir)
            end)

            it("adds to what is there, and replaces files", function()
                copy { merge = true }
                assert.equal("one\nkept\ntwo", shell.run("cd %s; cat a/one a/kept a/b/two",
                    dir .. "/to"))
                assert.equal("2", shell.run("stat -c %%h %s/to/a/second", dir))
            end)

            it("leaves directories that are there as they are", function()
                copy { merge = true, mode = "0644", uid = 0, gid = 0 }
                assert.equal("700\n711\n755", shell.run("cd %s; stat -c %%a a . empty",
                    dir .. "/to"))
            end)

            it("gives the digest of the source", function()
                assert.equal(digest(), copy({ merge = true }).digest)
            end)

            it("goes through symlinks of the target, and not out of it", function()
                shell.run([[cd %s; mkdir outside root root/real; rm -r to
                    ln -s /real root/a; ln -s ../../outside root/empty; touch %s/empty/new]],
                    dir, from)
                local root <close> = assert(file.open_directory(dir .. "/root"))
                assert.equal("ENOENT",
                    (code_of(tree.copy(from, ".", { target_root = root, merge = true }))))
                shell.run("rm %s/root/empty", dir)
                assert(tree.copy(from, ".", { target_root = root, merge = true }))
                assert.equal("one", shell.run("cat %s/root/real/one", dir))
                assert.equal("two", shell.run("cat %s/root/real/b/two", dir))
                assert.equal("", shell.run("ls %s/outside", dir))
            end)

            it("follows no symlink that is in the place of a file", function()
                shell.run("cd %s; echo safe > victim; ln -sf ../../victim to/a/one", dir)
                copy { merge = true }
                assert.equal("safe", shell.run("cat %s/victim", dir))
                assert.equal("one", shell.run("cat %s/to/a/one", dir))
            end)

            it("refuses a file for a directory, and the other way round", function()
                shell.run("cd %s/to; rm a/one; mkdir a/one", dir)
                local code <const>, message <const> =
                    code_of(tree.copy(from, dir .. "/to", { merge = true }))
                assert.equal("EISDIR", code)
                assert.matches("/a/one: a directory is in its place", message)
                shell.run("cd %s/to; rmdir a/one; rm -r a/b; touch a/b", dir)
                code_of(tree.copy(from, dir .. "/to", { merge = true }))
                assert.equal("ENOTDIR",
                    (code_of(tree.copy(from, dir .. "/to", { merge = true }))))
            end)

            it("replaces a single file, and not a directory", function()
                assert(tree.copy(from .. "/a/b/two", dir .. "/to/a/one", { merge = true }))
                assert.equal("two", shell.run("cat %s/to/a/one", dir))
                assert.equal("EISDIR", (code_of(
                    tree.copy(from .. "/a/b/two", dir .. "/to/a", { merge = true }))))
            end)

            it("merges with the lower layers of an overlay, without hiding them", function()
                needs.root()
                local disk <const> = scratch.filesystem("ext4", "32M")
                shell.run([[cd %s; mkdir -p lower/usr/bin lower/a upper work; ln -s usr/bin lower/b
                    chmod 700 lower/a; chown 5:6 lower/a; touch lower/a/low; mkdir -p from/a from/b
                    touch from/a/new from/b/tool]], disk)
                local merged <close> = assert(core.overlay.mount {
                    lowers = { disk .. "/lower" }, upper = disk .. "/upper",
                    work = disk .. "/work", volatile = true,
                })
                assert(tree.copy(disk .. "/from", "/",
                    { target_root = merged, merge = true, uid = 0, gid = 0 }))
                assert.same({ "low", "new" }, (file.list("a", { root = merged })))
                assert.equal("5:6 700", shell.run("stat -c '%%u:%%g %%a' %s/upper/a", disk))
                assert.equal("file", file.stat("usr/bin/tool", { root = merged }).type)
                assert.equal("symlink", file.stat("b", { root = merged }).type)
                assert.is_nil(file.get_attribute(disk .. "/upper/a", "trusted.overlay.opaque"))
            end)
        end)
    end)
end)
