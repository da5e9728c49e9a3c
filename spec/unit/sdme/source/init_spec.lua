local core <const> = require "sdme.core"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local source <const> = require "sdme.source"

describe("a source", function()
    after_each(scratch.clean)

    local function kind_of(content)
        local path <const> = scratch.directory() .. "/file"
        assert(core.file.write(path, content))
        local found <const> = source.open(path)
        local kind <const> = found.kind
        assert.equal(content, found.file:read "a")
        found:close()
        return kind
    end

    it("is known by its first bytes", function()
        for content, kind in pairs {
            ["QFI\xfb\0\0\0\3"] = "qcow2", ["\x1f\x8b\8"] = "archive", ["BZh91AY"] = "archive",
            ["\xfd7zXZ\0\0"] = "archive", ["\x28\xb5\x2f\xfd"] = "archive",
            ["\x04\x22\x4d\x18"] = "archive", [("\0"):rep(512)] = "disk", [""] = "disk",
            [("x"):rep(600)] = "disk",
        } do
            assert.equal(kind, kind_of(content))
        end
    end)

    it("is an archive in every format that tar writes", function()
        for _, format in ipairs { "v7", "ustar", "gnu", "posix" } do
            local path <const> = scratch.directory() .. "/a.tar"
            shell.run("tar --format=%s -cf %s /etc/hostname 2>/dev/null", format, path)
            local found <close> = source.open(path)
            assert.equal("archive", found.kind)
        end
    end)

    it("may be a directory, or a URL", function()
        assert.equal("directory", source.open(scratch.directory()).kind)
        assert.equal("remote", source.open("https://example.com/a.tar").kind)
    end)

    it("may be an image, where there is no such file", function()
        local found <const> = source.open "example.com/some/thing:v1"
        assert.same({ "registry", "example.com/some/thing:v1", "thing" },
            { found.kind, found.text, source.name(found.suggested) })
    end)

    it("may be an OCI layout, with a tag in it", function()
        local directory <const> = scratch.directory()
        assert(core.file.write(directory .. "/oci-layout", "{}"))
        assert.equal("layout", source.open(directory).kind)
        local tagged <const> = source.open(directory .. ":v1.2")
        assert.same({ "layout", "v1.2", directory }, { tagged.kind, tagged.tag, tagged.path })
    end)

    it("that isn't there, or is no file, is refused", function()
        assert.error_matches(function() source.open "/nowhere/at-all" end, "there is no /nowhere")
        assert.error_matches(function() source.open "/dev/null" end, "/dev/null is a ")
    end)

    it("suggests a name", function()
        for text, name in pairs {
            ["./debian.tar.zst"] = "debian", ["/srv/Debian 12/"] = "debian-12",
            ["https://example.com/x/noble-server-cloudimg-amd64.img?a=b#c"] =
                "noble-server-cloudimg-amd64",
            ["/"] = "rootfs", ["12.qcow2"] = "rootfs", ["a.b.tar"] = "a-b",
            ["disk.raw.xz"] = "disk", [("x"):rep(100) .. ".tar"] = ("x"):rep(64),
        } do
            assert.equal(name, source.name(text))
        end
    end)
end)
