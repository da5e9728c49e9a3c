local core <const> = require "sdme.core"
local program <const> = require "spec.support.program"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"
local wait <const> = require "spec.support.wait"
local web <const> = require "spec.support.web"

local fetch <const> = core.fetch

local await <const> = task.await

local function count(directory)
    return #core.file.list("/proc/self/" .. directory)
end

describe("core.fetch", function()
    local session, descriptors

    local function open(stall_timeout)
        session = assert(fetch.session { stall_timeout = stall_timeout, connect_timeout = 30 })
    end

    before_each(function()
        descriptors = count "fd"
        open(30)
    end)

    after_each(function()
        session:close()
        scratch.clean()
        collectgarbage()
        assert.equal(descriptors, count "fd")
        wait.alone()
    end)

    local function request(server, options)
        options = options or {}
        options.url = server.url .. (options.url or "/")
        if options.insecure_http == nil then
            options.insecure_http = true
        end
        return assert(session:request(options))
    end

    local function get(server, options)
        local one <close> = request(server, options)
        return await(one)
    end

    local function read(path)
        return assert(core.file.read(path, { max = 64 << 20 }))
    end

    local function fails(code, pattern, answer, message, found)
        assert.is_nil(answer)
        assert.same({ code }, { found, not message:find(pattern) and message or nil })
    end

    it("gets what is asked for", function()
        local server <const> = web.serve [[answer:whole(200, "hello", "X-One: 1")]]
        local answer <const> = assert(get(server, { url = "/path?a=b", headers = { A = "b" } }))
        assert.equal("hello", answer.body)
        assert.same({ 200, 5, "1.1", server.url .. "/path?a=b" },
            { answer.status, answer.received, answer.http_version, answer.url })
        assert.same({ ["content-length"] = "5", ["x-one"] = "1" }, answer.headers)
        local asked <const> = server:requests()[1]
        assert.same({ "GET", "/path?a=b", "b" }, { asked.method, asked.target, asked.headers.a })
        assert.equal("sdme/" .. core.version, asked.headers["user-agent"])
        assert.is_nil(asked.headers["accept-encoding"])
    end)

    it("tells all values of a header, and neither those before the answer nor after it", function()
        local server <const> = web.serve [[
            answer:head(103, "Link: early")
            answer:head(200, "Link: a", "LINK: b", "link: c", "Transfer-Encoding: chunked")
            answer:send("3\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n")]]
        local answer <const> = assert(get(server))
        assert.equal("abcde", answer.body)
        assert.same({ link = { "a", "b", "c" }, ["transfer-encoding"] = "chunked" },
            answer.headers)
    end)

    it("keeps a connection for the next request", function()
        local server <const> = web.serve [[answer:whole(200, tostring(request.turn))]]
        for turn = 1, 3 do
            assert.equal(tostring(turn), assert(get(server)).body)
        end
    end)

    it("has many requests go on side by side", function()
        local server <const> = web.serve [[answer:whole(200, request.target:rep(5000))]]
        local bodies <const> = {}
        for i = 1, 20 do
            bodies[i] = function() return assert(get(server, { url = "/" .. i })).body end
        end
        for i, body in ipairs { task.all(table.unpack(bodies)) } do
            assert.equal(("/" .. i):rep(5000), body)
        end
    end)

    it("has nothing to wait for where another request's step has brought the end", function()
        local server <const> = web.serve [[answer:whole(200, request.target)]]
        local early <close> = request(server, { url = "/early" })
        local late <close> = request(server, { url = "/late", hold = true })
        local refused <close> = request({ url = "http://127.0.0.1:1" }, { url = "" })
        local head <const> = late:head()
        wait.until_true("all have ended", function()
            request(server, { url = "/other" }):step()
            return select(3, early:poll()) == 0 and select(3, head:poll()) == 0
                and select(3, refused:poll()) == 0 and not early:poll() and not head:poll()
        end)
        assert.equal("/early", select(2, early:step()).body)
        assert.equal(200, select(2, head:step()).status)
        assert.equal("ECONNREFUSED", select(4, refused:step()))
    end)

    describe("what it sends", function()
        local ECHO <const> = [[answer:whole(201, request.method .. " " .. request.body)]]

        it("is a string", function()
            local server <const> = web.serve(ECHO)
            for _, method in ipairs { "POST", "PUT", "PATCH" } do
                local text <const> = ("x"):rep(70000) .. "\0" .. method
                local answer <const> = assert(get(server, { method = method, body = text }))
                assert.same({ 201, method .. " " .. text }, { answer.status, answer.body })
            end
            assert.equal("POST ", assert(get(server, { method = "POST" })).body)
            assert.equal("0", server:requests()[4].headers["content-length"])
        end)

        it("is a file from where it is", function()
            local server <const> = web.serve(ECHO)
            local path <const> = scratch.directory() .. "/body"
            assert(core.file.write(path, "--" .. ("y"):rep(100000)))
            local file <close> = assert(io.open(path, "rb"))
            file:setvbuf "no"
            file:seek("set", 2)
            local answer <const> = assert(get(server, { method = "PUT", body = file }))
            assert.equal("PUT " .. ("y"):rep(100000), answer.body)
        end)

        it("is a pipe, as it comes", function()
            local server <const> = web.serve(ECHO)
            local from <const>, to <const> = core.stream.pipe()
            local answer <const> = task.all(function()
                return assert(get(server, { method = "POST", body = from }))
            end, function()
                for _ = 1, 3 do
                    task.sleep(0.02)
                    await(core.stream.writer(to, ("z"):rep(50000), { close = false }))
                end
                to:close()
            end)
            assert.equal("POST " .. ("z"):rep(150000), answer.body)
            assert.equal("chunked", server:requests()[1].headers["transfer-encoding"])
        end)

        it("can't be more headers than there are", function()
            local server <const> = web.serve(ECHO)
            for name, value in pairs { A = "b\r\nEvil: 1", B = "b\nEvil: 1", ["A\r\nE"] = "b",
                ["A b"] = "c", [""] = "x" } do
                fails("EINVAL", "^no header of HTTP: ", session:request {
                    url = server.url, insecure_http = true, headers = { [name] = value },
                })
            end
            fails("EINVAL", "a URL can't be read", session:request {
                url = server.url .. "/a\r\nEvil: 1", insecure_http = true,
            })
            assert(get(server, { headers = { Empty = "" } }))
            assert.equal("", server:requests()[1].headers.empty)
            assert.equal(1, #server:requests())
        end)

        it("has a user and password, of the URL too, which no message tells", function()
            local server <const> = web.serve [[answer:whole(200, request.headers.authorization)]]
            assert.equal("Basic bWU6cyBlY3JldA==",
                assert(get(server, { user = "me", password = "s ecret" })).body)
            server.url = server.url:gsub("//", "//me:s%%20ecret@")
            local answer <const> = assert(get(server))
            assert.equal("Basic bWU6cyBlY3JldA==", answer.body)
            assert.not_matches("cret", answer.url)
            server:script "answer:cut()"
            local _, message <const> = get(server, { url = "/?signature=1" })
            assert.not_matches("cret", message)
            assert.matches("^http://127.0.0.1:%d+/%?%.%.%.: ", message)
        end)
    end)

    describe("an output", function()
        local path, file

        before_each(function()
            path = scratch.directory() .. "/output"
            file = assert(io.open(path, "w+b"))
            descriptors = descriptors + 1
        end)

        after_each(function()
            file:close()
            descriptors = descriptors - 1
        end)

        it("gets the body of a 200, and nothing else", function()
            local server <const> = web.serve [[
                answer:whole(tonumber(request.target:sub(2)), "body")]]
            for _, status in ipairs { 206, 201, 404, 500, 302 } do
                local answer <const> = assert(get(server, { url = "/" .. status, output = file }))
                assert.same({ status, "body", "" }, { answer.status, answer.body, read(path) })
            end
            local answer <const> = assert(get(server, { url = "/200", output = file }))
            assert.same({ "", 4, "body" }, { answer.body, answer.received, read(path) })
        end)

        it("may be a pipe, and a full one has the transfer wait", function()
            local server <const> = web.serve [[
                answer:whole(200, ("0123456789abcdef"):rep(65536 * 4))]]
            local from <const>, to <const> = core.stream.pipe()
            local one <close> = request(server, { output = to })
            to:close()
            wait.until_true("the transfer begins", function()
                assert.is_false((one:step()))
                return one:progress() > 0
            end)
            for _ = 1, 50 do
                assert.is_false((one:step()))
                core.poll.wait({}, 0.005)
            end
            local received <const>, total <const> = one:progress()
            assert.equal(4 << 20, total)
            assert.is_true(received > 0 and received < 1 << 20)
            local got <const>, answer <const> = task.all(function()
                return await(core.stream.reader(from))
            end, function()
                local result <const> = assert(await(one))
                one:close()
                return result
            end)
            assert.equal(4 << 20, answer.received)
            assert.is_true(got == ("0123456789abcdef"):rep(65536 * 4))
        end)

        it("that is full for long is no stall", function()
            session:close()
            session = assert(fetch.session { stall_timeout = 1 })
            local server <const> = web.serve [[answer:whole(200, ("x"):rep(1000000))]]
            local from <const>, to <const> = core.stream.pipe()
            local one <close> = request(server, { output = to })
            to:close()
            local got <const>, answer <const> = task.all(function()
                task.sleep(2.5)
                return await(core.stream.reader(from))
            end, function()
                local result <const> = assert(await(one))
                one:close()
                return result
            end)
            assert.same({ 1000000, 1000000 }, { #got, answer.received })
        end)

        it("gets no byte that it has already, where all come again", function()
            local server <const> = web.serve [[answer:whole(200, "0123456789")]]
            for skip, rest in pairs { [0] = "0123456789", [4] = "456789", [9] = "9", [10] = "" } do
                local from <const>, to <const> = core.stream.pipe()
                local one <close> = request(server, { output = to, hold = true,
                    max_size = 10 - skip })
                to:close()
                assert(await(one:head()))
                assert.is_true(one:accept(nil, skip))
                assert.equal(10, assert(await(one)).received)
                one:close()
                assert.equal(rest, await(core.stream.reader(from)))
            end
            local one <close> = request(server, { output = file, hold = true, max_size = 5 })
            assert(await(one:head()))
            one:accept(nil, 4)
            fails("EFBIG", "more than 5 bytes", await(one))
        end)

        it("says how much it got of what was cut", function()
            local server <const> = web.serve [[
                answer:head(200, "Content-Length: 1000000")
                answer:send(("x"):rep(300000))
                answer:cut()]]
            local from <const>, to <const> = core.stream.pipe()
            local one <close> = request(server, { output = to })
            to:close()
            local got <const>, written <const> = task.all(function()
                return await(core.stream.reader(from))
            end, function()
                local _, _, code <const>, written <const> = await(one)
                assert.equal("ECONNRESET", code)
                return written
            end)
            assert.is_true(written > 0 and written <= 300000)
            assert.equal(#got, written)
        end)

        it("that nobody reads any more ends the request", function()
            local server <const> = web.serve [[answer:whole(200, ("x"):rep(1000000))]]
            local from <const>, to <const> = core.stream.pipe()
            from:close()
            fails("EPIPE", "^write what comes from http.*: Broken pipe$",
                get(server, { output = to }))
        end)

        it("waits for whoever looks at the head first", function()
            local server <const> = web.serve [[
                answer:whole(206, "defgh", "Content-Range: bytes 3-7/8")]]
            file:write "abcXXXXX"
            file:flush()
            local one <close> = request(server, { output = file, hold = true })
            local head <const> = assert(await(one:head()))
            assert.same({ 206, "bytes 3-7/8" }, { head.status, head.headers["content-range"] })
            assert.error_matches(function() one:step() end, "the body is held")
            assert.equal("abcXXXXX", read(path))
            assert.is_true(one:accept(3))
            assert.error_matches(function() one:accept() end, "no body is held")
            assert.equal(5, assert(await(one)).received)
            assert.equal("abcdefgh", read(path))
        end)

        it("stays as it is when the head is refused", function()
            local server <const> = web.serve [[answer:whole(200, ("x"):rep(1000000))]]
            do
                local one <close> = request(server, { output = file, hold = true })
                assert(await(one:head()))
            end
            assert.equal("", read(path))
        end)

        it("has held bodies that are empty, or go to memory", function()
            local server <const> = web.serve [[answer:whole(200, request.target:sub(2))]]
            for _, body in ipairs { "", "abc" } do
                local one <close> = request(server, { url = "/" .. body, hold = true })
                assert(await(one:head()))
                assert.is_true(one:accept())
                assert.equal(body, assert(await(one)).body)
            end
        end)

        it("has a limit that counts from its beginning", function()
            local server <const> = web.serve [[
                answer:head(206, "Connection: close")
                answer:send(("x"):rep(10))]]
            server:script [[answer:head(206, "Transfer-Encoding: chunked")
                answer:send("a\r\n0123456789\r\n0\r\n\r\n")]]
            for limit = 99, 100 do
                local one <close> = request(server, { output = file, hold = true,
                    max_size = limit })
                assert(await(one:head()))
                one:accept(90)
                local answer <const>, _, code <const> = await(one)
                assert.equal(limit == 99 and "EFBIG" or nil, code)
                assert.equal(limit == 100, answer ~= nil)
            end
        end)

        it("may be on a full disk", function()
            local server <const> = web.serve [[answer:whole(200, ("x"):rep(100000))]]
            local full <close> = assert(io.open("/dev/full", "wb"))
            fails("ENOSPC", "^write what comes from http.*: No space left on device$",
                get(server, { output = full }))
        end)
    end)

    describe("a bad server", function()
        it("cuts a body", function()
            local server <const> = web.serve [[
                answer:head(200, "Content-Length: 100")
                answer:send("half")
                answer:cut()]]
            fails("ECONNRESET", "^http://127.0.0.1:%d+/: .*96 bytes", get(server))
            server:script [[
                answer:head(200, "Transfer-Encoding: chunked")
                answer:send("4\r\nhalf\r\n")
                answer:cut()]]
            fails("ECONNRESET", "^http://", get(server))
        end)

        it("cuts what it is sent", function()
            local text <const> = ("x"):rep(20 << 20)
            for _, tls in ipairs { false, true } do
                local server <const> = web.serve("answer:cut()", { tls = tls })
                session:close()
                session = assert(fetch.session { ca_file = server.ca_file })
                fails("ECONNRESET", "^http", get(server,
                    { method = "PUT", body = text, headers = { Unread = "1" } }))
            end
        end)

        it("says nothing, or nothing of HTTP", function()
            local server <const> = web.serve [[answer:cut()]]
            fails("ECONNRESET", "Empty reply", get(server))
            server:script [[answer:send("220 smtp ready\r\n") answer:cut()]]
            fails("EPROTO", "^http://", get(server))
            server:script [[answer:send("HTTP/1.1 200 OK\r\nA\0B: c\r\n\r\n") answer:cut()]]
            fails("EPROTO", "^http://", get(server))
        end)

        it("sends without end", function()
            local server <const> = web.serve [[
                answer:head(200, "Transfer-Encoding: chunked")
                while true do answer:send("1000\r\n", ("x"):rep(4096), "\r\n") end]]
            fails("EFBIG", "more than 100000 bytes come$", get(server, { max_size = 100000 }))
            local null <close> = assert(io.open("/dev/null", "wb"))
            fails("EFBIG", "more than 100000 bytes come$",
                get(server, { max_size = 100000, output = null }))
        end)

        it("says that it sends more than it may, and is not heard out", function()
            local server <const> = web.serve [[
                answer:head(200, "Content-Length: 5000000")
                answer:send("x")
                answer:stall()]]
            fails("EFBIG", "more than 4999999 bytes come$", get(server, { max_size = 4999999 }))
        end)

        it("explains errors without end", function()
            local server <const> = web.serve [[
                answer:head(404, "Transfer-Encoding: chunked")
                while true do answer:send("1000\r\n", ("x"):rep(4096), "\r\n") end]]
            local answer <const> = assert(get(server))
            assert.same({ 404, 65536 }, { answer.status, #answer.body })
        end)

        it("stalls, or drips", function()
            session:close()
            open(1)
            local server <const> = web.serve [[answer:head(200, "Content-Length: 9")
                answer:send("x") answer:stall()]]
            fails("ETIMEDOUT", "100 bytes/sec", get(server))
            server:script [[
                answer:send("HTTP/1.1 200 OK\r\n")
                while true do answer:send("A: b\r\n") os.execute "sleep 0.2" end]]
            fails("ETIMEDOUT", "100 bytes/sec", get(server))
        end)

        it("has headers without end, in number or in length", function()
            local server <const> = web.serve [[
                answer:send("HTTP/1.1 200 OK\r\n")
                while true do answer:send(("A: b\r\n"):rep(1000)) end]]
            fails("EPROTO", "more than 131072 bytes of headers come$", get(server))
            server:script [[
                answer:send("HTTP/1.1 200 OK\r\nA: ")
                while true do answer:send(("b"):rep(4096)) end]]
            local answer <const>, message <const>, code <const> = get(server)
            assert.is_nil(answer)
            assert.is_true(code == "EPROTO" or code == "ENOMEM", message)
        end)

        it("isn't there", function()
            local socket <close>, port <const> = assert(core.port.listen("tcp", "127.0.0.1", 0))
            socket:close()
            fails("ECONNREFUSED", "^http://127", get { url = "http://127.0.0.1:" .. port })
        end)
    end)

    describe("a redirect", function()
        local SECRETS <const> = { Authorization = "Bearer x", Cookie = "y", Accept = "z" }

        -- A server whose answer to "/" leads to a place.
        local function leads_to(place, status)
            return web.serve(([[
                if request.target == "/" then
                    answer:whole(%d, "moved", "Location: %s")
                else
                    answer:whole(200, request.method .. " " .. request.body)
                end]]):format(status or 302, place))
        end

        it("is an answer like others unless it is to be followed", function()
            local server <const> = leads_to "/there"
            local answer <const> = assert(get(server))
            assert.same({ 302, "moved", "/there" },
                { answer.status, answer.body, answer.headers.location })
            answer.body = nil
            local followed <const> = assert(get(server, { follow = 1 }))
            assert.same({ 200, "GET ", server.url .. "/there" },
                { followed.status, followed.body, followed.url })
        end)

        it("goes in circles only as often as it may", function()
            local server <const> = leads_to "/"
            fails("ELOOP", "^http.*: more than 5 redirects$", get(server, { follow = 5 }))
            assert.equal(6, #server:requests())
        end)

        it("keeps the method and the body where HTTP says so", function()
            local expected <const> = {
                [301] = "GET ", [302] = "GET ", [303] = "GET ", [307] = "POST b", [308] = "POST b",
            }
            for status, body in pairs(expected) do
                local server <const> = leads_to("/there", status)
                local answer <const> = assert(get(server,
                    { method = "POST", body = "b", follow = 1 }))
                assert.equal(body, answer.body)
            end
            local server <const> = leads_to("/there", 301)
            assert.equal("PUT b",
                assert(get(server, { method = "PUT", body = "b", follow = 1 })).body)
        end)

        it("doesn't send a second time what can't be", function()
            local server <const> = leads_to("/there", 307)
            local from <const>, to <const> = core.stream.pipe()
            await(core.stream.writer(to, "once"))
            fails("ESPIPE", "can't be sent a second time$",
                get(server, { method = "POST", body = from, follow = 1 }))
        end)

        it("to where it was keeps the credentials", function()
            local server <const> = leads_to "/there"
            assert(get(server, { headers = SECRETS, follow = 1 }))
            assert(get(server, { user = "a", password = "b", follow = 1 }))
            local asked <const> = server:requests()
            assert.same({ "Bearer x", "y", "z" }, { asked[2].headers.authorization,
                asked[2].headers.cookie, asked[2].headers.accept })
            assert.equal("Basic YTpi", asked[4].headers.authorization)
        end)

        it("to elsewhere takes no credentials along, nor back", function()
            local home <const> = leads_to "-"
            local away <const> = leads_to(home.url .. "/home")
            home:script(([[
                if request.target == "/home" then answer:whole(200, "home")
                else answer:whole(302, "", "Location: %s/") end]]):format(
                away.url:gsub("//", "//evil:word@")))
            assert.equal("home", assert(get(home, { headers = SECRETS, follow = 2 })).body)
            assert(get(home, { user = "a", password = "b", follow = 2 }))
            local at_home <const> = home:requests()
            for _, asked in ipairs(away:requests()) do
                at_home[#at_home + 1] = asked
            end
            assert.equal(6, #at_home)
            local secrets = 0
            for i, asked in ipairs(at_home) do
                local has <const> = asked.headers.authorization or asked.headers.cookie
                assert.equal(i == 1 or i == 3, has ~= nil, i)
                secrets = secrets + (has and 1 or 0)
            end
            assert.equal(2, secrets)
        end)

        it("to what isn't the web is refused", function()
            for _, place in ipairs { "file:///etc/passwd", "gopher://127.0.0.1/", "ftp://x/y" } do
                fails("EPROTONOSUPPORT", "redirects: .*only http and https",
                    get(leads_to(place), { follow = 3 }))
            end
            fails("EINVAL", "redirects: a URL can't be read",
                get(leads_to "http://[::bad/", { follow = 3 }))
        end)

        it("may have a body without end", function()
            local server <const> = web.serve [[
                if request.target ~= "/" then answer:whole(200, "there") end
                answer:head(302, "Location: /there", "Transfer-Encoding: chunked")
                while true do answer:send("1000\r\n", ("x"):rep(4096), "\r\n") end]]
            assert.equal("there", assert(get(server, { follow = 1 })).body)
        end)
    end)

    describe("over TLS", function()
        local function trusting(server)
            session:close()
            session = assert(fetch.session { ca_file = server.ca_file })
        end

        it("trusts nobody who isn't vouched for", function()
            local server <const> = web.serve("answer:whole(200, 'x')", { tls = true })
            fails("EKEYREJECTED", "^https://.*certificate", get(server))
            trusting(server)
            assert.equal("x", assert(get(server, { insecure_http = false })).body)
            server.url = server.url:gsub("127.0.0.1", "127.0.0.2")
            fails("ECONNREFUSED", "", get(server))
            assert.equal(1, #server:requests())
        end)

        it("says which file of certificates is missing", function()
            local server <const> = web.serve("answer:whole(200, 'x')", { tls = true })
            trusting { ca_file = "/nonexistent" }
            fails("ENOKEY", "/nonexistent", get(server))
        end)

        it("trusts the authorities of a request, in this one", function()
            local server <const> = web.serve("answer:whole(200, 'x')", { tls = true })
            local authorities <const> = assert(core.file.read(server.ca_file))
            assert.equal("x", assert(get(server, { authorities = authorities })).body)
            fails("EKEYREJECTED", "certificate", get(server))
            fails("ENOKEY", "", get(server, { authorities = "none" }))
        end)

        it("says by a certificate who is there, to the server that was named alone", function()
            local options <const> = { tls = true, verify = true }
            local server <const> = web.serve("answer:whole(200, 'x')", options)
            local other <const> = web.serve("answer:whole(200, 'other')", options)
            local authorities <const> =
                core.file.read(server.ca_file) .. core.file.read(other.ca_file)
            local function get_as(certificate, key)
                return get(server, {
                    authorities = authorities, certificate = certificate, key = key, follow = 1,
                })
            end
            assert.is_nil((get_as()))
            assert.equal("x", assert(get_as(server.ca_file, server.key_file)).body)
            server:script(('answer:whole(302, "", "Location: %s/x")'):format(other.url))
            assert.is_nil((get_as(server.ca_file, server.key_file)))
            assert.same({}, other:requests())
            fails("ENOKEY", "/nonexistent", get_as("/nonexistent", server.key_file))
        end)

        it("goes no way back to http", function()
            local plain <const> = web.serve "answer:whole(200, 'plain')"
            local server <const> = web.serve(([[
                answer:whole(302, "", "Location: %s/x")]]):format(plain.url), { tls = true })
            trusting(server)
            fails("EPERM", "redirects to http://.*/x, which would give up its encryption$",
                get(server, { follow = 3 }))
            assert.same({}, plain:requests())
        end)
    end)

    it("speaks http only where it is allowed, and nothing but the web", function()
        fails("EPERM", "^http://127.0.0.1/x: http:// isn't allowed here$",
            session:request { url = "http://127.0.0.1/x" })
        fails("EPROTONOSUPPORT", "only http and https",
            session:request { url = "file:///etc/passwd", insecure_http = true })
        fails("EINVAL", "a URL can't be read", session:request { url = "not a url" })
    end)

    it("asks a proxy if it is told to", function()
        local proxy <const> = web.serve [[answer:whole(200, request.target)]]
        session:close()
        session = assert(fetch.session { proxy = proxy.url })
        local answer <const> = assert(get { url = "http://nowhere.invalid" })
        assert.equal("http://nowhere.invalid/", answer.body)
    end)

    it("does as the variables for proxies say", function()
        local proxy <const> = web.serve [[answer:whole(200, "by proxy")]]
        local server <const> = web.serve [[answer:whole(200, "direct")]]
        local script <const> = ([[
            local session = assert(core.fetch.session(%%s))
            for _, url in ipairs { "http://nowhere.invalid/", %q } do
                local request = assert(session:request { url = url, insecure_http = true })
                print((task.await(request) or { body = "failed" }).body)
            end]]):format(server.url)
        local before <const> = ("http_proxy=%s no_proxy=127.0.0.1"):format(proxy.url)
        assert.equal("by proxy\ndirect\n", program.lua(script:format "", before))
        assert.equal("failed\ndirect\n", program.lua(script:format "{ proxy = '' }", before))
    end)

    it("leaves nothing behind of what is given up", function()
        local server <const> = web.serve [[answer:head(200, "Content-Length: 9") answer:stall()]]
        for _ = 1, 10 do
            local one <close> = request(server)
            one:step()
        end
        local one <const> = request(server)
        await(one:head())
        session:close()
        session:close()
        fails("ECANCELED", "the HTTP session is closed", await(one))
        assert.error_matches(function() one:step() end, "the request is over")
        assert.error_matches(function() session:request { url = "https://x" } end,
            "the session is closed")
        one:close()
        assert.is_nil((one:poll()))
    end)

    it("keeps a session that only a request knows", function()
        local server <const> = web.serve [[answer:whole(200, "x")]]
        local function ask()
            return assert(assert(fetch.session()):request {
                url = server.url, insecure_http = true,
            })
        end
        local one <close> = ask()
        collectgarbage()
        collectgarbage()
        assert.equal("x", assert(await(one)).body)
    end)

    it("tells misuse", function()
        assert.error_matches(function() fetch.session { agent = "x" } end, "unknown option 'agent'")
        assert.error_matches(function() fetch.session { stall_timeout = 0 } end, "stall_timeout")
        assert.error_matches(function() session:request {} end, "option 'url'")
        assert.error_matches(function()
            session:request { url = "https://x", method = "BREW" }
        end, "no method 'BREW'")
        assert.error_matches(function()
            session:request { url = "https://x", headers = { "A: b" } }
        end, "names and values are strings")
    end)

    it("leaves libcurl alone until it is asked for a session", function()
        assert.equal("false true", shell.lua [[
            local core = require "sdme.core"
            local function loaded()
                for line in io.lines "/proc/self/maps" do
                    if line:find("libcurl", 1, true) then return true end
                end
                return false
            end
            local before = loaded()
            core.fetch.session()
            io.write(tostring(before), " ", tostring(loaded()))]])
    end)
end)
