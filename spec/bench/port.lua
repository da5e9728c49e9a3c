-- The throughput of a port of the host, against podman's: both lead to the same program.
-- usage: sdme run spec/bench/port.lua SDME [RUNS]

package.path = "./?.lua;" .. package.path

local measure <const> = require "spec.bench.measure"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local time <const>, sdme <const> = measure.time, measure.sdme

local BYTES <const> = 4 << 30
local OURS <const>, THEIRS <const> = 8080, 8090

-- What takes all that comes, and what gives all that is asked for.
local SERVERS <const> = {
    { name = "to", port = 80, words = "-u -b 262144 TCP-LISTEN:80,fork,reuseaddr OPEN:/dev/null" },
    { name = "from", port = 81, words = ("-U -b 262144 TCP-LISTEN:81,fork,reuseaddr "
        .. "OPEN:/dev/zero,readbytes=%d"):format(BYTES) },
}

local PODMAN <const> = "podman --root " .. measure.datadir .. "/podman --storage-driver vfs "

-- Without a control group, which test hosts don't have podman make. A unit, as ours is, so that
-- both have the same share of the machine.
local RUN <const> = "systemd-run --quiet --wait --property KillMode=process " .. PODMAN
    .. "run --detach --cgroups=disabled --network podman --publish %d:80 --publish %d:81"
    .. " --rootfs /:O"

local function listens(port)
    wait.until_true("somebody listens", function()
        return shell.succeeds("socat -u OPEN:/dev/null TCP:127.0.0.1:%s", tostring(port))
    end)
end

local function serve()
    sdme("new", "--name", "bench", "-p", ("127.0.0.1:%d-%d:80-81"):format(OURS, OURS + 1), "--",
        "true")
    local all <const> = {}
    for i, server in ipairs(SERVERS) do
        sdme("exec", "bench", "sh", "-c", "systemd-run -q socat " .. server.words)
        all[i] = "socat " .. server.words
    end
    shell.run(RUN:format(THEIRS, THEIRS + 1) .. " sh -c %s", table.concat(all, " & "))
    for i = 0, 1 do
        listens(OURS + i)
        listens(THEIRS + i)
    end
end

-- Seconds until all has come to the other side.
local function send(port)
    return function()
        return time("socat", "-t", "60", "-b", "262144",
            ("OPEN:/dev/zero,readbytes=%d"):format(BYTES), ("TCP:127.0.0.1:%d"):format(port))
    end
end

local function receive(port)
    return function()
        return time("socat", "-u", "-b", "262144", ("TCP:127.0.0.1:%d"):format(port),
            "OPEN:/dev/null")
    end
end

local function measure_throughput()
    serve()
    local ours <const>, theirs <const> = measure.measure(measure.runs, send(OURS), send(THEIRS))
    measure.report("4 GB to a port, against podman", ours, theirs, 1)
    local got <const>, theirs_got <const> =
        measure.measure(measure.runs, receive(OURS + 1), receive(THEIRS + 1))
    measure.report("4 GB from a port, against podman", got, theirs_got, 1)
end

measure.run(function()
    local fine <const>, why <const> = pcall(measure_throughput)
    shell.run(PODMAN .. "rm --all --force --time 0; umount -l " .. measure.datadir
        .. "/podman/vfs-containers/*/userdata/shm 2>/dev/null || true")
    assert(fine, why)
end)
