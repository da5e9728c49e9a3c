-- Recipes, from the file to the root filesystem.

local core <const> = require "sdme.core"
local debian <const> = require "spec.support.debian"
local json <const> = require "sdme.json"
local recipe <const> = require "spec.support.recipe_file"
local refused <const> = require "spec.support.refused"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local small <const> = require "spec.support.small_system"
local wait <const> = require "spec.support.wait"

local function inspect(name)
    return json.decode(sdme.ok("fs", "inspect", name or "web"))
end

local function layers(name)
    local ids <const> = {}
    for i, layer in ipairs(inspect(name).layers) do
        ids[i] = layer.id
    end
    return ids
end

-- What a file of a rootfs holds, as its topmost layers have it.
local function read(path, name)
    local found <const> = layers(name)
    for i = #found, 1, -1 do
        local tree <const> = ("%s/layers/%s/tree"):format(sdme.datadir(), found[i])
        if core.file.exists(tree .. path) then
            return core.file.read(tree .. path), core.file.stat(tree .. path)
        end
    end
    return nil
end

local function build(steps, ...)
    local path <const> = recipe.write(steps)
    return sdme.run("fs", "build", "web", path, ...), path
end

local function built(...)
    local result <const> = build(...)
    assert.equal(0, result.status, result.err)
    return result
end

-- Builds everything that was there before goes.
local function forget()
    for name in sdme.run("__complete", "rootfs").out:gmatch "[^\n]+" do
        if name ~= "debian" then
            sdme.run("fs", "rm", "--force", name)
        end
    end
    sdme.ok("fs", "cache", "clean")
end

describe("a recipe", function()
    setup(function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
    end)
    teardown(sdme.clean_all)
    after_each(function()
        sdme.clean()
        forget()
    end)

    it("makes a rootfs that boots, a layer for each step", function()
        local result <const> = built [[
            b:run "echo hello >/etc/greeting; rm /etc/motd; echo done"
            b:write("/etc/sdme/deep/motd", "by sdme\n", { owner = "nobody", mode = "0600" })
            b:enable "systemd-networkd"
            b:mask("apt-daily.timer", "apt-daily-upgrade.timer")]]
        assert.equal("web\n", result.out)
        assert.matches("web 1: run echo hello", result.err)
        assert.matches("web 1 | done", result.err, 1, true)
        assert.equal(5, #layers())
        local content <const>, stat <const> = read "/etc/sdme/deep/motd"
        assert.same({ "by sdme\n", tonumber("600", 8), 65534 }, { content, stat.mode, stat.uid })
        local shown <const> = sdme.run("new", "-r", "web", "--", "sh", "-c", [[
            cat /etc/greeting; ls /etc/motd; systemctl is-enabled systemd-networkd
            systemctl is-enabled apt-daily.timer]])
        assert.equal("hello\nenabled\nmasked\n", shown.out)
    end)

    it("finds each step that was done before, and does it again with --no-cache", function()
        local steps <const> = [[
            b:run "cat /proc/sys/kernel/random/uuid >/etc/one"
            b:run "cat /proc/sys/kernel/random/uuid >/etc/two"]]
        built(steps)
        local first <const>, before <const> = read "/etc/one", layers()
        assert.matches("^web: 2 steps, [%d.]+ s\n$", built(steps).err)
        assert.same(before, layers())
        built(steps, "--no-cache", "--force")
        local second <const>, after <const> = read "/etc/one", layers()
        assert.not_equal(first, second)
        built(steps, "--force") -- what was made last is what is found
        assert.same(after, layers())
        assert.equal(second, (read "/etc/one"))
    end)

    it("does again what comes behind a change, and shares what comes before it", function()
        local before <const> = (built [[
            b:run "echo 1 >/etc/one"
            b:write("/etc/two", "2")
            b:run "echo 3 >/etc/three"]]) and layers()
        built([[
            b:run "echo 1 >/etc/one"
            b:write("/etc/two", "two")
            b:run "echo 3 >/etc/three"]], "--force")
        local after <const> = layers()
        assert.same({ before[1], before[2] }, { after[1], after[2] })
        assert.not_equal(before[3], after[3])
        assert.not_equal(before[4], after[4])
    end)

    it("keeps the steps of the build before, for who goes back to them", function()
        local first <const> = 'b:run "cat /proc/sys/kernel/random/uuid >/etc/one"'
        built(first)
        local uuid <const> = read "/etc/one"
        built('b:run "echo other >/etc/one"', "--force")
        built(first, "--force")
        assert.equal(uuid, (read "/etc/one"))
    end)

    it("says why a step is done again", function()
        built [[
            b:env("LEVEL", "1")
            b:run "echo 1 >/etc/one"
            b:write("/etc/two", "2")]]
        local told <const> = built([[
            b:env("LEVEL", "2")
            b:run "echo 1 >/etc/one"
            b:write("/etc/two", "2")]], "--force", "--why").err
        assert.matches("web 2: run echo 1 >/etc/one: made: changed: environment.LEVEL\n", told, 1,
            true)
        assert.matches("    environment.LEVEL = 2\n", told, 1, true)
        assert.matches("web 3: write /etc/two: made: changed: below\n", told, 1, true)
    end)

    it("replaces a name only with --force, and only by what is complete", function()
        built 'b:write("/etc/one", "1")'
        local before <const> = inspect()
        local other <const> = recipe.write 'b:write("/etc/one", "2")'
        assert.equal("--force replaces it, once the new one is complete", refused.by(1,
            "a rootfs web exists, and the recipe makes another one", "fs", "build", "web", other))
        local failing <const> = recipe.write 'b:write("/etc/one", "2") b:run "exit 1"'
        assert.equal(1, sdme.run("fs", "build", "web", failing, "--force").status)
        assert.same(before, inspect())
        refused.by(1, "a rootfs debian exists, and the recipe makes another one", "fs", "build",
            "debian", recipe.write('b:run "true"', { from = '"scratch"' }))
    end)

    it("tells of a step that fails: where, what, how it ended, and how to look inside", function()
        local result <const>, path <const> = build [[
            b:run "echo first >/etc/first"
            b:run "seq 40; echo last; exit 3"]]
        assert.equal(1, result.status)
        local lines <const> = {}
        for line in result.err:match("\n(sdme: .*)$"):gmatch "[^\n]+" do
            lines[#lines + 1] = line
        end
        assert.equal(("sdme: web: step 2 (%s:4): `seq 40; echo last; exit 3` ended with status 3")
            :format(path), lines[1])
        assert.equal("  last", lines[21])
        assert.matches("^hint: sdme new %-r web@1 ", lines[22])
        assert.equal("first\n", sdme.run("new", "-r", "web@1", "--ephemeral", "--", "cat",
            "/etc/first").out)
        assert.matches("^sdme: the last build of web came to step 1, not to 2\n", sdme.run("create",
            "-r", "web@2").err)
        assert.equal(1, #json.decode(sdme.ok("fs", "ls", "--json")))
    end)

    it("tells of mistakes with the user's own line", function()
        for steps, message in pairs {
            ["local a\nb:run(a.b)"] = ":4: attempt to index a nil value (local 'a')",
            ["\nb:run('true', { chache = {} })"] = ":4: run has no option 'chache'",
            ["b:run {}"] = ":3: run: expected a line of the shell, or a program and its arguments",
            ["b:write('etc/x', '')"] = ":3: write: expected an absolute path, not 'etc/x'",
            ["b:write('/x', 1)"] = ":3: write: the content is a string, not a number",
            ["b:write('/x', '', { mode = 644 })"] = ":3: write: 'mode' is a string, not a number",
            ["b:write('/../x', '')"] = ":3: write: expected a path without '..', not '/../x'",
            ["b:remove '/'"] = ":3: remove: / stays",
            ["b:fly()"] = ":3: a recipe has no step 'fly'",
            ["b:env('A B', 'x')"] = ":3: env: 'A B' is no name",
            ["b:user ''"] = ":3: user: expected a user, or USER:GROUP",
            ["b:mask 'a/b'"] = ":3: mask: \"a/b\" is not the name of a unit",
            ["b:run('true', { secrets = { ['../x'] = 'y' } })"] =
                ":3: run: expected secrets by name, of letters, digits, '_', '.' and '-'",
            ["b:run('true', { cache = { '/' } })"] = ":3: run: / can't be cached",
            ["error 'no luck'"] = ":3: no luck",
            ["error {}"] = "table: 0x",
        } do
            local result <const>, path <const> = build(steps)
            local line <const> = result.err:match "sdme: ([^\n]*)"
            assert.equal(message:find "^:" and path .. message or message,
                message:find "^:" and line or line:sub(1, #message))
            assert.is_nil(result.err:find("traceback", 1, true))
            assert.equal(message:find "^:%d: [%w ]+:? " and line:find "nil value" == nil
                and not line:find "luck" and 2 or 1, result.status)
        end
    end)

    it("is refused before anything is done if it is none", function()
        for text, message in pairs {
            ["return sdme.recipe { from = 'debian', frm = 1 }"] =
                "sdme.recipe: there is no 'frm'",
            ["return sdme.recipe { from = 1 }"] =
                "sdme.recipe: 'from' is a string or a table, not a number",
            ["return sdme.recipe { }"] = "sdme.recipe: 'from' is a string or a table, not missing",
            ["return sdme.recipe { from = { src = 'x' } }"] =
                "sdme.recipe: there is no 'src' in from",
            ["return sdme.recipe { from = 'x', name = 'No' }"] = "sdme.recipe: \"No\" is not ",
            ["return 1"] = "recipe.lua returns no recipe",
        } do
            local path <const> = recipe.script("local sdme = require 'sdme'\n" .. text)
            local result <const> = sdme.run("fs", "build", "web", path)
            assert.matches(message, result.err, 1, true)
            assert.is_true(result.status > 0)
        end
        local path <const> = recipe.script "return return"
        assert.matches("^sdme: run .*:1: .*'return'", sdme.run("fs", "build", "web", path).err)
        refused.by(1, "there is no rootfs absent", "fs", "build", "web",
            recipe.write("", { from = '"absent"' }))
    end)

    it("gets the arguments of its build", function()
        local path <const> = recipe.write 'b:write("/etc/motd", arg[1] .. arg[2])'
        sdme.ok("fs", "build", "web", path, "--", "a", "b")
        assert.equal("ab", (read "/etc/motd"))
        sdme.ok("run", "--force", path, "-x", "c")
        assert.equal("-xc", (read "/etc/motd"))
    end)
end)

describe("a step that runs", function()
    setup(function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
    end)
    teardown(sdme.clean_all)
    after_each(function()
        sdme.clean()
        forget()
    end)

    it("runs as a user of the system, where and with what it is told", function()
        local told <const> = built([[
            b:env { ONE = "1", TWO = "2 %s $HOME" }
            b:user "www-data"
            b:workdir "/srv"
            b:workdir "made"
            b:run('printf "%s\n" "$ONE" "$TWO" "$THREE" "$HOME"; id -un; pwd',
                { env = { THREE = "3" } })
            b:run({ "sh", "-c", "id -u; id -g" }, { user = "daemon:mail", workdir = "/" })]]).err
        local lines <const> = {}
        for line in told:gmatch "| ([^\n]*)" do
            lines[#lines + 1] = line
        end
        assert.same({ "1", "2 %s $HOME", "3", "/var/www", "www-data", "/srv/made", "1", "8" },
            lines)
        local config <const> = inspect().image.config
        assert.same({ "www-data", "/srv/made" }, { config.user, config.workdir })
        assert.same({ "ONE=1", "TWO=2 %s $HOME" }, config.env)
        refused.by(1, "web: step 1 %(.*:3%): there is no user 'nobody%-else'", "fs", "build", "web",
            "--force", recipe.write 'b:run("true", { user = "nobody-else" })')
    end)

    it("has a network only if it may", function()
        local told <const> = built([[
            b:run("cat /proc/net/dev | wc -l; hostname", { network = false })]]).err
        assert.matches("| 3\n.*| localhost\n", told)
    end)

    it("ends when its time is over, with all that it has begun", function()
        local result <const> = build [[
            b:run("echo begun; (sleep 1000 &) ; sleep 1000", { timeout = 1 })]]
        assert.equal(1, result.status)
        assert.matches("`echo begun; .*` took longer than 1 s\n  begun\n", result.err)
        wait.until_equal("", small.at_work)
    end)

    it("has secrets that nobody else sees", function()
        local secret <const> = "hush-7b1d"
        local path <const> = recipe.write(([[
            local options = { secrets = { token = %q, other = { env = "SDME_OTHER" } } }
            b:run("cat /run/secrets/*; stat -c %%a /run/secrets/token;"
                .. "cat /proc/*/cmdline | tr '\\0' ' '; cp /etc/hostname /etc/x", options)
            b:run("id -un; cat /run/secrets/token", { user = "nobody", secrets = { token = %q } })
            b:run("grep -c . /run/secrets/token; false", options)]]):format(secret, secret))
        local result <const> = sdme.pipe("SDME_OTHER=psst-9", "fs", "build", "web", path)
        assert.matches("| ******400\n", result.err, 1, true)
        assert.matches("| nobody\nweb 2 | ***\n", result.err, 1, true)
        for _, word in ipairs { secret, "psst-9" } do
            assert.is_nil(result.err:find(word, 1, true))
            assert.is_false(shell.succeeds("grep -rqF %s %s", word, sdme.datadir()))
        end
        -- Another value is no other step.
        shell.run("sed -i s/%s/other/ %s", secret, path)
        local again <const> = sdme.pipe("SDME_OTHER=x", "fs", "build", "web", path)
        assert.is_nil(again.err:find("web 1 |", 1, true))
    end)

    it("has secrets that the host keeps", function()
        scratch.finally(function()
            sdme.ok("secret", "rm", "token")
        end)
        sdme.pipe("printf %s hush-5c2e |", "secret", "set", "token")
        local path <const> = recipe.write [[
            local secrets = { token = sdme.secret "token" }
            b:run("wc -c </run/secrets/token; cat /run/secrets/token", { secrets = secrets })]]
        local result <const> = sdme.run("fs", "build", "web", path)
        assert.matches("web 1 | 9\nweb 1 | ***\n", result.err, 1, true)
        assert.equal("", shell.run("grep -rlF hush-5c2e %s --exclude-dir=secrets || true",
            sdme.datadir()))
        sdme.pipe("printf %s another |", "secret", "set", "token")
        local again <const> = sdme.run("fs", "build", "web", path, "--force")
        assert.is_nil(again.err:find("web 1 |", 1, true))
        local absent <const> =
            build('b:run("true", { secrets = { x = sdme.secret "absent" } })', "--force")
        assert.matches("step 1 %([^\n]*:3%): there is no secret absent\n"
            .. "hint: sdme secret set absent\n", absent.err)
    end)

    it("keeps directories between builds, in no layer", function()
        local path <const> = recipe.write [[
            b:run("echo x >>/var/cache/mine/count; cat /var/cache/mine/count | wc -l",
                { cache = { "/var/cache/mine" } })]]
        sdme.ok("fs", "build", "web", path)
        local again <const> = sdme.run("fs", "build", "web", path, "--no-cache", "--force")
        assert.matches("web 1 | 2\n", again.err, 1, true)
        assert.same({}, core.file.list(sdme.top_layer "web" .. "/var/cache/mine"))
        assert.matches("\ndirectory +4 B +complete +/var/cache/mine\n", sdme.ok("fs", "cache", "ls")
            .. "\n")
        forget()
        assert.matches("web 1 | 1\n", sdme.run("fs", "build", "web", path).err, 1, true)
    end)

    it("leaves no trace of its run", function()
        built [[
            b:run("echo log >/var/log/some.log; mkdir -p /var/log/apt /var/log/app;"
                .. "echo >/var/log/apt/x; ln -s /dev/null /var/log/app/null; echo 1 >/tmp/x;"
                .. "systemd-machine-id-setup; echo 1 >/run/x;"
                .. "echo 1 >/var/cache/ldconfig/aux-cache")]]
        local tree <const> = sdme.top_layer "web"
        local found <const> = shell.run("cd %s && find . ! -type d | sort", tree)
        assert.matches("^[^\n]*app/null[^\n]*$", (found:gsub("%./etc/machine%-id\n", "")))
        assert.equal("", (read "/etc/machine-id") or "")
    end)

    it("sees what the kernel would see of it, one word at a time", function()
        local told <const> = built([[b:run { "printf", "%s|", "a b", "", "$HOME", "'" }]]).err
        assert.matches("web 1 | a b||$HOME|'|\n", told, 1, true)
    end)
end)
