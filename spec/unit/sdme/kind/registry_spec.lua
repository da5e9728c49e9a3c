local kind <const> = require "sdme.kind"
local refusal <const> = require "spec.support.refusal"

local reason <const> = refusal.reason
local complaint <const> = refusal.complaint

describe("sdme.kind.registry", function()
    describe("registry", function()
        it("is a host, perhaps with a port", function()
            for _, name in ipairs { "a.io", "localhost:5000", "[::1]:80", "127.0.0.1" } do
                assert.equal(name, kind.registry.parse(name))
            end
            for _, name in ipairs { "", "a.io/b", "https://a.io", "a:b", "a b" } do
                assert.matches("is not a registry such as", reason(kind.registry, name))
            end
        end)
    end)

    describe("mirrors", function()
        local MIRRORS <const> = { ["docker.io"] = { "https://a.io", "http://b:5000/prefix" },
            ["quay.io"] = { "https://[::1]:5000" } }

        it("are lists by registry, in text and in Lua", function()
            local text <const> = "docker.io=https://a.io,docker.io=http://b:5000/prefix,"
                .. "quay.io=https://[::1]:5000"
            assert.same(MIRRORS, kind.mirrors.parse(text))
            assert.equal(text, kind.mirrors.show(MIRRORS))
            assert.same(MIRRORS, kind.mirrors.check(MIRRORS))
            assert.same(MIRRORS, kind.mirrors.check(text))
            assert.same({ a = { "https://b" } }, kind.mirrors.check { a = "https://b" })
            assert.same({}, kind.mirrors.parse "")
        end)

        it("say what is wrong", function()
            local not_url <const> = '"%s" is not a URL such as https://mirror.example'
            assert.equal(not_url:format "b", reason(kind.mirrors, "a=b"))
            assert.equal(not_url:format "nil", reason(kind.mirrors, "a"))
            for _, url in ipairs { "ftp://b", "https://", "https://me:x@b", "https://b?c",
                "https://b/\n", "https://b/#" } do
                assert.matches("is not a URL", reason(kind.mirrors, "a=" .. url))
                assert.matches("is not a URL", complaint(kind.mirrors, { a = { url } }))
            end
            assert.equal('"a/b" is not a registry', reason(kind.mirrors, "a/b=https://c"))
            assert.equal('"1" is not a registry', complaint(kind.mirrors, { "https://c" }))
            assert.equal("expected a table of registries, not a number", complaint(kind.mirrors, 3))
            assert.matches("is not a URL", complaint(kind.mirrors, { a = { 3 } }))
        end)
    end)
end)
