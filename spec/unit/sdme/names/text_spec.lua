local text <const> = require "sdme.names.text"

local OWN <const> = "127.0.0.1 localhost\n127.0.1.1 web\n"

local function entry(address, name)
    return { address = address, name = name }
end

describe("sdme.names.text", function()
    it("puts a block behind what a file says, and takes it out again", function()
        local with <const> = text.with(OWN, { entry("10.0.0.2", "db"), entry("fd00::2", "db") })
        assert.equal(OWN .. "# sdme: kept current until the next such line\n10.0.0.2 db\n"
            .. "fd00::2 db\n# sdme: end\n", with)
        assert.is_true(text.has_block(with))
        assert.equal(OWN, text.own(with))
        assert.equal(OWN .. "::1 more\n", text.own(with .. "::1 more\n"))
    end)

    it("has no block where there is nothing to say", function()
        assert.equal(OWN, text.with(OWN, {}))
        assert.is_false(text.has_block(OWN))
        assert.equal("", text.with("", {}))
    end)

    it("leaves to a file what that names by itself", function()
        assert.equal(OWN, text.with(OWN, { entry("10.0.0.9", "web"), entry("::1", "localhost") }))
        local own <const> = "10.1.1.1\tDB.example db # not web\n"
        assert.equal(own, text.with(own, { entry("10.0.0.2", "db") }))
        assert.matches("\n10.0.0.2 web\n", text.with(own, { entry("10.0.0.2", "web") }))
    end)

    it("takes out what calls the host by its name, whatever else the line says", function()
        assert.equal(OWN, text.own(OWN .. "127.0.0.1 host.sdme.internal\n"))
        assert.equal(OWN, text.own("1.2.3.4 host.sdme.internal other\n" .. OWN))
        local own <const> = "1.2.3.4 xhost.sdme.internal hostxsdme.internal\n"
        assert.equal(own, text.own(own))
    end)

    it("takes a block without an end for one that goes on", function()
        local with <const> = text.with(OWN, { entry("10.0.0.2", "db") })
        assert.equal(OWN, text.own((with:gsub("# sdme: end\n", ""))))
        assert.equal("x\n", text.own("x"))
    end)
end)
