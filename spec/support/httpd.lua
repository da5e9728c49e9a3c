-- SPDX-License-Identifier: MIT
-- The far end of one connection: an HTTP server that is as bad as its script says. See web.lua,
-- which has socat start one of these for each connection, with the socket as stdin and stdout.
--
-- The script is the body of a function of `request` and `answer`.

local DIRECTORY <const> = arg[1]

local input <const>, output <const> = io.stdin, io.stdout
input:setvbuf "no"
output:setvbuf "no"

local function read_file(path)
    local file <close> = io.open(path, "rb")
    return file and file:read "a" or ""
end

-- The first line; whoever begins TLS here has no use for an answer, and need not send a line end.
local function read_first_line()
    local byte <const> = input:read(1)
    return byte and byte ~= "\x16" and byte .. (input:read "L" or "") or os.exit()
end

local function read_head()
    local first <const> = read_first_line()
    local method, target, version = first:match "^(%S+) (%S+) HTTP/(%S+)\r\n$"
    if not method then
        os.exit()
    end
    local request = { method = method, target = target, version = version, headers = {} }
    for line in input:lines "L" do
        local name, value = line:match "^([^:]+): *(.-)\r\n$"
        if not name then
            return request
        end
        request.headers[name:lower()] = value
    end
    os.exit()
end

local function read_chunks()
    local chunks = {}
    for line in input:lines "L" do
        local size = tonumber(line:match "^%x+", 16)
        chunks[#chunks + 1] = size > 0 and input:read(size) or nil
        input:read "L"
        if size == 0 then
            break
        end
    end
    return table.concat(chunks)
end

local function read_body(headers)
    if headers["transfer-encoding"] == "chunked" then
        return read_chunks()
    end
    local length <const> = tonumber(headers["content-length"] or 0)
    return length > 0 and input:read(length) or ""
end

-- One line for each request, which web.lua reads back.
local function log(request)
    local path <const> = DIRECTORY .. "/requests"
    local _, before = read_file(path):gsub("\n", "")
    request.number = before + 1
    local headers = {}
    for name, value in pairs(request.headers) do
        headers[#headers + 1] = ("[%q]=%q"):format(name, value)
    end
    local line = ("{method=%q,target=%q,body=%q,headers={%s}}"):format(request.method,
        request.target, request.body, table.concat(headers, ",")):gsub("\\\n", "\\n")
    local file <close> = assert(io.open(path, "ab"))
    file:write(line, "\n")
end

local Answer <const> = {}
Answer.__index = Answer

-- Sends bytes as they are; a client that is gone ends us.
function Answer.send(_, ...)
    if not output:write(...) then
        os.exit()
    end
end

-- Sends a status line and headers, "Name: value" each, and nothing that it isn't told to.
function Answer:head(status, ...)
    self:send(("HTTP/1.1 %d X\r\n"):format(status), table.concat({ ... }, "\r\n"),
        select("#", ...) > 0 and "\r\n\r\n" or "\r\n")
end

-- Sends a whole answer, with its length.
function Answer:whole(status, body, ...)
    self:head(status, ("Content-Length: %d"):format(#body), ...)
    self:send(body)
end

-- A range of a body, as "bytes=N-" of the request asks for it.
function Answer:range(request, body, ...)
    local first <const> = tonumber(request.headers.range:match "^bytes=(%d+)%-$")
    self:whole(206, body:sub(first + 1),
        ("Content-Range: bytes %d-%d/%d"):format(first, #body - 1, #body), ...)
end

-- Ends the connection here and now.
function Answer.cut()
    os.exit()
end

-- Does nothing until the client has gone.
function Answer.stall()
    while input:read(1) do end
    os.exit()
end

-- The script may change between two requests.
local function run_script(...)
    local source <const> = read_file(DIRECTORY .. "/script")
    assert(load("local request, answer = ... " .. source, "=script"))(...)
end

local turn = 0 -- of this connection
while true do
    local request <const> = read_head()
    turn = turn + 1
    request.turn = turn
    request.body = request.headers.unread and "" or read_body(request.headers)
    log(request)
    run_script(request, setmetatable({}, Answer))
    if request.headers.connection == "close" then
        break
    end
end
