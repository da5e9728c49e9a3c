local certificates <const> = require "sdme.oci.certificates"
local core <const> = require "sdme.core"
local raised <const> = require "spec.support.raised"
local scratch <const> = require "spec.support.scratch"

local file <const> = core.file

describe("the certificates for a registry", function()
    local directory

    before_each(function()
        directory = scratch.directory()
    end)
    after_each(scratch.clean)

    local function write(path, content)
        assert(file.mkdir(directory .. "/" .. path:match "^(.*)/", { parents = true }))
        assert(file.write(directory .. "/" .. path, content or ""))
    end

    local function find(host)
        return certificates.find(host, { directory .. "/one", directory .. "/two" })
    end

    it("are none where there is no directory of its name", function()
        assert.same({}, find "example.org")
        write("one/example.org:5000/ca.crt", "A")
        assert.same({}, find "example.org")
        for _, host in ipairs { "..", ".", "", "a/../example.org:5000" } do
            assert.same({}, find(host))
        end
    end)

    it("are authorities, and what says who we are", function()
        write("one/example.org/b.crt", "B")
        write("one/example.org/a.crt", "A")
        write "one/example.org/README"
        assert.same({ authorities = "A\nB\n" }, find "example.org")
        write "one/example.org/client.cert"
        write "one/example.org/client.key"
        local path <const> = directory .. "/one/example.org/client."
        assert.same({ authorities = "A\nB\n", certificate = path .. "cert", key = path .. "key" },
            find "example.org")
    end)

    it("are those of the first directory that has some", function()
        write("two/example.org/ca.crt", "2")
        assert.same({ authorities = "2\n" }, find "example.org")
        write "one/example.org/README"
        assert.same({}, find "example.org")
    end)

    it("come in pairs", function()
        write "one/a/x.cert"
        write "one/b/x.key"
        assert.equal(directory .. "/one/a/x.cert: expected x.key beside it",
            raised(find, "a").message)
        assert.equal(directory .. "/one/b/x.key: expected x.cert beside it",
            raised(find, "b").message)
    end)
end)
