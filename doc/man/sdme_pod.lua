-- sdme-pod(5)

local api <const> = require "man.api"
local core <const> = require "sdme.core"
local documentation <const> = require "sdme.documentation"
local fault <const> = require "sdme.fault"
local prose <const> = require "man.prose"
local roff <const> = require "man.roff"

-- The example is a file of its own, without what its first lines say to who runs it.
local EXAMPLE <const> =
    fault.check(core.file.read "examples/pod.lua"):match "\n(local sdme.-)\n*$"

-- What `--dry-run` says of it at first, and with a container running and another `memory`.
local FIRST <const> = [[
ACTION  KIND       NAME        WHY
create  pod        shop        -
create  container  shop-db     -
create  container  shop-front  -]]

local LATER <const> = [[
ACTION  KIND       NAME        WHY
change  container  shop-db     memory
keep    container  shop-front  -]]

local function describe(page)
    page:section "DESCRIPTION"
    page:paragraphs(
        "A pod is a network that containers share. A Lua script that returns what `sdme.pod`"
            .. " gives describes one with its containers: `sdme run FILE` brings it up, and"
            .. " `sdme run --dry-run FILE` says what there would be to do. `sdme pod rm NAME`"
            .. " takes it down. What else a script can do is in `sdme`(3lua), and pods without"
            .. " one are in `sdme`(1).",
        "What is as described already stays as it is. What differs is changed, started again"
            .. " where that takes it, or made anew where its root filesystem or its `userns` is"
            .. " another. Containers that the description has no more are removed; those of"
            .. " others in the pod are let alone. What fails leaves the rest, and the next run"
            .. " goes on from there, also when the last one was killed.")
end

local function containers(page)
    local class <const> = documentation.class "sdme.PodContainer"
    page.shown = { [class.name] = true } -- in a section of its own
    page:section "KEYS"
    api.fields(page, documentation.class "sdme.PodDescriptionTable")
    page:section "CONTAINERS"
    page:paragraphs("Each has a key, which is what the others in the pod find it by, too, in"
        .. " `/etc/hosts`. It takes what `sdme.create` does, see sdme.Settings in `sdme`(3lua),"
        .. " but `pod`, `oci_pod`, `started` and `user`; and besides:")
    api.own_fields(page, class)
end

-- What there is to know of some of the keys: a heading and paragraphs for each.
local TOPICS <const> = {
    { "ORDER", "Containers start side by side, but for those that come `after` others: these"
        .. " have started, and are ready, before. When the pod goes, it is the other way round."
        .. " If one fails, those that come after it aren't started.",
        "When the host boots, systemd starts those that are enabled (`enable = true`): one's"
            .. " unit is ordered behind those that it comes after, so that their boots are over"
            .. " before its own begins. `ready` isn't asked then." },
    { "READINESS", "All that `ready` names has to be fine, one after another: `unit`, `exec`,"
        .. " `tcp` and `http`, which are tried again until they are, or `timeout` is over."
        .. " Connections are made in the pod's network, by addresses in digits. Without `ready`"
        .. " a container is ready when its boot is over." },
    { "VOLUMES", "A volume is the directory `volumes/@POD/NAME` of the data directory, at that"
        .. " path in each container that names it, or in its application if it has one. A new"
        .. " one begins with what the application's image has there. Volumes outlive the pod,"
        .. " until `sdme prune`." },
    { "SECRETS", "`secrets` of a container names those that it is given, as credentials, and its"
        .. " applications as `/run/secrets/NAME`; `sdme.secret(NAME)` is the value of a variable"
        .. " in `env` or `oci_env`. A container that runs is started again when one of them has"
        .. " changed. Values are set by `sdme secret set`, and are neither in the script nor in"
        .. " the state." },
    { "PORTS AND NETWORKS", "`ports` of the host lead to whoever listens in the pod, also on its"
        .. " loopback addresses, while one of its containers runs. `network` is a way out of the"
        .. " pod. Ports that an image names aren't opened, and containers that are in the pod as"
        .. " a whole have no `port` of their own.",
        "With `app_only` a container's system stays outside, and its applications alone are in"
            .. " the pod." },
}

local function show_example(page)
    page:section "EXAMPLE"
    page:paragraphs "The script above, before it was run for the first time:"
    page:code("# sdme run --dry-run shop.lua\n" .. FIRST)
    page:paragraphs "And when it has been run, and `memory` is another:"
    page:code("# sdme run --dry-run shop.lua\n" .. LATER)
end

---@return string
return function()
    local page <const> = roff.page("sdme-pod", 5, "File Formats", core.version)
    page:section "NAME"
    page:text "sdme-pod \\- what a pod and its containers are to be like"
    page:section "SYNOPSIS"
    page:code(EXAMPLE)
    describe(page)
    containers(page)
    for _, topic in ipairs(TOPICS) do
        page:section(topic[1])
        page:paragraphs(table.unpack(topic, 2))
    end
    page:section "IN LUA"
    prose.write(page, api.find("sdme", "pod").text)
    for _, one in ipairs(documentation.class("sdme.PodDefinition").functions) do
        api.call(page, documentation.signature({ owner = "definition" }, one), one)
    end
    show_example(page)
    page:section "SEE ALSO"
    page:text(roff.inline "`sdme`(1), `sdme`(3lua), `sdme-recipe`(5), `sdme.conf`(5)")
    return page:render()
end
