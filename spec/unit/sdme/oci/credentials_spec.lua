local core <const> = require "sdme.core"
local credentials <const> = require "sdme.oci.credentials"
local json <const> = require "sdme.json"
local program <const> = require "spec.support.program"
local raised <const> = require "spec.support.raised"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

-- The base64 of "USER:PASSWORD", by another program than ours.
local function auth(pair)
    return { auth = shell.run("printf %%s %s | base64 -w0", pair) }
end

-- A credential helper that knows one registry, and says what it was asked.
local HELPER <const> = [[#!/bin/sh
read -r server
echo "$1 $server" >>"${0%/*}/asked"
case $server in
    known.io) printf '{"ServerURL":"x","Username":"me","Secret":"from the helper"}' ;;
    token.io) printf '{"ServerURL":"x","Username":"<token>","Secret":"T"}' ;;
    broken.io) printf '{"Username":' ;;
    long.io) head -c 100000 /dev/zero ;;
    fails.io) echo "it is locked"; exit 3 ;;
    *) echo "credentials not found in native keychain"; exit 1 ;;
esac
]]

describe("credentials", function()
    local home

    before_each(function()
        home = scratch.directory()
    end)

    after_each(scratch.clean)

    local function put(path, value)
        local directory <const> = (home .. "/" .. path):match "^(.*)/"
        assert(core.file.mkdir(directory, { parents = true }))
        local text <const> = type(value) == "string" and value or json.encode(value)
        assert(core.file.write(home .. "/" .. path, text))
    end

    local function put_helper(name)
        put("bin/docker-credential-" .. name, HELPER)
        assert(core.file.chmod(home .. "/bin/docker-credential-" .. name, "0755"))
    end

    -- What a process with this home finds: "USER:PASSWORD", "token T", "nothing", or a failure.
    local function find(registry, repository, variables)
        local output <const> = program.lua(([[
            local ok, found = pcall(require "sdme.oci.credentials".find, %q, %q)
            if not ok then
                print("failed: " .. tostring(found))
            elseif not found then
                print "nothing"
            else
                print(found.user and found.user .. ":" .. found.password
                    or "token " .. found.identity_token)
            end]]):format(registry, repository or "a/b"),
            ("unset XDG_CONFIG_HOME DOCKER_CONFIG REGISTRY_AUTH_FILE; export HOME=%s"
            .. " XDG_RUNTIME_DIR=%s/run PATH=%s/bin:$PATH %s;"):format(home, home, home,
                variables or ""))
        return (output:gsub("\n$", ""))
    end

    it("are nobody's where there are no files", function()
        assert.equal("nothing", find "a.io")
    end)

    it("are those that are given", function()
        local found <const> = credentials.parse "me:pass:word"
        assert.same({ "me", "pass:word" }, { found.user, found.password })
        for _, pair in ipairs { "me", ":x", "", "me:a\nb", "m\re:x" } do
            assert.equal("EUSAGE", raised(credentials.parse, pair).code)
        end
    end)

    it("are in the first file that has them", function()
        local files <const> = { ".docker/config.json", ".config/containers/auth.json",
            "run/containers/auth.json" }
        for i, path in ipairs(files) do
            put(path, { auths = { ["a.io"] = auth("user:" .. i) } })
            assert.equal("user:" .. i, find "a.io")
        end
        put("other.json", { auths = { ["a.io"] = auth "user:4" } })
        assert.equal("user:4", find("a.io", nil, "REGISTRY_AUTH_FILE=" .. home .. "/other.json"))
        put("docker/config.json", { auths = { ["b.io"] = auth "user:5" } })
        assert.equal("user:5", find("b.io", nil, "DOCKER_CONFIG=" .. home .. "/docker"))
        put("run/containers/auth.json", "")
        assert.equal("user:2", find "a.io")
    end)

    it("are for the longest name that fits", function()
        put(".docker/config.json", { auths = {
            ["a.io"] = auth "whole:1", ["a.io/team"] = auth "team:2",
            ["a.io/team/app"] = auth "app:3", ["a.io/te"] = auth "other:4",
        } })
        assert.equal("app:3", find("a.io", "team/app"))
        assert.equal("team:2", find("a.io", "team/other/x"))
        assert.equal("whole:1", find("a.io", "teams/app"))
        assert.equal("nothing", find("a.io:5000", "team/app"))
        assert.equal("nothing", find("b.a.io", "team/app"))
    end)

    it("may be for a URL, as docker writes them", function()
        put(".docker/config.json", { auths = {
            ["https://index.docker.io/v1/"] = auth "hub:1", ["https://b.io"] = auth "b:2",
            ["http://c.io:5000/v2/"] = auth "c:3",
        } })
        assert.equal("hub:1", find("docker.io", "library/nginx"))
        assert.equal("b:2", find "b.io")
        assert.equal("c:3", find "c.io:5000")
        assert.equal("nothing", find "index.docker.io.evil.io")
    end)

    it("may be a token, or anything but control characters", function()
        put(".docker/config.json", { auths = {
            ["a.io"] = { identitytoken = "T" }, ["b.io"] = auth "<token>:U",
            ["c.io"] = auth "ü:p:ä ss", ["d.io"] = { auth = "" }, ["e.io"] = {},
            ["f.io"] = { auth = "bWU6cA=" .. "=" },
        } })
        assert.equal("token T", find "a.io")
        assert.equal("token U", find "b.io")
        assert.equal("ü:p:ä ss", find "c.io")
        assert.equal("nothing", find "d.io")
        assert.equal("nothing", find "e.io")
        assert.equal("me:p", find "f.io")
    end)

    it("are refused in one line that names the file, and not the secret", function()
        put(".docker/config.json", { auths = { ["a.io"] = { auth = "?" },
            ["b.io"] = auth "secret", ["c.io"] = auth "me:sec\nret", ["d.io"] = { auth = 1 },
            ["e.io"] = "secret" } })
        for registry, expected in pairs {
            ["a.io"] = "auths.a.io.auth: expected base64", ["b.io"] = "expected USER:PASSWORD",
            ["c.io"] = "without control characters", ["d.io"] = "expected a text, not a number",
            ["e.io"] = "expected an object, not a text",
        } do
            local message <const> = find(registry)
            assert.matches("^failed: /[^:]*/.docker/config.json: .*" .. expected, message)
            assert.not_matches("sec", message)
        end
        put(".docker/config.json", "{")
        assert.matches("^failed: .*config.json: line 1", find "a.io")
    end)

    it("may be what a helper knows, for one registry or for all", function()
        put_helper "one"
        put_helper "all"
        put(".docker/config.json", { credHelpers = { ["known.io"] = "one" }, credsStore = "all",
            auths = { ["file.io"] = auth "file:1", ["known.io"] = auth "file:2" } })
        assert.equal("me:from the helper", find "known.io")
        assert.equal("file:1", find "file.io")
        assert.equal("token T", find "token.io")
        assert.equal("nothing", find "unknown.io")
        assert.equal("nothing", find("docker.io", "library/nginx"))
        assert.equal("get known.io\nget token.io\nget unknown.io\n"
            .. "get https://index.docker.io/v1/\n", core.file.read(home .. "/bin/asked"))
    end)

    it("are refused where a helper fails", function()
        put_helper "all"
        put(".docker/config.json", { credsStore = "all" })
        for registry, expected in pairs { ["broken.io"] = "line 1", ["long.io"] = "65536",
            ["fails.io"] = "it ends with status 3" } do
            assert.matches("^failed: docker%-credential%-all: .*" .. expected, find(registry))
        end
        for _, name in ipairs { "../evil", "a/b", "a b", "-x", "$(id)" } do
            put(".docker/config.json", { credsStore = name })
            assert.matches("^failed: .*expected the name of a credential helper", find "a.io")
        end
        put(".docker/config.json", { credsStore = "missing" })
        assert.matches("^failed: docker%-credential%-missing: ", find "a.io")
    end)
end)
