-- What each of several threads does with sdme at the same time: as much of the runtime as works
-- without systemd. Arguments: the thread, a scratch directory, addresses to fetch from, and the
-- certificate of the second one.

local number <const>, scratch <const>, plain <const>, secure <const>, ca_file <const> = ...
local sdme <const> = require "sdme"

local core <const>, task <const> = sdme.core, sdme.task
local mine <const> = scratch .. "/" .. number

local function spawn(options)
    local process <close> = assert(core.process.spawn(options))
    return task.await(process:wait())
end

local function check_children()
    for round = 1, 10 do
        local result <const> = spawn { argv = { "sh", "-c", "exit " .. round }, umask = "0077" }
        assert(result.code == round, "the status of somebody else")
    end
end

local function make_tree()
    assert(core.file.mkdir(mine .. "/tree/etc", { mode = "0755", parents = true }))
    for i = 1, 100 do
        assert(core.file.write(("%s/tree/etc/%d"):format(mine, i), ("%d %d\n"):format(number, i),
            { sync = false }))
    end
end

local function check_digest(path, expected)
    local hex <const> = assert(task.await(core.digest.file(path)))
    assert(expected:find(hex, 1, true), "another thread's digest")
end

local function pack(compression)
    local path <const> = mine .. "/tree.tar." .. compression
    local output <close> = assert(io.open(path, "w+b"))
    local root <close> = assert(core.file.open_directory(mine .. "/tree"))
    local packing <close> = assert(core.archive.pack {
        root = root, output = output, compression = compression,
    })
    check_digest(path, assert(task.await(packing)).digest)
    return path
end

local function unpack_again(path)
    local into <const> = path .. ".unpacked"
    assert(core.file.mkdir(into, { mode = "0755" }))
    local input <close> = assert(io.open(path, "rb"))
    local directory <close> = assert(core.file.open_directory(into))
    local unpacking <close> = assert(core.archive.unpack { input = input, directory = directory })
    assert(task.await(unpacking))
    assert(core.file.read(into .. "/etc/7") == ("%d 7\n"):format(number), "another thread's files")
end

local function check_archives()
    for _, compression in ipairs { "gzip", "zstd", "xz" } do
        local path <const> = pack(compression)
        -- In a child that is forked beside threads a sanitizer's locks may stay as they were.
        if (os.getenv "SANITIZE" or "") == "" then
            unpack_again(path)
        end
    end
end

local function fetch(url)
    local session <close> = assert(core.fetch.session { ca_file = ca_file })
    local request <close> = assert(session:request { url = url, insecure_http = true })
    local answer <const> = assert(task.await(request))
    assert(answer.status == 200, answer.status)
end

-- More than a pipe takes: a child of another thread may have its other end until it executes.
local function write_to_nobody()
    local from <const>, to <const> = core.stream.pipe()
    from:close()
    local writer <const> = assert(core.stream.writer(to, ("x"):rep(1 << 20), { close = true }))
    assert(task.await(writer) < 1 << 20, "somebody reads")
end

assert(core.file.mkdir(mine, { mode = "0755" }))
make_tree()
sdme.config.select { datadir = mine .. "/data" }
sdme.all(check_children, check_archives, write_to_nobody, function()
    for _ = 1, 3 do
        fetch(plain)
        fetch(secure)
        task.sleep(0.001)
    end
end)
for round = 1, 3 do
    local tree <const> = sdme.fs.import(mine .. "/tree", {
        name = "x" .. round, install_packages = "no",
    })
    assert(#tree:inspect().layers == 1)
end
assert(#sdme.fs.list() == 3 and #sdme.containers() == 0)
local fine <const>, why <const> = pcall(sdme.container, "none" .. number)
assert(not fine and why.message:find("none" .. number, 1, true))
