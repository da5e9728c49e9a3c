local raised <const> = require "spec.support.raised"
local reference <const> = require "sdme.oci.reference"

local HEX <const> = ("0123456789abcdef"):rep(4)
local SHA256 <const> = "sha256:" .. HEX

describe("the name of an image", function()
    local function canonical(name)
        return tostring(reference.parse(name))
    end

    it("has the registry, the tag and the library of Docker where it leaves them out", function()
        for name, whole in pairs {
            ["nginx"] = "docker.io/library/nginx:latest",
            ["docker.io/nginx"] = "docker.io/library/nginx:latest",
            ["index.docker.io/nginx:1"] = "docker.io/library/nginx:1",
            ["fiorix/sdme:1.0"] = "docker.io/fiorix/sdme:1.0",
            ["quay.io/fedora/fedora"] = "quay.io/fedora/fedora:latest",
            ["quay.io/busybox"] = "quay.io/busybox:latest",
            ["localhost/a"] = "localhost/a:latest",
            ["localhost:5000/a"] = "localhost:5000/a:latest",
            ["a:5000"] = "docker.io/library/a:5000",
            ["HOST/a"] = "HOST/a:latest",
            ["127.0.0.1:5000/a/b/c:t"] = "127.0.0.1:5000/a/b/c:t",
            ["[::1]:5000/a"] = "[::1]:5000/a:latest",
            ["[fe80::1]/a"] = "[fe80::1]/a:latest",
        } do
            assert.equal(whole, canonical(name))
            assert.equal(whole, canonical(whole))
        end
    end)

    it("comes apart", function()
        local parsed <const> = reference.parse("reg.example.org:443/a/b:v1@" .. SHA256)
        assert.equal("reg.example.org:443", parsed.registry)
        assert.equal("a/b", parsed.repository)
        assert.equal("v1", parsed.tag)
        assert.equal(SHA256, parsed.digest)
    end)

    it("has no tag where a digest says it all", function()
        local parsed <const> = reference.parse("nginx@" .. SHA256)
        assert.is_nil(parsed.tag)
        assert.equal("docker.io/library/nginx@" .. SHA256, tostring(parsed))
        assert.equal("sha512:" .. HEX .. HEX,
            reference.parse("nginx@sha512:" .. HEX .. HEX).digest)
    end)

    it("has single separators between letters and digits", function()
        for _, name in ipairs { "a.b", "a_b", "a__b", "a-b", "a----b", "a/b.c_d__e-f", "0/1" } do
            assert.equal(name, reference.parse("x.io/" .. name).repository)
        end
        for _, name in ipairs { "a..b", "a___b", "a._b", "-a", "a-", ".a", "a.", "a//b", "/a", "a/",
            "", "A", "a b", "a\nb", "ä", "..", "a/../b" } do
            local why <const> = raised(reference.parse, "x.io/" .. name)
            assert.equal("EINVAL", why.code, name)
        end
    end)

    it("is refused in one line that says what was expected", function()
        for name, expected in pairs {
            [""] = "expected the name of a repository",
            ["nginx:"] = "expected a tag",
            ["nginx:.a"] = "expected a tag",
            ["nginx:" .. ("a"):rep(129)] = "expected a tag of at most 128",
            ["nginx@"] = "expected a digest such as sha256:HEX",
            ["nginx@sha256:" .. HEX:upper()] = "expected a digest",
            ["nginx@sha256:" .. HEX .. "0"] = "expected a digest",
            ["nginx@md5:" .. HEX] = "expected a digest",
            ["nginx@" .. SHA256 .. "@" .. SHA256] = "expected a digest",
            ["-.x/a"] = "expected a host",
            ["x..y/a"] = "expected a host",
            ["x:65536/a"] = "expected a host",
            ["x:/a"] = "expected a host",
            ["[zz]:1/a"] = "expected a host",
            ["https://x.io/a"] = "expected a host",
            ["x.io/" .. ("a"):rep(256)] = "expected a repository of at most 255 bytes",
            [("a"):rep(1025)] = "expected at most 1024 bytes",
            [HEX] = "not the id of an image",
            ["a\27[31m"] = "^a\\x1b%[31m: expected",
        } do
            local why <const> = raised(reference.parse, name)
            assert.equal("EINVAL", why.code)
            assert.matches(expected, why.message)
            assert.is_nil(why.message:find "\n")
        end
    end)

    it("is told from the name of a file that isn't there", function()
        for _, name in ipairs { "nginx", "debian:12", "quay.io/a/b.tar", "a.tar:1", "a/b",
            "nginx@" .. SHA256, "localhost/x" } do
            assert.is_true(reference.looks_like(name), name)
        end
        for _, name in ipairs { "./nginx", "/nginx", "../a", ".", "", "root.tar", "root.tar.zst",
            "a/root.tgz", "disk.qcow2", "disk.raw", "disk.img", "A B", "https://x.io/a",
            "Makefile" } do
            assert.is_false(reference.looks_like(name), name)
        end
    end)
end)
