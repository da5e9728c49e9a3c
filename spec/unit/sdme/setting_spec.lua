local arguments <const> = require "sdme.arguments"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local raised <const> = require "spec.support.raised"
local security <const> = require "sdme.security"
local setting <const> = require "sdme.setting"

local function create(settings, flags)
    return setting.check(settings, { allow = "create", flags = flags })
end

local function refusal(settings, allow, flags)
    local options <const> = { allow = allow or "create", flags = flags }
    local what <const> = raised(setting.check, settings, options)
    assert.is_true(fault.is(what, "EUSAGE"), tostring(what))
    return what.message, what.hint
end

describe("sdme.setting", function()
    it("brings each setting into its one form", function()
        assert.same({
            name = "web", memory = 4 << 30, cpus = 1.5, env = { A = "1" },
            port = { { protocol = "tcp", host = 80, container = 80 } },
            bind = { { source = "/a", target = "/b", read_only = true } },
            overlayfs_opaque_dirs = { "/var/log" }, masked_services = { "cron.service" },
            network_veth = true, private_network = true, capability = { "CAP_NET_ADMIN" },
        }, create {
            name = "web", memory = "4G", cpus = "1.5", env = { A = 1 }, port = { 80 },
            bind = "/a:/b:ro", overlayfs_opaque_dirs = "/var/log/", masked_services = { "cron" },
            network_veth = true, capability = "net_admin",
        })
    end)

    it("takes what it has returned", function()
        local settings <const> = create {
            memory = "4G", port = { 80, "udp:53" }, network_zone = "lan", env = { "A=b" },
            bind = { "/a\\:b:/c" }, restart = "always", ephemeral = false,
        }
        assert.same(settings, create(settings))
    end)

    it("changes nothing in what it is given", function()
        local given <const> = { network_veth = true, bind = { "/a:/b" } }
        create(given)
        assert.same({ network_veth = true, bind = { "/a:/b" } }, given)
    end)

    it("refuses a key that it doesn't know, and names the nearest", function()
        local message, hint = refusal { memroy = "1G" }
        assert.equal("there is no setting 'memroy'", message)
        assert.equal("did you mean memory?", hint)
        assert.equal("there is no setting '1'", (refusal { "web" }))
        assert.equal("settings are a table, not a string", (refusal "web"))
    end)

    it("names the setting whose value is wrong, as key or as flag", function()
        assert.equal('memory: "x" is not a size such as 512, 10K, 4M, 2G or 1T',
            (refusal { memory = "x" }))
        assert.equal("--cpu-weight: 10001 is more than 10000",
            (refusal({ cpu_weight = 10001 }, "create", true)))
    end)

    it("has a least size of memory", function()
        assert.equal("memory: 4095K is less than 4M", (refusal { memory = "4095K" }))
        assert.equal(4 << 20, create({ memory = "4M" }).memory)
    end)

    it("doesn't take an empty value where nothing is there to be cleared", function()
        assert.matches('^memory: "" is not a size', (refusal { memory = "" }))
    end)

    describe("each command", function()
        it("takes its own settings only, and says what to do instead", function()
            local message, hint = refusal({ userns = true }, "set")
            assert.equal("userns is not for set", message)
            assert.equal("files of the container have their owners from its creation", hint)
            assert.same({ "--name is not for set", "`sdme rename` changes the name" },
                { refusal({ name = "x" }, "set", true) })
            assert.equal("started is not for new", (refusal({ started = true }, "new")))
            assert.equal("user is not for create", (refusal { user = "root" }))
            assert.equal("root", setting.check({ user = "root" }, { allow = "new" }).user)
        end)

        it("has an explanation for whatever `set` doesn't take", function()
            for _, one in ipairs(setting.all) do
                assert.is_true(one.commands.set or one.instead ~= nil, one.name)
            end
        end)

        it("takes a boot timeout only if there is a boot", function()
            assert.equal("timeout needs started", (refusal { timeout = 5 }))
            assert.equal("rm_on_failure needs started", (refusal { rm_on_failure = true }))
            assert.equal(5, create({ timeout = 5, started = true }).timeout)
            assert.equal(5, setting.check({ timeout = 5 }, { allow = "new" }).timeout)
        end)
    end)

    describe("networks", function()
        it("of every sort imply a private one", function()
            for _, network in ipairs { { network_veth = true }, { network_bridge = "br0" },
                { network_zone = "lan" } } do
                assert.is_true(create(network).private_network)
            end
            assert.is_nil(create({ network_veth = false }).private_network)
        end)

        it("can't be had without a private one", function()
            assert.equal("network_veth can't be without private_network",
                (refusal { network_veth = true, private_network = false }))
        end)

        it("are in a bridge or in a zone", function()
            assert.equal("network_bridge and network_zone exclude each other",
                (refusal { network_bridge = "br0", network_zone = "lan" }))
            assert.is_table(create { network_veth = true, network_zone = "lan" })
        end)

        it("have an interface if ports are opened", function()
            assert.is_true(create({ port = 80 }).network_veth)
            assert.is_true(create({ port = 80 }).private_network)
            assert.is_nil(create({ port = 80, network_zone = "lan" }).network_veth)
            local message, hint = refusal({ port = 80, network_veth = false }, "create", true)
            assert.equal("--port needs an interface to the host", message)
            assert.equal("give --network-veth, --network-bridge or --network-zone too", hint)
            assert.is_table(create { port = {} })
            for _, network in ipairs { { network_veth = true }, { network_bridge = "br0" },
                { network_zone = "lan" } } do
                network.port = 80
                assert.is_table(create(network))
            end
        end)

        it("open a port of the host once", function()
            assert.equal("port: tcp 80 of the host is given twice",
                (refusal { network_veth = true, port = { "80:81", "80:82" } }))
            assert.is_table(create { network_veth = true, port = { "53", "udp:53", "54:53" } })
        end)
    end)

    describe("a pod", function()
        it("is instead of another network, and of ports", function()
            for key, value in pairs {
                private_network = true, network_veth = true, network_bridge = "br0",
                network_zone = "lan",
            } do
                local message, hint = refusal { pod = "shop", [key] = value }
                assert.matches("^pod and [%w_]+ exclude each other$", message)
                assert.equal("the network of a container in a pod is the pod's", hint)
            end
            assert.equal("--pod and --port exclude each other",
                (refusal({ pod = "shop", port = 80 }, "create", true)))
            assert.same({ pod = "shop", private_network = false },
                create { pod = "shop", private_network = false })
        end)

        it("is network enough for what is hardened", function()
            local settings <const> = create { pod = "shop", hardened = true }
            assert.is_true(settings.userns and settings.no_new_privileges)
            assert.is_nil(settings.private_network)
        end)

        it("isn't for those who could change its network", function()
            for _, name in ipairs { "pod", "oci_pod" } do
                assert.equal(name .. " and capability CAP_NET_ADMIN exclude each other",
                    (refusal { [name] = "shop", capability = { "net_raw", "net_admin" } }))
                assert.is_table(create { [name] = "shop", capability = "sys_time" })
            end
            assert.equal("oci_pod and network_veth exclude each other",
                (refusal { oci_pod = "shop", network_veth = true }))
            for _, key in ipairs { "userns", "hardened", "strict" } do
                assert.is_true(create({ oci_pod = "shop", [key] = true, network_veth = true })
                    .userns)
            end
            assert.is_true(create({ oci_pod = "shop", private_network = true }).private_network)
            assert.is_table(create { oci_pod = "shop", pod = "back" })
        end)

        it("has the name of one", function()
            for _, name in ipairs { "..", "a/b", "A", ("a"):rep(65) } do
                assert.matches("^pod: ", (refusal { pod = name }))
            end
        end)
    end)

    it("refuses two binds in one place", function()
        assert.equal("bind: /x of the container is given twice",
            (refusal { bind = { "/a:/x", "/b:/x/" } }))
        assert.is_table(create { bind = { "/a:/x", "/a:/y" } })
    end)

    it("refuses to hide all of the host", function()
        assert.equal("overlayfs_opaque_dirs: / as a whole can't be hidden",
            (refusal { overlayfs_opaque_dirs = "/var/log,/" }))
    end)

    it("refuses to give and to drop one capability", function()
        assert.equal("CAP_SYS_TIME is both in --capability and in --drop-capability",
            (refusal({ capability = "sys_time", drop_capability = "SYS_TIME" }, "create", true)))
    end)

    describe("hardened", function()
        it("stands for other settings, and isn't kept itself", function()
            local settings <const> = create { hardened = true }
            assert.is_true(settings.userns and settings.private_network)
            assert.is_true(settings.no_new_privileges)
            assert.same({ "CAP_SYS_PTRACE", "CAP_NET_RAW", "CAP_SYS_RAWIO", "CAP_SYS_BOOT" },
                settings.drop_capability)
            assert.is_nil(setting.stored(settings).hardened)
        end)

        it("leaves what is given by itself", function()
            local settings <const> = create {
                hardened = true, capability = "net_raw", drop_capability = { "mknod", "sys_boot" },
                network_zone = "lan",
            }
            assert.same({ "CAP_MKNOD", "CAP_SYS_BOOT", "CAP_SYS_PTRACE", "CAP_SYS_RAWIO" },
                settings.drop_capability)
            assert.equal("lan", settings.network_zone)
            assert.equal("CAP_CHOWN is both in capability and in drop_capability",
                (refusal { hardened = true, capability = "chown", drop_capability = "chown" }))
        end)

        it("is overridden by each flag that is given besides", function()
            local settings <const> = create {
                hardened = true, userns = false, no_new_privileges = false,
            }
            assert.same({ false, true, false },
                { settings.userns, settings.private_network, settings.no_new_privileges })
        end)
    end)

    describe("strict", function()
        local FILTER <const> = "~@cpu-emulation @debug @obsolete @raw-io"

        local function changed(settings, changes)
            return setting.merge(settings, setting.check(changes, { allow = "set" }))
        end

        it("is hardened, and leaves what Docker leaves and CAP_SYS_ADMIN", function()
            local settings <const> = create { strict = true }
            assert.is_true(settings.userns and settings.private_network)
            assert.is_true(settings.no_new_privileges)
            assert.same({ FILTER }, settings.system_call_filter)
            local dropped <const> = " " .. table.concat(settings.drop_capability, " ") .. " "
            for _, kept in ipairs { "CAP_SYS_ADMIN", "CAP_CHOWN", "CAP_SETUID", "CAP_MKNOD" } do
                assert.is_nil(dropped:find(" " .. kept .. " ", 1, true), kept)
            end
            for _, lost in ipairs {
                "CAP_NET_RAW", "CAP_NET_ADMIN", "CAP_SYS_MODULE", "CAP_DAC_READ_SEARCH", "CAP_BPF",
            } do
                assert.is_truthy(dropped:find(" " .. lost .. " ", 1, true), lost)
            end
            assert.equal("strict", security.describe(settings).level)
            assert.is_nil(setting.stored(settings).strict)
        end)

        it("is overridden by each flag that is given besides", function()
            local settings <const> = create {
                strict = true, capability = "net_admin", private_network = false,
                system_call_filter = "~@swap", apparmor_profile = "unconfined",
            }
            assert.is_false(settings.private_network)
            assert.same({ "~@swap" }, settings.system_call_filter)
            assert.equal("unconfined", settings.apparmor_profile)
            for _, capability in ipairs(settings.drop_capability) do
                assert.not_equal("CAP_NET_ADMIN", capability)
            end
            assert.same({ level = "userns", missing = { "private_network" } },
                security.describe(settings))
        end)

        it("is spelt out again over what a container has", function()
            local settings <const> = changed({ userns = true, drop_capability = { "CAP_MKNOD" },
                system_call_filter = { "~@swap" }, memory = 1 << 30 }, { strict = true })
            assert.equal("CAP_MKNOD", settings.drop_capability[1])
            assert.same({ "~@swap", FILTER }, settings.system_call_filter)
            assert.is_nil(settings.strict)
            assert.equal("strict", security.describe(settings).level)
            assert.same(settings, changed(settings, { strict = true }))
        end)

        it("comes after its making only to a container with a user namespace", function()
            assert.equal("strict needs a user namespace, which containers have from their creation",
                raised(changed, {}, { strict = true }).message)
            assert.equal("strict can't be taken away as a whole",
                raised(changed, { userns = true }, { strict = false }).message)
        end)

        it("is what the settings amount to, and says what the next level takes", function()
            assert.equal("plain", security.describe({}).level)
            assert.same({ level = "userns", missing = { "no_new_privileges", "drop_capability" } },
                security.describe { userns = true, private_network = true })
            local hardened <const> = security.describe(create { hardened = true })
            assert.same({ "hardened", "drop_capability", "system_call_filter" },
                { hardened.level, hardened.missing[1], hardened.missing[2] })
        end)

        it("gives who can't ask for one an address", function()
            for _, network in ipairs { "network_veth", "network_zone" } do
                local made <const> = create { hardened = true, [network] = network == "network_veth"
                    and true or "lab" }
                assert.same({ "auto" }, made.address)
                assert.same({}, security.notes(made))
            end
            assert.same({ "10.0.0.2/24" },
                create({ strict = true, network_veth = true, address = "10.0.0.2" }).address)
            assert.is_nil(create({ hardened = true }).address)
            assert.is_nil(create({ network_veth = true }).address)
            assert.is_nil(create({ strict = true, network_veth = true,
                capability = { "net_raw", "net_admin" } }).address)
        end)

        it("says when a container will have no address", function()
            local notes <const> = security.notes(create { strict = true, network_bridge = "br0",
                apparmor_profile = "unconfined", capability = "net_raw" })
            assert.equal("its networkd can't ask for an address; "
                .. "--capability CAP_NET_ADMIN lets it", notes[1])
            assert.same({}, security.notes(create { network_veth = true }))
        end)
    end)

    it("refuses to start again what is gone", function()
        assert.equal("ephemeral and enable exclude each other",
            (refusal { ephemeral = true, enable = true }))
        assert.equal("ephemeral and restart always exclude each other",
            (refusal { ephemeral = true, restart = "always" }))
        assert.is_table(create { ephemeral = true, restart = "no", enable = false })
    end)

    describe("a change", function()
        local function change(settings, changes)
            return setting.merge(settings, setting.check(changes, { allow = "set" }))
        end

        it("touches nothing that it doesn't name", function()
            assert.same({ memory = 1 << 30, tasks = 5, read_only = true },
                change({ memory = 1 << 30, tasks = 6, read_only = true }, { tasks = 5 }))
        end)

        it("replaces lists as a whole", function()
            local settings <const> = create { bind = { "/a:/a", "/b:/b" }, env = { A = 1, B = 2 } }
            assert.same({
                bind = { { source = "/c", target = "/c", read_only = false } }, env = { C = "3" },
            }, change(settings, { bind = "/c:/c", env = { C = 3 } }))
        end)

        it("clears what it names with an empty text", function()
            local settings <const> = create { memory = "1G", bind = "/a:/a", read_only = true }
            assert.same({ bind = {} }, change(settings, { memory = "", bind = "", read_only = "" }))
        end)

        it("is checked with what was there before", function()
            local bridged <const> = create { network_bridge = "br0" }
            local what <const> = raised(change, bridged, { network_zone = "lan" })
            assert.equal("network_bridge and network_zone exclude each other", what.message)
            assert.equal("lan",
                change(bridged, { network_zone = "lan", network_bridge = "" }).network_zone)
            assert.equal("network_bridge can't be without private_network",
                raised(change, bridged, { private_network = false }).message)
            assert.matches("needs an interface",
                raised(change, { network_veth = false }, { port = 80 }).message)
        end)

        it("leaves both its sides as they are", function()
            local settings <const>, changes <const> = { tasks = 6 }, { network_veth = true }
            change(settings, changes)
            assert.same({ tasks = 6 }, settings)
            assert.same({ network_veth = true }, changes)
        end)

        it("tells which settings wait for the next start", function()
            local function later(changes)
                return setting.after_restart(setting.check(changes, { allow = "set" }))
            end
            assert.same({}, later { memory = "1G", cpus = 2, cpu_weight = 50, tasks = 100 })
            assert.same({ "bind", "read_only" },
                later { memory = "1G", bind = "/a:/a", read_only = false })
        end)
    end)

    describe("the state", function()
        it("holds what belongs to the container, not what was done with it", function()
            local settings <const> = create {
                name = "web", memory = "1G", started = true, timeout = 5, enable = true,
            }
            assert.same({ memory = 1 << 30 }, setting.stored(settings))
        end)

        it("has empty lists as lists, and no variables as an object", function()
            local text <const> = json.encode(create { bind = {}, env = {}, port = "" })
            assert.equal('{"bind":[],"env":{},"port":[]}', text)
            assert.equal(text, json.encode(create(json.decode(text, "state"))))
        end)

        it("is checked like anything from outside", function()
            assert.matches("^userns: expected true or false",
                (refusal({ userns = 5 }, "state")))
            assert.equal("timeout is not for state", (refusal({ timeout = 5 }, "state")))
            assert.is_true(setting.check({ userns = true }, { allow = "state" }).userns)
        end)
    end)

    it("fills in defaults that the configuration has no part in", function()
        local filled <const> = setting.fill { memory = 5, restart = "always" }
        assert.same({ 5, "always", 16384 }, { filled.memory, filled.restart, filled.tasks })
    end)

    it("tells what is different, and what has to be made anew for it", function()
        local old <const> = { memory = 5, env = {}, userns = false, bind = { "/a" }, fs = "a" }
        assert.same({}, setting.differences(old, { memory = 5, bind = { "/a" }, fs = "a" }))
        assert.same({ memory = "", bind = { "/b" }, pod = "shop", fs = "b" },
            setting.differences(old, { bind = { "/b" }, pod = "shop", fs = "b" }))
        assert.same({ masked_services = {} },
            setting.differences({}, { masked_services = {}, device = {} }))
        assert.is_true(setting.is_fixed "fs")
        assert.is_false(setting.is_fixed "memory")
    end)

    it("masks secrets, and leaves their names", function()
        assert.same({ TOKEN = "***" }, setting.mask { TOKEN = "hunter2" })
        assert.equal("***", setting.mask "hunter2")
        assert.same({ secret = "***", A = { secret = "pg" } },
            setting.mask { secret = "hunter2", A = { secret = "pg" } })
        assert.is_true(setting.get("env").secret)
    end)

    describe("command", function()
        local function command(changes)
            return setting.command("web", setting.check(changes, { allow = "set" }))
        end

        it("gives each value of a list its flag", function()
            assert.equal("sdme set web --bind /a:/b --bind /c:/d:ro --memory 2G --port udp:53:53",
                command { bind = { "/a:/b", "/c:/d:ro" }, port = "53/udp", memory = "2G" })
            assert.equal("sdme set web --env A=1 --env B=2", command { env = { B = "2", A = "1" } })
            assert.equal("sdme set web --masked-services a.service,b.service",
                command { masked_services = { "a", "b" } })
        end)

        it("gives an empty value to what is taken away", function()
            assert.equal("sdme set web --bind '' --memory ''",
                command { bind = {}, memory = "" })
        end)

        it("turns flags on and off", function()
            assert.equal("sdme set web --network-veth --read-only=no",
                command { network_veth = true, read_only = false })
        end)

        it("survives a shell", function()
            assert.equal([[sdme set web --bind '/it'\''s a\:b:/c']],
                command { bind = { { source = "/it's a:b", target = "/c" } } })
        end)
    end)

    it("leaves one value out of a list", function()
        local list <const> = { "a", "b", "c" }
        assert.same({ "a", "c" }, setting.without(list, 2))
        assert.same({ "a", "b", "c" }, list)
    end)

    describe("options", function()
        local function parse(command, words)
            local described <const> = { name = command, options = setting.options(command) }
            return setting.pick(arguments.parse(described, words), command)
        end

        it("are flags with a hyphen for each underscore", function()
            assert.same({ name = "web", cpu_weight = 50, userns = true, private_network = true },
                parse("create", { "--name=web", "--cpu-weight", "50", "-u", "--private-network" }))
        end)

        it("collect what can be given again", function()
            assert.same({
                env = { A = "1", B = "x,y" }, overlayfs_opaque_dirs = { "/a", "/b", "/c" },
            }, parse("create", { "-eA=1", "--env", "B=x,y", "-o", "/a,/b", "-o/c" }))
        end)

        it("are exactly the settings of their command", function()
            for _, command in ipairs { "create", "new", "set" } do
                local flags <const> = {}
                for _, option in ipairs(setting.options(command)) do
                    flags[arguments.key(option.long)] = true
                end
                for _, one in ipairs(setting.all) do
                    assert.equal(one.commands[command], flags[one.name], one.name)
                end
            end
        end)

        it("take an empty value on `set`, which clears", function()
            assert.same({ memory = "", bind = {}, read_only = "" },
                parse("set", { "--memory", "", "--bind", "", "--read-only=" }))
            assert.matches("is not a size", raised(parse, "create", { "--memory", "" }).message)
        end)

        it("turn a flag off with a value", function()
            assert.same({ read_only = false, network_veth = true },
                parse("set", { "--read-only=no", "--network-veth=yes" }))
        end)

        it("are what was meant to be there", function()
            local shorts <const> = {}
            for _, option in ipairs(setting.options "new") do
                if option.short then
                    shorts[option.short] = option.long
                end
            end
            assert.same({
                o = "overlayfs-opaque-dirs", p = "port", b = "bind", e = "env", u = "userns",
                r = "fs", t = "timeout",
            }, shorts)
        end)
    end)
end)
