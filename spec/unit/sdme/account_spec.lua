local account <const> = require "sdme.account"
local core <const> = require "sdme.core"
local raised <const> = require "spec.support.raised"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local PASSWD <const> = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/var/www:/bin/false\n"
    .. "bad:x:4294967295:0::/:\nodd:x:7:8\nbroken\n"
local GROUP <const> = "root:x:0:\nmail:x:8:web\n"

describe("accounts of a root directory", function()
    local root, path

    before_each(function()
        path = scratch.directory()
        shell.run("mkdir %s/etc", path)
        assert(core.file.write(path .. "/etc/passwd", PASSWD))
        assert(core.file.write(path .. "/etc/group", GROUP))
        root = assert(core.file.open_directory(path))
    end)
    after_each(function()
        root:close()
        scratch.clean()
    end)

    local function owner(text)
        return { account.owner(root, text) }
    end

    it("are found by name and number", function()
        assert.same({ 33, 34 }, owner "web")
        assert.same({ 33, 34 }, owner "33")
        assert.same({ 33, 8 }, owner "web:mail")
        assert.same({ 33, 77 }, owner "web:77")
        assert.same({ 1234, 0 }, owner "1234")
        assert.same({ name = "web", uid = 33, gid = 34, home = "/var/www" },
            account.find(root, "web"))
        assert.equal("/", account.find(root, "odd").home)
    end)

    it("that aren't there are named", function()
        for text, message in pairs {
            ["none"] = "there is no user 'none'", ["web:none"] = "there is no group 'none'",
            ["bad"] = "there is no user 'bad'", [":mail"] = "there is no user ''",
            ["4294967295"] = "there is no user '4294967295'",
        } do
            local why <const> = raised(account.owner, root, text)
            assert.same({ "ENOENT", message }, { why.code, why.message })
        end
    end)

    it("aren't read through links, pipes or what is too large", function()
        for _, make in ipairs { "ln -s /etc/passwd", "mkfifo", "truncate -s 2M" } do
            shell.run("cd %s/etc && rm -f passwd && " .. make .. " passwd", path)
            assert.equal("there is no user 'root'", raised(account.owner, root, "root").message)
        end
    end)
end)
