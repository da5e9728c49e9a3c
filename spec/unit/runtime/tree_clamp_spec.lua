local core <const> = require "sdme.core"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

describe("tree.clamp", function()
    after_each(scratch.clean)

    it("gives what is newer a time, and nothing else", function()
        local path <const> = scratch.directory()
        shell.run([[cd %s && mkdir -p d/e && touch d/new && touch -d @100 d/old && ln -s / d/link &&
            touch -d @1000.5 d/half]], path)
        assert.equal(6, core.tree.clamp(path, 1000))
        assert.equal("100 ./d/old\n1000 .\n1000 ./d\n1000 ./d/e\n1000 ./d/half\n1000 ./d/link\n"
            .. "1000 ./d/new", shell.run("cd %s && find . -printf '%%T@ %%p\\n' |"
            .. " sed 's/\\.0*\\b / /' | sort", path))
        assert.equal(0, core.tree.clamp(path, 1000))
    end)

    it("says what isn't there", function()
        local changed <const>, message <const>, code <const> = core.tree.clamp("/absent", 0)
        assert.same({ "ENOENT" }, { code })
        assert.is_nil(changed)
        assert.matches("/absent", message)
    end)
end)

describe("stream.chunks", function()
    it("gives what is there, and at the end nothing", function()
        local from <const>, to <const> = core.stream.pipe()
        local chunks <close> = assert(core.stream.chunks(from))
        assert.is_false((chunks:step()))
        core.stream.writer(to, "one", { close = false }):step()
        assert.same({ true, "one" }, { chunks:step() })
        assert.is_false((chunks:step()))
        core.stream.writer(to, "two"):step()
        assert.same({ true, "two" }, { chunks:step() })
        assert.same({ true, "" }, { chunks:step() })
        chunks:close()
        assert.has_error(function() chunks:step() end)
    end)
end)
