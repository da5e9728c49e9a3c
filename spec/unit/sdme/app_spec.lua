local app <const> = require "sdme.app"

local function container(settings, ...)
    local apps <const> = {}
    for i, config in ipairs { ... } do
        apps[i] = { name = ("app-%d"):format(i), layers = {}, config = config }
    end
    return { name = "web", settings = settings, apps = apps }
end

local function port(host, inside, protocol)
    return { protocol = protocol or "tcp", host = host, container = inside or host }
end

local function ports(settings, ...)
    return app.settings(container(settings, ...)).port
end

local HTTP <const> = { port = 80, protocol = "tcp" }

describe("the ports of applications", function()
    it("are opened under their own numbers", function()
        assert.same({ port(80), port(53, 53, "udp") }, ports({ network_veth = true },
            { ports = { HTTP, { port = 53, protocol = "udp" } } }))
    end)

    it("give way to those that the user says", function()
        local own <const> = { port(8080, 80), port(53, 1053) }
        assert.same(own, ports({ network_zone = "z", port = own },
            { ports = { HTTP, { port = 53, protocol = "tcp" } } }))
        assert.equal(2, #own)
    end)

    it("of the same number are opened once", function()
        assert.same({ port(80) }, ports({ network_veth = true }, { ports = { HTTP } },
            { ports = { HTTP } }))
    end)

    it("aren't opened without an interface, nor against the settings", function()
        assert.is_nil(ports({ private_network = true }, { ports = { HTTP } }))
        assert.is_nil(ports({ network_veth = true, no_oci_ports = true }, { ports = { HTTP } }))
    end)

    it("are up to the pod that it is in", function()
        assert.is_nil(ports({ pod = "shop", private_network = true }, { ports = { HTTP } }))
        assert.is_nil(ports({ oci_pod = "shop" }, { ports = { HTTP } }))
    end)

    it("are of tcp and udp", function()
        assert.same({}, ports({ network_veth = true },
            { ports = { { port = 80, protocol = "sctp" } } }))
    end)
end)

describe("an application", function()
    it("is found by its name, or as the only one", function()
        local one <const> = container({}, {})
        assert.equal(one.apps[1], app.find(one, true))
        assert.equal(one.apps[1], app.find(one, "app-1"))
        local fine <const>, why <const> = pcall(app.find, one, "other")
        assert.same({ false, "web has no application 'other'", "it has app-1" },
            { fine, why.message, why.hint })
    end)

    it("isn't found where there is none, or which one isn't said", function()
        assert.equal("web has no application",
            select(2, pcall(app.find, container {}, true)).message)
        assert.equal("name one: app-1, app-2",
            select(2, pcall(app.find, container({}, {}, {}), true)).hint)
    end)

    it("has the files below its root", function()
        local one <const> = container({}, {})
        assert.same({ one.apps[1], "/etc" }, { app.holding(one, "/oci/apps/app-1/root/etc") })
        assert.same({ one.apps[1], "" }, { app.holding(one, "/oci/apps/app-1/root") })
        assert.is_nil(app.holding(one, "/oci/apps/app-1/rootless"))
    end)

    it("has its image's environment, and what the container says instead", function()
        local one <const> = container({ oci_env = { B = "3" } },
            { env = { "A=1=1", "B=2", "no.name=x" } })
        assert.same({ A = "1=1", B = "3" }, app.variables(one, one.apps[1]))
    end)
end)
