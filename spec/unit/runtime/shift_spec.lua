local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local file <const>, tree <const> = core.file, core.tree

local TO <const> = { to = 524288 }
local CAPABILITY <const> = "security.capability"

-- A revision 2 capability of cap_net_raw, and the revision 3 one for root 524288; capabilities(7).
local RAW_2 <const> = string.pack("<I4I4I4I4I4", 0x02000001, 1 << 13, 0, 0, 0)
local RAW_3 <const> = string.pack("<I4I4I4I4I4I4", 0x03000001, 1 << 13, 0, 0, 0, 524288)

local function code_of(...)
    local result, message, code = ...
    assert.is_nil(result)
    return code, message
end

local function owner(path)
    return shell.run("stat -c '%%a %%u %%g' %s", path)
end

describe("core.tree.shift", function()
    local disk

    before_each(function()
        needs.root()
        disk = scratch.filesystem("ext4", "64M")
    end)
    after_each(scratch.clean)

    it("adds an offset to the owners within the range, and to no others", function()
        shell.run([[mkdir -p %s; cd %s
            touch root user last beyond done; chown 1000:100 user; chown 65535:65535 last
            chown 65536:70000 beyond; chown 524288:589823 done
            ln -s root link; mkfifo fifo; mknod zero c 1 5
            mkdir -m 1777 tmp; mkdir -m 2755 group; chown 0:50 group]], disk .. "/x/sub",
                disk .. "/x")
        assert.equal(10, tree.shift(disk .. "/x", TO))
        assert.equal("755 524288 524288", owner(disk .. "/x"))
        assert.equal("644 524288 524288", owner(disk .. "/x/root"))
        assert.equal("644 525288 524388", owner(disk .. "/x/user"))
        assert.equal("644 589823 589823", owner(disk .. "/x/last"))
        assert.equal("644 65536 70000", owner(disk .. "/x/beyond"))
        assert.equal("644 524288 589823", owner(disk .. "/x/done"))
        assert.equal("777 524288 524288", owner(disk .. "/x/link"))
        assert.equal("644 524288 524288", owner(disk .. "/x/fifo"))
        assert.equal("1777 524288 524288", owner(disk .. "/x/tmp"))
        assert.equal("2755 524288 524338", owner(disk .. "/x/group"))
    end)

    it("keeps setuid and setgid bits and capabilities, which are then for the new root", function()
        needs.program "setfattr"
        shell.run("mkdir %s; cd %s; for f in su both raw; do cp /bin/true $f; done; chmod 4711 "
            .. "su; chown 5:6 both; chmod 6755 both",
            disk .. "/x", disk .. "/x")
        assert(file.set_attribute(disk .. "/x/raw", CAPABILITY, RAW_2))
        assert(file.set_attribute(disk .. "/x/both", CAPABILITY, RAW_2))
        assert(tree.shift(disk .. "/x", TO))
        assert.equal("4711 524288 524288", owner(disk .. "/x/su"))
        assert.equal("6755 524293 524294", owner(disk .. "/x/both"))
        assert.equal(RAW_3, file.get_attribute(disk .. "/x/raw", CAPABILITY))
        assert.equal(RAW_3, file.get_attribute(disk .. "/x/both", CAPABILITY))
        for _, name in ipairs { "su", "both", "raw" } do
            assert.same(name == "su" and {} or { CAPABILITY },
                (file.list_attributes(disk .. "/x/" .. name)))
        end
        assert(tree.shift(disk .. "/x", { from = 524288, to = 0 }))
        assert.equal("6755 5 6", owner(disk .. "/x/both"))
        assert.equal(RAW_2, file.get_attribute(disk .. "/x/both", CAPABILITY))
    end)

    it("shifts the users and groups in ACLs", function()
        needs.program("setfacl", "getfacl")
        shell.run("mkdir %s; cd %s; touch f; setfacl -m u:1000:rw,u:70000:r,g:50:r f; setfacl -d "
            .. "-m u:1001:rwx .",
            disk .. "/x", disk .. "/x")
        assert(tree.shift(disk .. "/x", TO))
        assert.equal("user:70000:r--\nuser:525288:rw-\ngroup:524338:r--",
            shell.run("getfacl -pnc %s | grep :.*[0-9]", disk .. "/x/f"))
        assert.equal("default:user:525289:rwx",
            shell.run("getfacl -pnc %s | grep :.*[0-9]", disk .. "/x"))
    end)

    it("changes nothing a second time", function()
        shell.run("mkdir -p %s; cd %s; cp /bin/true su; chmod 4755 su; setfattr -n user.x -v y "
            .. "su; setfacl -m u:1:r su || :",
            disk .. "/x/a", disk .. "/x/a")
        assert.equal(3, tree.shift(disk .. "/x", TO))
        assert(file.set_attribute(disk .. "/x/a/su", CAPABILITY, RAW_3))
        local before <const> = shell.run("find %s -printf '%%p %%C@\n'", disk .. "/x")
        assert.equal(0, tree.shift(disk .. "/x", TO))
        assert.equal(before, shell.run("find %s -printf '%%p %%C@\n'", disk .. "/x"))
    end)

    it("goes on where it was interrupted, also amid one file", function()
        shell.run("mkdir %s; cd %s; cp /bin/true before; cp /bin/true after; chown 524288:524288 "
            .. "after; chmod 755 before after",
            disk .. "/x", disk .. "/x")
        -- What it notes in a file before its owner changes: the mode, the capability and its size.
        local note <const> = string.pack("<I4I4c24", tonumber("4755", 8), 24, RAW_3)
        for _, name in ipairs { "before", "after" } do
            assert(file.set_attribute(disk .. "/x/" .. name, "trusted.sdme.shift", note))
        end
        assert.equal(3, tree.shift(disk .. "/x", TO))
        for _, name in ipairs { "before", "after" } do
            assert.equal("4755 524288 524288", owner(disk .. "/x/" .. name))
            assert.same({ CAPABILITY }, (file.list_attributes(disk .. "/x/" .. name)))
            assert.equal(RAW_3, file.get_attribute(disk .. "/x/" .. name, CAPABILITY))
        end
    end)

    it("gives every name of a setuid file the same result, in any number of threads", function()
        shell.run("mkdir %s; cd %s; for i in $(seq 30); do mkdir d$i; cp /bin/true d$i/su; chmod "
            .. "6755 d$i/su; for j in $(seq 30); do "
            .. "ln d$i/su d$i/$j; done; done", disk .. "/x", disk .. "/x")
        for i = 1, 30 do
            assert(file.set_attribute(disk .. "/x/d" .. i .. "/su", CAPABILITY, RAW_2))
        end
        assert(tree.shift(disk .. "/x", { to = 524288, threads = 8 }))
        for i = 1, 30 do
            local su <const> = disk .. "/x/d" .. i .. "/su"
            assert.equal("6755 524288 524288", owner(su))
            assert.equal(RAW_3, file.get_attribute(su, CAPABILITY))
            assert.same({ CAPABILITY }, (file.list_attributes(su)))
        end
    end)

    it("copies no data up in an overlay with metacopy", function()
        shell.run("cd %s; mkdir -p lower/bin upper work merged; head -c 8M /dev/urandom > "
            .. "lower/big; cp /bin/true lower/bin/su; "
            .. "chmod 4755 lower/bin/su; ln -s big lower/link; sync", disk)
        needs.that(shell.succeeds("cd %s; mount -t overlay -o "
            .. "metacopy=on,lowerdir=lower,upperdir=upper,workdir=work none merged",
            disk), "overlayfs with metacopy on ext4")
        scratch.finally(function() shell.run("umount -l %s", disk .. "/merged") end)
        assert.equal(5, tree.shift(disk .. "/merged", TO))
        assert.equal("4755 524288 524288", owner(disk .. "/merged/bin/su"))
        assert.equal("644 0 0", owner(disk .. "/lower/big"))
        assert.equal(shell.run("sha256sum < %s", disk .. "/lower/big"),
            shell.run("sha256sum < %s", disk .. "/merged/big"))
        assert.is_true(tree.measure(disk .. "/upper").allocated < 100 * 1024)
    end)

    it("leaves alone what is mounted, and what symlinks point to", function()
        shell.run("cd %s; mkdir -p x/mnt outside; touch outside/f x/f outside/bound; mount --bind "
            .. "outside x/mnt; "
            .. "mount --bind outside/bound x/f; ln -s ../outside x/link", disk)
        scratch.finally(function() shell.run("umount -l %s %s", disk .. "/x/mnt",
            disk .. "/x/f") end)
        assert(tree.shift(disk .. "/x", TO))
        for _, name in ipairs { "outside", "outside/f", "outside/bound" } do
            assert.matches(" 0 0$", owner(disk .. "/" .. name))
        end
    end)

    it("refuses what makes no sense", function()
        local code, message = code_of(tree.shift(disk, { from = 0, to = 1000 }))
        assert.equal("EINVAL", code)
        assert.equal("shift 65536 ids from 0 to 1000: the ranges overlap", message)
        assert.equal("EINVAL", code_of(tree.shift(disk, { to = 4294967295 - 65535 })))
        assert.equal("ENOENT", code_of(tree.shift(disk .. "/missing", TO)))
        assert.has_error(function() tree.shift(disk, { to = -1 }) end)
        assert.has_error(function() tree.shift(disk) end)
        assert.equal("755 0 0", owner(disk))
    end)

    it("names a file whose attribute is malformed", function()
        shell.run("mkdir %s; touch %s", disk .. "/x", disk .. "/x/f")
        assert(file.set_attribute(disk .. "/x/f", "trusted.sdme.shift", "short"))
        local code, message = code_of(tree.shift(disk .. "/x", TO))
        assert.equal("EBADMSG", code)
        assert.equal("shift " .. disk .. "/x/f: Bad message", message)
    end)

    it("takes no offence at files that come and go meanwhile", function()
        needs.root()
        local dir <const> = scratch.directory()
        for i = 1, 200 do
            assert(core.file.mkdir(("%s/%d"):format(dir, i)))
        end
        local busy <close> = assert(core.process.spawn {
            argv = { "sh", "-c", [[while :; do
                mkdir "$1/x" "$1/x/y" "$1/100/z"; touch "$1/x/f"; rm -r "$1/x" "$1/100/z"
            done]], "sh", dir },
            stderr = "null",
        })
        for i = 1, 60 do
            assert(core.tree.shift(dir, { to = (8 + i % 2) * 65536 }))
        end
        busy:kill "KILL"
    end)
end)
