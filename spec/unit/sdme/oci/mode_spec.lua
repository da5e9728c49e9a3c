local mode <const> = require "sdme.oci.mode"

local function of(cmd, entrypoint, ports)
    return mode.of { cmd = cmd or {}, entrypoint = entrypoint or {}, ports = ports or {} }
end

describe("an image", function()
    it("whose command is a shell, however it is called, is a base", function()
        for _, command in ipairs { "bash", "/bin/bash", "/usr/bin/zsh", "sh", "/bin/ash" } do
            assert.equal("base", of { command })
        end
        assert.equal("base", of { "bash", "-l" })
        assert.equal("base", of { "/bin/sh", "-c", "bash" })
    end)

    it("without a command, which couldn't be run, is a base", function()
        assert.equal("base", of {})
        assert.equal("base", mode.of {})
    end)

    it("with another command is an application", function()
        for _, command in ipairs { "nginx", "/bin/bashful", "sh/../nginx", "", "/", "bash/" } do
            assert.equal("app", of { command })
        end
    end)

    it("with an entrypoint or ports is an application", function()
        assert.equal("app", of({ "bash" }, { "/entrypoint.sh" }))
        assert.equal("app", of({ "bash" }, {}, { { port = 80, protocol = "tcp" } }))
    end)
end)
