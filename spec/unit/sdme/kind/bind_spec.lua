local kind <const> = require "sdme.kind"
local refusal <const> = require "spec.support.refusal"

local reason <const> = refusal.reason
local complaint <const> = refusal.complaint

describe("sdme.kind.bind", function()
    local function bind(source, target, read_only)
        return { source = source, target = target, read_only = read_only }
    end

    it("is a path of the host and one of the container", function()
        assert.same(bind("/srv/a", "/b", false), kind.bind.parse "/srv//a/:/b")
        assert.same(bind("/a", "/b", true), kind.bind.parse "/a:/b:ro")
        assert.same(bind("/a", "/b", false), kind.bind.parse "/a:/b:rw")
    end)

    it("takes a colon after a backslash, as systemd-nspawn does", function()
        assert.same(bind("/a:b", "/c\\d", false), kind.bind.parse "/a\\:b:/c\\\\d")
        assert.equal("/a\\:b:/c\\\\d:ro", kind.bind.show(bind("/a:b", "/c\\d", true)))
        assert.equal("/a\\\\b:/c\\:d", kind.bind.show(bind("/a\\b", "/c:d", false)))
    end)

    it("says what exactly is wrong with another form", function()
        local wrong <const> = {
            [""] = '"" lacks the path in the container; expected HOST:CONTAINER[:ro]',
            ["/a"] = '"/a" lacks the path in the container; expected HOST:CONTAINER[:ro]',
            ["a:/b"] = '"a" is not an absolute path',
            ["/a:b"] = '"b" is not an absolute path',
            ["/a:"] = '"" is not an absolute path',
            ["/a:/b/../c"] = '"/b/../c" has ".." in it',
            ["/a:/b:rx"] = 'expected ro or rw as the last part, not "rx"',
            ["/a:/b:ro:x"] = '"/a:/b:ro:x" has too many parts; a colon in a path is written '
                .. '"\\:"',
            ["/a:/b\\"] = '"/a:/b\\" ends in a backslash',
        }
        for text, why in pairs(wrong) do
            assert.equal(why, reason(kind.bind, text))
        end
    end)

    it("leaves the container what its systemd needs", function()
        assert.equal("/ of the container can't be replaced", reason(kind.bind, "/a://"))
        assert.equal("/run of the container can't be replaced", reason(kind.bind, "/a:/run/"))
        for _, target in ipairs { "/proc", "/proc/sys", "/sys/fs/cgroup", "/dev", "/dev/x",
            "/run/systemd/x", "/run/host" } do
            assert.matches("which is the container's own", reason(kind.bind, "/a:" .. target))
        end
        for _, target in ipairs { "/process", "/run/systemd-x", "/run/user", "/srv/dev" } do
            assert.is_table(kind.bind.parse("/a:" .. target))
        end
    end)

    it("takes tables from Lua", function()
        assert.same(bind("/a", "/b", false), kind.bind.check { source = "/a", target = "/b/" })
        assert.same(bind("/a:b", "/b", true),
            kind.bind.check { source = "/a:b", target = "/b", read_only = true })
        assert.equal("a bind mount needs source and target",
            complaint(kind.bind, { source = "/a" }))
        assert.matches("there is no 'readonly'",
            complaint(kind.bind, { source = "/a", target = "/b", readonly = true }))
    end)
end)
