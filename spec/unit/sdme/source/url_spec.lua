local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local digests <const> = require "sdme.digest"
local json <const> = require "sdme.json"
local raised <const> = require "spec.support.raised"
local scratch <const> = require "spec.support.scratch"
local store <const> = require "sdme.store"
local task <const> = require "sdme.task"
local url <const> = require "sdme.source.url"
local web <const> = require "spec.support.web"

local RETRY <const> = { attempts = 4, pause = 0.001, longest = 0.002 }

-- 300,000 bytes of which no two places look alike.
local CONTENT <const> = (function()
    local lines <const> = {}
    for i = 1, 30000 do
        lines[i] = ("%09d\n"):format(i)
    end
    return table.concat(lines)
end)()

-- Strings as arguments in Lua.
local function literals(strings)
    local quoted <const> = {}
    for i, value in ipairs(strings) do
        quoted[i] = ("%q"):format(value)
    end
    return table.concat(quoted, ", ")
end

-- What every script below begins with: the same bytes, and what sends a half of them.
local PRELUDE <const> = [[
    local lines = {}
    for i = 1, 30000 do
        lines[i] = ("%09d\n"):format(i)
    end
    local content = table.concat(lines)
    local function cut_at(size, ...)
        answer:head(200, "Content-Length: " .. #content, ...)
        answer:send(content:sub(1, size))
        answer:cut()
    end
]]

local function sha256(data)
    local digest <close> = core.digest.new "sha256"
    return "sha256:" .. digest:update(data):hex()
end

describe("a URL", function()
    before_each(function()
        config.select { datadir = scratch.directory() .. "/sdme" }
    end)

    after_each(function()
        for _, directory in ipairs { "staging", "locks" } do
            assert.same({}, (core.file.list(store.path(directory)) or {}))
        end
        config.select {}
        scratch.clean()
    end)

    local function serve(script, options)
        return web.serve(PRELUDE .. script, options)
    end

    local function download(server, options)
        options = options or {}
        options.retry = options.retry or RETRY
        return url.download(server.url .. "/image.tar?signature=x", options)
    end

    -- Downloads, and tells what came, whether it was in the cache, and what was asked for.
    local function get(server, options)
        local got <close> = download(server, options)
        local data <const> = assert(core.file.read(got.path, { max = 1 << 20 }))
        assert.equal(#data, got.size)
        assert.equal(sha256(data), "sha256:" .. digests.file(got.file))
        return data, got.cached
    end

    local function refuses(code, pattern, server, options)
        local why <const> = raised(download, server, options)
        assert.same({ code }, { why.code, not why.message:find(pattern) and why.message or nil })
        assert.not_matches("signature", why.message)
        assert.not_matches("\n", why.message)
    end

    local function ranges(server)
        local asked <const> = {}
        for i, request in ipairs(server:requests()) do
            asked[i] = request.headers.range or "all"
        end
        return asked
    end

    local function cache()
        return core.file.list(store.path("cache", "url")) or {}
    end

    it("is fetched", function()
        local server <const> = serve [[answer:whole(200, content)]]
        local data, cached = get(server)
        assert.is_true(data == CONTENT)
        assert.is_false(cached)
        assert.equal("0700", ("%04o"):format(core.file.stat(store.path("cache", "url")).mode))
    end)

    it("means https unless http is written out", function()
        assert.equal("https://example.com/x", url.normalize "example.com/x")
        assert.equal("http://example.com/x", url.normalize "http://example.com/x")
        assert.equal("HTTPS://example.com", url.normalize "HTTPS://example.com")
        for _, bad in ipairs { "file:///etc/passwd", "ftp://x/y" } do
            assert.equal("EUSAGE", raised(url.normalize, bad).code)
        end
        local server <const> = serve [[answer:whole(200, content)]]
        local why <const> = raised(url.download, "127.0.0.1:" .. server.port .. "/x",
            { retry = RETRY })
        assert.matches("^https://127", why.message)
        assert.same({}, server:requests())
    end)

    it("is as often as needed resumed where it was cut", function()
        local server <const> = serve [[
            if not request.headers.range then
                cut_at(100000, 'ETag: "one"')
            end
            local first = tonumber(request.headers.range:match "%d+")
            answer:head(206, 'ETag: "one"', "Content-Length: " .. #content - first,
                ("Content-Range: bytes %d-%d/%d"):format(first, #content - 1, #content))
            answer:send(content:sub(first + 1, first + 30000))
            answer:cut()]]
        assert.is_true(get(server) == CONTENT)
        assert.same({ "all", "bytes=100000-", "bytes=130000-", "bytes=160000-" },
            { table.unpack(ranges(server), 1, 4) })
        assert.equal('"one"', server:requests()[2].headers["if-range"])
        assert.equal(8, #server:requests())
    end)

    it("is resumed by a later command", function()
        local server <const> = serve [[cut_at(100000, 'ETag: "one"')]]
        refuses("ECONNRESET", "/image.tar%?.*200000 bytes", server, { retry = { attempts = 1 } })
        assert.equal(2, #cache())
        server:script(PRELUDE .. [[answer:range(request, content, 'ETag: "one"')]])
        local steps <const> = {}
        assert.is_true(get(server, {
            progress = function(done, total) steps[#steps + 1] = { done, total } end,
        }) == CONTENT)
        assert.same({ "all", "bytes=100000-" }, ranges(server))
        assert.same({ 100000, 300000 }, steps[1])
        assert.same({ 300000, 300000 }, steps[#steps])
        assert.equal(2, #cache())
    end)

    it("is resumed by its date if that is an old one", function()
        local server <const> = serve [[
            if request.headers["if-range"] then answer:range(request, content) end
            cut_at(100000, "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT",
                "Date: Sun, 06 Nov 1994 08:49:39 GMT")]]
        assert.is_true(get(server) == CONTENT)
        assert.equal("Sun, 06 Nov 1994 08:49:37 GMT", server:requests()[2].headers["if-range"])
    end)

    it("begins anew where nothing tells whether it is still the same", function()
        local changed <const> = "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"
        for _, headers in ipairs {
            {}, { 'ETag: W/"weak"' }, { changed },
            { changed, "Date: Sun, 06 Nov 1994 08:49:37 GMT" },
        } do
            local server <const> = serve(([[
                if request.number > 1 then answer:whole(200, content) end
                cut_at(100000, %s)]]):format(literals { "X: y", table.unpack(headers) }))
            assert.is_true(get(server) == CONTENT)
            assert.same({ "all", "all" }, ranges(server))
        end
    end)

    it("begins anew when it has changed in between", function()
        local server <const> = serve [[cut_at(100000, 'ETag: "one"')]]
        refuses("ECONNRESET", "", server, { retry = { attempts = 1 } })
        server:script [[answer:whole(200, "changed", 'ETag: "two"')]]
        assert.equal("changed", get(server))
        assert.equal('"one"', server:requests()[2].headers["if-range"])
        server:script [[answer:whole(304, "")]]
        assert.same({ "changed", true }, { get(server) })
        assert.equal('"two"', server:requests()[3].headers["if-none-match"])
    end)

    it("begins anew when the server doesn't know ranges", function()
        local server <const> = serve [[
            if request.number > 1 then answer:whole(200, content, 'ETag: "one"') end
            cut_at(100000, 'ETag: "one"')]]
        assert.is_true(get(server) == CONTENT)
        assert.same({ "all", "bytes=100000-" }, ranges(server))
    end)

    it("begins anew when the server doesn't have the rest", function()
        local server <const> = serve [[
            if request.number == 1 then cut_at(100000, 'ETag: "one"') end
            if request.headers.range then answer:whole(416, "no") end
            answer:whole(200, content)]]
        assert.is_true(get(server) == CONTENT)
        assert.same({ "all", "bytes=100000-", "all" }, ranges(server))
    end)

    it("that is always cut at the same place comes to an end", function()
        for _, etag in ipairs { 'ETag: "one"', "X: y" } do
            local server <const> = serve(([[
                if request.headers.range then
                    answer:head(206, "Content-Length: 200000",
                        "Content-Range: bytes 100000-299999/300000")
                    answer:cut()
                end
                cut_at(100000, '%s')]]):format(etag))
            refuses("ECONNRESET", "image.tar", server)
            assert.is_true(#server:requests() <= 6)
        end
    end)

    describe("that comes as the wrong part", function()
        local WRONG <const> = {
            { "bytes 5 to 299999, and was asked for", "Content-Range: bytes 5-299999/300000" },
            { "was asked for 100000 and on", "Content-Range: bytes 100000-99999/300000" },
            { "sends bytes 100000 to 299999 of 299999",
                "Content-Range: bytes 100000-299999/299999" },
            { "has 300001 bytes, and before that", "Content-Range: bytes 100000-300000/300001" },
            { "and says that they are 200000$", "Content-Range: bytes 100000-199999/300000" },
            { "doesn't say which", "Content-Range: bytes 100000-999999999999999999999/*" },
            { "doesn't say which", "Content-Range: pages 3-4/5" },
            { "doesn't say which", "Content-Type: multipart/byteranges; boundary=x" },
            { "part of something else", "Content-Range: bytes 100000-299999/300000",
                'ETag: "two"' },
        }

        for _, case in ipairs(WRONG) do
            local message <const>, headers <const> = case[1], { table.unpack(case, 2) }
            it("is refused, and begins anew the next time: " .. headers[1], function()
                local server <const> = serve(([[
                    if not request.headers.range then cut_at(100000, 'ETag: "one"') end
                    answer:whole(206, content:sub(100001), %s)]]):format(literals(headers)))
                refuses("EPROTO", message, server)
                assert.same({}, cache())
                server:script [[answer:whole(200, "whole")]]
                assert.equal("whole", get(server))
            end)
        end

        it("is refused where all was asked for", function()
            local server <const> = serve [[
                answer:whole(206, "x", "Content-Range: bytes 0-0/1")]]
            refuses("EPROTO", "sends a part, and was asked for all$", server)
            assert.same({}, cache())
        end)

        it("is fine if it is a beginning of the rest", function()
            local server <const> = serve [[
                if not request.headers.range then cut_at(100000, 'ETag: "one"') end
                local first = tonumber(request.headers.range:match "%d+")
                local last = math.min(first + 49999, #content - 1)
                answer:whole(206, content:sub(first + 1, last + 1),
                    ("Content-Range: bytes %d-%d/*"):format(first, last))]]
            assert.is_true(get(server) == CONTENT)
            assert.equal(5, #server:requests())
        end)
    end)

    it("isn't fetched again as long as it hasn't changed", function()
        for _, validator in ipairs { 'ETag: "one"', 'ETag: W/"one"',
            "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT" } do
            local server <const> = serve(([[
                if request.headers["if-none-match"] or request.headers["if-modified-since"] then
                    answer:whole(304, "")
                else
                    answer:whole(200, content, '%s')
                end]]):format(validator))
            assert.same({ false, true, true }, {
                select(2, get(server)), select(2, get(server)), (select(2, get(server))),
            })
            local asked <const> = server:requests()[2].headers
            assert.equal(validator:match ": (.*)",
                asked["if-none-match"] or asked["if-modified-since"])
        end
    end)

    it("replaces what has changed only once it is complete", function()
        local server <const> = serve [[answer:whole(200, "old", 'ETag: "old"')]]
        assert.equal("old", get(server))
        server:script(PRELUDE .. [[cut_at(100000, 'ETag: "new"')]])
        refuses("ECONNRESET", "", server, { retry = { attempts = 1 } })
        server:script [[answer:whole(304, "")]]
        assert.same({ "old", true }, { get(server) })
        server:script [[answer:whole(200, "new", 'ETag: "new"')]]
        assert.same({ "new", false }, { get(server) })
        assert.equal(2, #cache())
    end)

    it("is fetched again if the cache is damaged", function()
        local server <const> = serve [[
            answer:whole(request.headers["if-none-match"] and 304 or 200, content, 'ETag: "one"')]]
        for _, damage in ipairs {
            function(path) assert(core.file.write(path, "short")) end,
            function(path) assert(core.file.write(path .. ".json", "{")) end,
            function(path) assert(core.file.write(path .. ".json", "[]")) end,
            function(path) assert(core.file.remove(path)) end,
            function(path) assert(core.file.remove(path .. ".json")) end,
        } do
            get(server)
            damage(store.path("cache", "url", cache()[1]))
            local data <const>, cached <const> = get(server)
            assert.is_true(data == CONTENT)
            assert.is_false(cached)
        end
    end)

    it("leaves nothing where no cache is wanted", function()
        local server <const> = serve [[
            if request.headers.range then answer:range(request, content) end
            cut_at(100000, 'ETag: "one"')]]
        for _ = 1, 2 do
            assert.same({ CONTENT, false }, { get(server, { cache = false }) })
        end
        assert.same({ "all", "bytes=100000-", "all", "bytes=100000-" }, ranges(server))
        assert.same({}, cache())
    end)

    describe("with a digest", function()
        it("needs no server once it is there", function()
            local server <const> = serve [[answer:whole(200, content)]]
            local verify <const> = sha256(CONTENT)
            assert.same({ false }, { select(2, get(server, { verify = verify })) })
            assert.same({ true }, { select(2, get(server, { verify = verify:upper()
                :gsub("SHA", "sha") })) })
            assert.equal(1, #server:requests())
        end)

        it("is refused if it is something else, and isn't kept", function()
            local server <const> = serve [[
                local status = request.headers["if-none-match"] and 304 or 200
                answer:whole(status, content, 'ETag: "1"')]]
            refuses("EDIGEST", "its digest is sha256:%x+, not sha256:ba7816bf", server,
                { verify = sha256 "abc" })
            assert.same({}, cache())
            get(server)
            refuses("EDIGEST", "", server, { verify = sha256 "abc" })
            assert.same({}, cache())
        end)

        it("is not even asked for if that is none", function()
            local server <const> = serve [[answer:whole(200, content)]]
            for _, bad in ipairs { "sha256:abc", "md5:" .. ("a"):rep(32), ("a"):rep(64), "" } do
                refuses("EUSAGE", "is no digest such as sha256:HEX", server, { verify = bad })
            end
            assert.same({}, server:requests())
        end)
    end)

    describe("of a server that is busy", function()
        it("is asked for again", function()
            local server <const> = serve [[
                local statuses = { 503, 429, 500, 200 }
                answer:whole(statuses[request.number], "x", "Retry-After: 0")]]
            assert.equal("x", get(server))
        end)

        it("waits as long as it says, but not for ever", function()
            local server = serve [[
                answer:whole(request.number == 1 and 429 or 200, "x", "Retry-After: 1")]]
            local pauses <const> = {}
            assert.equal("x", get(server, { retry = {
                pause = 0.001, waiting = function(_, seconds) pauses[#pauses + 1] = seconds end,
            } }))
            assert.same({ 1 }, pauses)
            server = serve [[answer:whole(503, "x", "Retry-After: 86400")]]
            refuses("EBUSY", "answers 503 %(unavailable%), and asks to be left alone for 86400 s$",
                server)
        end)

        it("isn't pestered", function()
            local server = serve [[answer:whole(503, "x")]]
            refuses("EBUSY", "image.tar: the server answers 503 %(unavailable%)$", server)
            assert.equal(4, #server:requests())
            server = serve [[answer:whole(404, "x")]]
            refuses("ENOENT", "image.tar: the server answers 404 %(not found%)$", server)
            assert.equal(1, #server:requests())
            assert.same({}, cache())
        end)
    end)

    it("may be no larger than it is allowed to be", function()
        local server <const> = serve [[
            answer:head(200, "Transfer-Encoding: chunked", 'ETag: "one"')
            while true do answer:send("1000\r\n", ("x"):rep(4096), "\r\n") end]]
        refuses("EFBIG", "more than 1000000 bytes come$", server, { max_size = 1000000 })
        assert.same({}, cache())
        assert.equal(1, #server:requests())
    end)

    it("is given up where it stalls", function()
        local server <const> = serve [[
            answer:head(200, "Content-Length: 9") answer:send("x") answer:stall()]]
        local session <close> = core.fetch.session { stall_timeout = 1 }
        refuses("ETIMEDOUT", "image.tar", server, { session = session, retry = { attempts = 1 } })
    end)

    it("may lead elsewhere, but neither in circles nor into the file system", function()
        local server <const> = serve [[
            if request.target == "/there" then answer:whole(200, "there") end
            answer:whole(302, "", "Location: /there")]]
        assert.equal("there", get(server))
        refuses("ELOOP", "more than 10 redirects$",
            serve [[answer:whole(302, "", "Location: /")]])
        refuses("EPROTONOSUPPORT", "only http and https",
            serve [[answer:whole(302, "", "Location: file:///etc/passwd")]])
    end)

    it("is fetched once by two who want it", function()
        local server <const> = serve [[
            if request.headers["if-none-match"] then answer:whole(304, "") end
            answer:head(200, "Content-Length: " .. #content, 'ETag: "one"')
            answer:send(content:sub(1, 1000))
            os.execute "sleep 0.2"
            answer:send(content:sub(1001))]]
        local cached <const> = { task.all(function()
            return (select(2, get(server)))
        end, function()
            return (select(2, get(server)))
        end) }
        table.sort(cached, function(a) return not a end)
        assert.same({ false, true }, cached)
    end)

    it("is resumed after whoever fetched it was interrupted", function()
        local server <const> = serve [[
            if request.headers.range then answer:range(request, content) end
            answer:head(200, "Content-Length: " .. #content, 'ETag: "one"')
            answer:send(content:sub(1, 1000))
            answer:stall()]]
        local begun
        local group <const> = task.group(function()
            get(server, { progress = function(done) begun = done > 0 end })
        end)
        while not begun do
            group:step()
            core.poll.wait(task.entries(group))
        end
        group:interrupt "enough"
        assert.same({ false, "enough" }, { group[1].ok, tostring(group[1].result) })
        assert.is_true(get(server) == CONTENT)
        assert.same({ "all", "bytes=1000-" }, ranges(server))
    end)

    it("is listed in the cache without its secrets, and removed from there", function()
        local server <const> = serve [[answer:whole(200, content)]]
        server.url = server.url:gsub("//", "//me:secret@")
        get(server)
        local entries <const> = url.cached()
        assert.equal(1, #entries)
        assert.same({ ("http://127.0.0.1:%s/image.tar"):format(server.port), 300000, true },
            { entries[1].url, entries[1].size, entries[1].complete })
        local name <const> = entries[1].key .. ".json"
        assert.is_table(json.decode(core.file.read(store.path("cache", "url", name)), name))
        assert.equal(300000, url.clean())
        assert.same({}, cache())
        assert.same({}, url.cached())
    end)
end)
