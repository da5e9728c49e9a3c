local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local scratch <const> = require "spec.support.scratch"
local selection <const> = require "sdme.recipe.selection"
local shell <const> = require "spec.support.shell"

local file <const> = core.file

describe("sdme.recipe.selection", function()
    local dir

    before_each(function()
        dir = scratch.directory()
        shell.run([[cd %s; mkdir -p site/css site/.git conf.d/sub; touch index.html 'odd[1].txt'
            touch site/a.html site/b.html site/css/c.css site/.git/config site/.hidden
            touch conf.d/x.conf conf.d/y.conf conf.d/sub/z.conf conf.d/.dot.conf
            ln -s site link; ln -s /etc conf.d/etc]], dir)
    end)
    after_each(scratch.clean)

    local function select(source, options)
        options = options or {}
        options.shown = source
        return selection.select(source:find "^/" and source or dir .. "/" .. source, options)
    end

    local function names(source, options)
        local list <const> = {}
        for i, item in ipairs(select(source, options).items) do
            list[i] = item.name or "-"
        end
        return list
    end

    local function refuses(source, code, message)
        local fine <const>, raised <const> = pcall(select, source)
        assert.is_false(fine)
        assert.is_true(fault.is(raised, code), tostring(raised))
        assert.matches(message, raised.message)
    end

    it("takes a file, or a directory itself", function()
        assert.same({ "index.html" }, names "index.html")
        assert.same({ "site" }, names "site")
        assert.is_false(select("site").several)
        assert.equal(dir .. "/site", select("site").items[1].path)
    end)

    it("takes what is in a directory, by a slash at the end", function()
        assert.same({ "-" }, names "site/")
        assert.equal(dir .. "/site", select("site/").items[1].path)
    end)

    it("takes a symlink as it is, unless a slash follows it", function()
        assert.equal(dir .. "/link", select("link").items[1].path)
        assert.equal(dir .. "/link/.", select("link/").items[1].path)
    end)

    it("takes what a pattern matches, under the names from there on", function()
        assert.same({ "x.conf", "y.conf" }, names "conf.d/*.conf")
        assert.same({ "conf.d/x.conf" }, names "*/x.conf")
        assert.is_true(select("conf.d/x*").several)
        assert.equal(dir .. "/conf.d/x.conf", select("conf.d/x*").items[1].path)
    end)

    it("finds at any depth by two stars, each file once", function()
        assert.same({ "sub/z.conf", "x.conf", "y.conf" }, (function()
            local found <const> = names "conf.d/**/*.conf"
            table.sort(found)
            return found
        end)())
        assert.same({ "etc", "sub", "x.conf", "y.conf" }, names "conf.d/**")
    end)

    it("matches a dot at the start only by a dot", function()
        assert.same({ "a.html", "b.html", "css" }, names "site/*")
        assert.same({ ".git", ".hidden" }, names "site/.*")
    end)

    it("doesn't look for matches behind a symlink", function()
        refuses("conf.d/*/passwd", "ENOENT", "nothing matches it")
        assert.same({ "etc", "sub" }, names "conf.d/[es]*")
    end)

    it("takes a name with brackets for what it is, if it is there", function()
        assert.same({ "odd[1].txt" }, names "odd[1].txt")
    end)

    it("leaves out what the directory's file, and the rules given, say", function()
        assert(file.write(dir .. "/site/.sdmeignore", ".git\n*.html\n!a.html\n", { sync = false }))
        local found <const> = select("site", { ignore = { "css/*" } }).items[1].exclude
        table.sort(found)
        assert.same({ ".git", ".sdmeignore", "b.html", "css/c.css" }, found)
        assert.same({ "a.html", "css" }, names "site/*")
        assert.same({ "c.css" }, (function()
            for _, item in ipairs(select("site/*", { ignore = { "css/c*" } }).items) do
                if item.name == "css" then
                    return item.exclude
                end
            end
        end)())
    end)

    it("stays in the root that it is given", function()
        shell.run("cd %s; ln -s /etc site/leak; ln -s / site/up", dir)
        local root <close> = assert(file.open_directory(dir .. "/site"))
        local options <const> = { root = root }
        assert.same({ "a.html" }, (function()
            options.shown = "x"
            local list <const> = {}
            for i, item in ipairs(selection.select("/up/../../a*", options).items) do
                list[i] = item.name
            end
            return list
        end)())
        assert.is_false((pcall(selection.select, "/leak/passwd", options)))
    end)

    it("says what is missing, and what is no directory", function()
        refuses("none", "ENOENT", "copy none: there is no such file or directory %(.*/none%)")
        refuses("*.none", "ENOENT", "copy %*%.none: nothing matches it")
        refuses("nowhere/*.x", "ENOENT", "nothing matches it")
        refuses("index.html/", "ENOTDIR", "copy index.html/: it is no directory")
        refuses("..", "EINVAL", "no name to be copied under")
    end)
end)
