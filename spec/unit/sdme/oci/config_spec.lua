local config <const> = require "sdme.oci.config"
local json <const> = require "sdme.json"
local raised <const> = require "spec.support.raised"

local DIGEST <const> = "sha256:" .. ("0123456789abcdef"):rep(4)

local function image(program, changes)
    local made <const> = {
        os = "linux", architecture = "amd64", config = program,
        rootfs = { type = "layers", diff_ids = { DIGEST } },
    }
    for key, value in pairs(changes or {}) do
        made[key] = value ~= json.null and value or nil
    end
    return json.encode(made)
end

describe("the config of an image", function()
    local function parse(...)
        return config.parse(image(...), "x")
    end

    local function refused(expected, ...)
        local why <const> = raised(config.parse, image(...), "x")
        assert.equal("EFORMAT", why.code)
        assert.matches("^x: " .. expected, why.message)
        assert.is_nil(why.message:find "%c")
    end

    it("has something everywhere, even if it says little", function()
        assert.same({
            os = "linux", architecture = "amd64", diff_ids = { DIGEST }, history = {},
            user = "", env = {}, entrypoint = {}, cmd = {}, workdir = "/", ports = {},
            volumes = {}, labels = {},
        }, parse())
        assert.same(parse(), parse { Env = json.null, Cmd = json.null, User = "" })
    end)

    it("says how the program runs", function()
        local parsed <const> = parse({
            User = "101:0", Env = { "A=b=c", "LINES=1\n2", "E=" }, Entrypoint = { "/start", "%n" },
            Cmd = { "-a", "$HOME\n" }, WorkingDir = "srv//app/./x", StopSignal = "SIGQUIT",
            Labels = { a = "b\nc" }, Shell = { "/bin/bash", "-c" },
        }, { variant = "v2", created = "2024-01-01T00:00:00Z", history = {
            { created_by = "RUN a\n", empty_layer = true } } })
        assert.equal("101:0", parsed.user)
        assert.same({ "A=b=c", "LINES=1\n2", "E=" }, parsed.env)
        assert.same({ "/start", "%n" }, parsed.entrypoint)
        assert.same({ "-a", "$HOME\n" }, parsed.cmd)
        assert.equal("/srv/app/x", parsed.workdir)
        assert.equal("SIGQUIT", parsed.stop_signal)
        assert.same({ a = "b\nc" }, parsed.labels)
        assert.same({ "/bin/bash", "-c" }, parsed.shell)
        assert.same({ { created_by = "RUN a\n", empty_layer = true } }, parsed.history)
        assert.equal("v2", parsed.variant)
    end)

    it("may have a command of one word as a text", function()
        assert.same({ "top" }, parse({ Cmd = "top" }).cmd)
    end)

    it("names signals as systemd does", function()
        for name, signal in pairs { TERM = "SIGTERM", SIGTERM = "SIGTERM", ["15"] = "15",
            ["SIGRTMIN+3"] = "SIGRTMIN+3", ["RTMIN+3"] = "SIGRTMIN+3" } do
            assert.equal(signal, parse({ StopSignal = name }).stop_signal)
        end
        for _, name in ipairs { "SIGNOPE", "0", "999", "-1", "sigterm\n" } do
            refused("config.StopSignal: expected", { StopSignal = name })
        end
    end)

    it("has ports in order, each once", function()
        assert.same({
            { port = 53, protocol = "udp" }, { port = 80, protocol = "tcp" },
            { port = 8000, protocol = "tcp" }, { port = 8001, protocol = "tcp" },
            { port = 8001, protocol = "udp" },
        }, parse({ ExposedPorts = { ["80/tcp"] = {}, ["80"] = {}, ["53/UDP"] = {},
            ["8000-8001"] = {}, ["8001/udp"] = json.null } }).ports)
        for _, name in ipairs { "0", "65536", "80/icmp", "81-80", "x", "", "1-65535", "80/tcp/udp",
            "-1", "80\n" } do
            refused("config.ExposedPorts: expected", { ExposedPorts = { [name] = {} } })
        end
    end)

    it("has volumes that are somewhere below the root", function()
        assert.same({ "/a/b", "/data" }, parse({ Volumes = { ["/data/"] = {}, ["/data"] = {},
            ["//a/./b"] = {} } }).volumes)
        for _, name in ipairs { "/", "/.", "", "data", "/../..", "/data/..", "/a/../../b",
            "/a\nb" } do
            refused("config.Volumes: expected", { Volumes = { [name] = {} } })
        end
    end)

    it("has a health check with times in seconds, and defaults", function()
        assert.same({ test = { "CMD-SHELL", "x" }, interval = 30, timeout = 30, start_period = 0,
            retries = 3 }, parse({ Healthcheck = { Test = { "CMD-SHELL", "x" } } }).healthcheck)
        assert.same({ test = { "CMD", "x" }, interval = 0.5, timeout = 2, start_period = 3,
            start_interval = 0.1, retries = 7 }, parse({ Healthcheck = {
            Test = { "CMD", "x" }, Interval = 500000000,
            Timeout = 2000000000, StartPeriod = 3000000000, Retries = 7,
            StartInterval = 100000000 } }).healthcheck)
        for _, test in ipairs { json.array(), { "NONE" } } do
            assert.is_nil(parse({ Healthcheck = { Test = test } }).healthcheck)
        end
        refused("config.Healthcheck.Test: expected", { Healthcheck = { Test = { "CMD" } } })
        refused("config.Healthcheck.Test: expected", { Healthcheck = { Test = { "ls", "x" } } })
        refused("config.Healthcheck.Interval: expected a whole number", { Healthcheck =
            { Test = { "CMD", "x" }, Interval = -1 } })
    end)

    it("is refused with fields of another type, or out of bounds", function()
        refused("config.Env%[1%]: expected NAME=VALUE", { Env = { "A=b", "=c" } })
        refused("config.Env%[0%]: expected NAME=VALUE", { Env = { "PATH" } })
        refused("config.Env%[0%]: expected NAME=VALUE", { Env = { "A\nB=c" } })
        refused("config.Env%[0%]: expected a text without NUL", { Env = { "A=\0" } })
        refused("config.Env%[0%]: expected a text, not a number", { Env = { 1 } })
        refused("config.Env: expected a list", { Env = "A=b" })
        refused("config.Cmd: expected a list", { Cmd = 3 })
        refused("config.User: expected .* not 'a\\nb'", { User = "a\nb" })
        refused("config.WorkingDir: expected a path without", { WorkingDir = "/a/../b" })
        refused("config.WorkingDir: expected a path of at most", { WorkingDir = ("/a"):rep(3000) })
        refused("config.Labels.a: expected a text", { Labels = { a = {} } })
        refused("config: expected an object", "x")
        refused("rootfs: expected an object", {}, { rootfs = json.null })
        refused("rootfs.type: expected 'layers'", {}, { rootfs = { type = "tar" } })
        refused("rootfs.diff_ids: expected a list", {}, { rootfs = { type = "layers" } })
        refused("rootfs.diff_ids%[0%]: expected a digest", {}, { rootfs = { type = "layers",
            diff_ids = { "sha256:x" } } })
        refused("architecture: expected a text", {}, { architecture = 64 })
        refused("history%[0%]: expected an object", {}, { history = { "x" } })
        refused("history%[0%].empty_layer: expected true or false", {}, { history = {
            { empty_layer = 1 } } })
    end)

    it("keeps its lists when it is written as JSON", function()
        assert.matches('"env":%[%].*"ports":%[%]', json.encode(parse()))
    end)
end)
