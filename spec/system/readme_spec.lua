-- The README's tour, as somebody who reads it would type it, one command after another.

local debian <const> = require "spec.support.debian"
local page <const> = require "spec.support.page"
local registry <const> = require "spec.support.registry"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"

local README <const> = "README.md"

-- What differs from run to run: sizes, times, rates, digests, and names that were made up; and from
-- host to host, with the columns that it widens.
local VARIES <const> = {
    { "Debian GNU/Linux %d+ %(%l+%)", "Debian GNU/Linux %S+ ?%S*" },
    { "  +", " +" },
    { "^%l+%-%l+ is up", "%l+%-%l+ is up" },
    { "^layer %x+", "layer %x+" },
    { "%d+%.?%d* [kMG]?B", "[%d.]+ [kMG]?B" },
    { "%d+:%d%d", "%d+:%d%d" },
    { "%d+%.%d+ s", "[%d.]+ s" },
}

-- Where in a line the first of those is, and its pattern.
local function find_varying(line)
    local first <const> = { from = #line + 1, to = #line, pattern = "" }
    for _, each in ipairs(VARIES) do
        local from <const>, to <const> = line:find(each[1])
        if from and from < first.from then
            first.from, first.to, first.pattern = from, to, each[2]
        end
    end
    return first
end

-- A line of the README as a pattern.
local function pattern_of(line)
    local parts <const> = {}
    while line ~= "" do
        local found <const> = find_varying(line)
        parts[#parts + 1] = line:sub(1, found.from - 1):gsub("%W", "%%%0") .. found.pattern
        line = line:sub(found.to + 1)
    end
    return table.concat(parts)
end

-- What is typed at a prompt of Lua.
local function typed(line)
    return line:match "^>>? (.*)$"
end

-- What is shown of a command, as one pattern. The prompt of a terminal isn't there when nobody sits
-- at one.
local function expected(step)
    local lines <const> = {}
    for _, line in ipairs(step.output) do
        local shown <const> = not line:find "^root@[%w-]+:~#$" and not typed(line)
        lines[#lines + 1] = shown and pattern_of(line) or nil
    end
    return #lines > 0 and ("^%s\n*$"):format(table.concat(lines, "\n")) or nil
end

describe("the README's tour", function()
    local directory

    setup(function()
        directory = scratch.directory()
        shell.run("cp %s %s/debian.tar", debian.path "debian.tar", directory)
        shell.run("ln -s %s %s/sdme", sdme.program, directory)
        page.write_scripts(README, directory)
        registry.start({ port = 5000 }):push_images "nginx"
    end)
    teardown(function()
        sdme.clean_all()
        scratch.clean()
    end)

    local function write(name, ...)
        local file <close> = assert(io.open(directory .. "/" .. name, "w"))
        assert(file:write(...))
    end

    -- All that a command writes, on either stream.
    local function run(step)
        local lines <const> = {}
        for _, line in ipairs(step.output) do
            lines[#lines + 1] = typed(line)
        end
        write("typed", table.concat(lines, "\n"))
        write("step", "exec 2>&1 <typed\n", step.command, "\n")
        return shell.run("cd %s && SDME_DATADIR=%s PATH=%s:$PATH sh step", directory,
            sdme.datadir(), directory)
    end

    for _, step in ipairs(page.sessions(README)) do
        it(("goes as line %d says: %s"):format(step.line, step.command), function()
            local written <const> = run(step):gsub("\r", "")
            local pattern <const> = expected(step)
            if pattern then
                assert.matches(pattern, written)
            end
        end)
    end
end)
