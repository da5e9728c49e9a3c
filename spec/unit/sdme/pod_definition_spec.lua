-- Pods as scripts describe them: what is taken, and how the rest is refused.

local fault <const> = require "sdme.fault"
local order <const> = require "sdme.pod.order"
local ready <const> = require "sdme.pod.ready"
local sdme <const> = require "sdme"
local task <const> = require "sdme.task"

local function refusal(description)
    local fine <const>, why <const> = pcall(function()
        local made <const> = sdme.pod(description)
        return made
    end)
    assert.is_false(fine)
    assert.is_true(fault.is(why, "EUSAGE"), tostring(why))
    return why.message, why.hint
end

local function wrong(container)
    return refusal { name = "shop", containers = { db = container } }
end

describe("a definition of a pod", function()
    it("has its containers in their order, with names of their own", function()
        local made <const> = sdme.pod {
            name = "shop", network = { zone = "blue" },
            containers = {
                front = { after = { "db", "cache" }, app_only = true },
                db = { name = "base", memory = "512M", timeout = 5, enable = true },
                cache = { oci_env = { PASSWORD = sdme.secret "pg" } },
            },
        }
        assert.same({ "cache", "db", "front" }, made.keys)
        assert.equal("zone=blue", made.network)
        local front <const>, db <const> = made.containers.front, made.containers.db
        assert.same({ "shop-front", "base" }, { front.name, db.name })
        assert.same({ oci_pod = "shop" }, front.settings)
        assert.same({ pod = "shop", memory = 512 << 20 }, db.settings)
        assert.same({ timeout = 5 }, db.start)
        assert.is_true(db.enable)
        assert.same({ PASSWORD = { secret = "pg" } }, made.containers.cache.settings.oci_env)
        assert.equal("definition of pod shop", tostring(made))
    end)

    it("is refused with the line of the script, and what is meant", function()
        local message <const>, hint <const> = wrong { memroy = "1G" }
        assert.matches("^%S+pod_definition_spec%.lua:%d+: sdme%.pod: container db: "
            .. "there is no setting 'memroy'$", message)
        assert.equal("did you mean memory?", hint)
    end)

    it("is refused where it is something else", function()
        local function reason(...)
            return (refusal(...):gsub("^.-: sdme%.pod: ", ""))
        end
        assert.equal("name: expected a name (a-z, then a-z, 0-9 and -, 64 at most), not a nil",
            reason { containers = {} })
        assert.equal("containers: expected a table, not nothing", reason { name = "shop" })
        assert.equal("it: there is no 'container'", reason { name = "shop", container = {} })
        assert.matches("^containers: ", reason { name = "shop", containers = { {} } })
        assert.equal("container db: it: expected a table, not a number",
            reason { name = "shop", containers = { db = 5 } })
        assert.matches("^network: ", reason { name = "shop", containers = {}, network = "bridge" })
        assert.matches("^network: ",
            reason { name = "shop", containers = {}, network = { zone = "a", b = 1 } })
        assert.matches("^name: ", reason { name = ("a"):rep(65), containers = {} })
    end)

    it("is refused for what its containers can't be", function()
        for pattern, container in pairs {
            ["'pod' is not for containers of a definition"] = { pod = "other" },
            ["'started' is not for"] = { started = true },
            ["app_only: expected a boolean, not a number"] = { app_only = 1 },
            ["after: there is no container cache"] = { after = { "cache" } },
            ["after: expected a list"] = { after = { db = true } },
            ["containers wait for each other: db after db"] = { after = { "db" } },
            ["volumes%.data: .*not an absolute path"] = { volumes = { data = "var" } },
            ["volumes: "] = { volumes = { "/data" } },
            ["ready: there is no 'port'"] = { ready = { port = 5 } },
            ["ready: tcp: expected a port"] = { ready = { tcp = 70000 } },
            ["ready: http: expected a URL"] = { ready = { http = "https://127.0.0.1/" } },
            ["ready: exec: expected a command"] = { ready = { exec = {} } },
            ["ready: unit: "] = { ready = { unit = "no unit" } },
            ["ready: timeout: "] = { ready = { timeout = "soon" } },
            ["ready: expected {"] = { ready = true },
            ["timeout: "] = { timeout = "soon" },
            ["pod and private_network exclude each other"] = { private_network = true },
            ["oci_pod and network_veth exclude"] = { app_only = true, network_veth = true },
            ["port"] = { port = { 80 } },
        } do
            assert.matches(pattern, (wrong(container)))
        end
    end)

    it("is refused where containers wait for each other, or have one name", function()
        assert.matches("containers wait for each other: a after b after c after a", (refusal {
            name = "shop",
            containers = { a = { after = { "b" } }, b = { after = { "c" } },
                c = { after = { "a" } } },
        }))
        assert.matches("containers a and b have one name: web", (refusal {
            name = "shop", containers = { a = { name = "web" }, b = { name = "web" } },
        }))
    end)

    it("may have names of 64 characters, but for those made of two", function()
        local long <const> = ("a"):rep(64)
        local made <const> =
            sdme.pod { name = long, containers = { [long] = { name = ("b"):rep(64) } } }
        assert.equal(("b"):rep(64), made.containers[long].name)
        local message <const>, hint <const> = refusal { name = long, containers = { db = {} } }
        assert.matches("would have more than 64 characters", message)
        assert.equal("give it a shorter one by `name`", hint)
    end)
end)

describe("readiness", function()
    it("is asked for at an address in digits, or the pod's own", function()
        for given, expected in pairs {
            [5432] = { "127.0.0.1", 5432 }, ["80"] = { "127.0.0.1", 80 },
            ["10.0.0.1:80"] = { "10.0.0.1", 80 }, ["[::1]:80"] = { "::1", 80 },
            ["localhost:80"] = { "127.0.0.1", 80 },
        } do
            local place <const> = ready.check({ tcp = given }).tcp
            assert.same(expected, { place.address, place.port })
        end
        for given, expected in pairs {
            ["http://127.0.0.1"] = { "127.0.0.1", 80, "/" },
            ["http://localhost:8080/a?b"] = { "127.0.0.1", 8080, "/a?b" },
            ["http://[::1]/x"] = { "::1", 80, "/x" },
        } do
            local place <const> = ready.check({ http = given }).http
            assert.same(expected, { place.address, place.port, place.path })
        end
        for _, given in ipairs { "", ":", "a:80", "127.0.0.1", "127.0.0.1:0", "::1", 0, -1, 1.5 } do
            assert.has_error(function() ready.check { tcp = given } end)
        end
    end)
end)

describe("an order", function()
    local function nodes(after)
        local all <const> = {}
        for key, others in pairs(after) do
            all[key] = { after = others }
        end
        return all
    end

    it("has each behind those that it comes after, and can be reversed", function()
        local some <const> = nodes { a = { "c" }, b = {}, c = { "b" }, d = {} }
        assert.same({ "b", "c", "a", "d" }, order.sort(some))
        assert.same({ "a", "c", "b", "d" }, order.sort(order.reverse(some)))
    end)

    it("runs what doesn't wait side by side, and leaves out what comes after a failure", function()
        local log <const> = {}
        local failures <const> = order.run(nodes { a = {}, b = {}, c = { "a" }, d = { "b" } },
            function(key)
                log[#log + 1] = key .. " begins"
                task.sleep(key == "a" and 0.05 or 0.01)
                if key == "b" then
                    error "broken"
                end
                log[#log + 1] = key .. " ends"
            end, function(key, failed)
                error(key .. " after " .. failed, 0)
            end)
        assert.same({ "a begins", "b begins", "a ends", "c begins", "c ends" }, log)
        assert.same({ "b", "d" }, { failures[1].key, failures[2].key })
        assert.equal("d after b", failures[2].raised)
    end)
end)
