local core <const> = require "sdme.core"
local ignore <const> = require "sdme.recipe.ignore"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local file <const> = core.file

describe("sdme.recipe.ignore", function()
    local dir

    before_each(function()
        dir = scratch.directory()
        shell.run([[cd %s; mkdir -p a/b/deep build/x src/build; touch top.o .hidden.o a/one.o
            touch a/keep.o a/b/two.o a/b/deep/three.txt build/x/y src/build/z a/b/file.txt
            touch '#odd' '!loud' 'blank ' src/cache]], dir)
    end)
    after_each(scratch.clean)

    local function excluded(lines, above)
        local directory <close> = assert(file.open_directory(
            dir .. (above and "/" .. table.concat(above, "/") or "")))
        return ignore.excluded(ignore.parse(lines), directory, above)
    end

    local RULES <const> = {
        { "leaves out nothing by comments and blank lines", { "", "# top.o", "  " }, {} },
        { "finds a name at any depth", { "*.o" },
            { ".hidden.o", "a/b/two.o", "a/keep.o", "a/one.o", "top.o" } },
        { "finds a name only at the top after a slash", { "/*.o" }, { ".hidden.o", "top.o" } },
        { "counts from the top where a slash is within", { "a/*.o" }, { "a/keep.o", "a/one.o" } },
        { "takes a slash at the end for a directory", { "build/", "cache/" },
            { "build", "src/build" } },
        { "leaves out directories as a whole", { "/build", "b" }, { "a/b", "build" } },
        { "goes through any number of directories", { "a/**/*.txt" },
            { "a/b/deep/three.txt", "a/b/file.txt" } },
        { "takes all that is in a directory, and not that one", { "a/b/**" },
            { "a/b/deep", "a/b/file.txt", "a/b/two.o" } },
        { "lets the last rule decide", { "*.o", "!keep.o", "!/top.o", "top.o" },
            { ".hidden.o", "a/b/two.o", "a/one.o", "top.o" } },
        { "brings nothing back from what is left out as a whole", { "/a", "!a/keep.o" }, { "a" } },
        { "takes a backslash for what is special", { "\\#odd", "\\!loud", "blank\\ " },
            { "!loud", "#odd", "blank " } },
        { "drops blanks and carriage returns at the end", { "top.o  ", "src/cache\r" },
            { "src/cache", "top.o" } },
    }
    for _, one in ipairs(RULES) do
        it(one[1], function()
            local found <const> = excluded(one[2])
            table.sort(found)
            assert.same(one[3], found)
        end)
    end

    it("has its rules hold above the directory that is looked at", function()
        assert.same({ "one.o" }, excluded({ "/a/one.o", "/one.o" }, { "a" }))
    end)

    it("reads the file of a directory, which is left out itself", function()
        assert(file.write(dir .. "/.sdmeignore", "*.o\n!top.o\n/src", { sync = false }))
        local directory <close> = assert(file.open_directory(dir))
        local rules <const> = ignore.read(directory, { "build" })
        assert.is_true(ignore.leaves_out(rules, { ".sdmeignore" }, false))
        assert.is_true(ignore.leaves_out(rules, { "a", "one.o" }, false))
        assert.is_false(ignore.leaves_out(rules, { "top.o" }, false))
        assert.is_true(ignore.leaves_out(rules, { "src" }, true))
        assert.is_true(ignore.leaves_out(rules, { "x", "build" }, true))
    end)

    it("doesn't go where a symlink leads", function()
        shell.run("cd %s; ln -s /etc link", dir)
        for _, path in ipairs(excluded { "passwd" }) do
            assert.is_nil(path:match "^link/")
        end
    end)
end)
