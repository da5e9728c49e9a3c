local core <const> = require "sdme.core"
local kind <const> = require "sdme.kind"

-- Modules beside those of kinds.
local OWN <const> = { base = true, init = true }

describe("every kind", function()
    local kinds <const> = {}
    for name, value in pairs(kind) do
        if type(value) == "table" then
            kinds[name] = value
            kinds["many " .. name] = kind.many(value)
            kinds["list of " .. name] = kind.list(value)
        end
    end
    kinds.interface, kinds.range = kind.interface "vz-", kind.range(kind.size, 5, 10)

    local PIECES <const> = {
        "a", "Z", "0", "9", "65535", ":", "/", "\\", ",", "=", "~", "@", ".", "..", "-", "_",
        " ", "tcp", "udp", "ro", "K", "T", "\0", "\n", "\27", "\xff", "é", "%", "$", '"',
        "/dev/", "/proc", "[", "]", "cap_", "chown", "name", "yes",
    }

    local function random_text()
        local parts = {}
        for i = 1, math.random(0, 10) do
            parts[i] = PIECES[math.random(#PIECES)]
        end
        return table.concat(parts)
    end

    local function random_value(depth)
        local choice <const> = math.random(depth > 2 and 5 or 8)
        if choice <= 2 then
            return random_text()
        elseif choice == 3 then
            return math.random(-5, 70000)
        elseif choice == 4 then
            return ({ 0 / 0, 1 / 0, -1 / 0, 1.5, 1e300 })[math.random(5)]
        elseif choice == 5 then
            return ({ true, false, print })[math.random(3)]
        end
        local value <const> = {}
        for _ = 1, math.random(0, 4) do
            local key <const> = ({ "name", "value", "host", "source", "target", "protocol", 1,
                2, 7, 1.5, true })[math.random(11)]
            value[key] = random_value(depth + 1)
        end
        return value
    end

    local function answer(name, given, value, why)
        if value == nil then
            assert(type(why) == "string" and #why > 0, name .. " gives no reason")
            return nil
        end
        assert(type(given) ~= "string" or not why, name .. " gives a value and a reason")
        return value
    end

    it("is one of those that its module has", function()
        for _, subject in ipairs(core.file.list "lua/sdme/kind") do
            local module <const> = subject:match "^(.*)%.lua$"
            for name in pairs(OWN[module] and {} or require("sdme.kind." .. module)) do
                assert.is_not_nil(kind[name], name)
            end
        end
        for name, value in pairs(kinds) do
            assert.equal("function", type(value.parse), name)
        end
    end)

    it("answers any text with a value or a reason, and shows what it reads back", function()
        math.randomseed(2)
        for name, one in pairs(kinds) do
            for _ = 1, 100 do
                local text <const> = random_text()
                local value <const> = answer(name, text, one.parse(text))
                if value ~= nil then
                    assert.same(value, one.check(value), name)
                    -- A map is shown as several values, or as one, which may be none.
                    if not name:find "^many env" and name ~= "many mirrors" then
                        assert.same(value, one.parse(one.show(value)), name)
                    end
                end
            end
        end
    end)

    it("answers any Lua value with a value or a reason", function()
        math.randomseed(3)
        for name, one in pairs(kinds) do
            for _ = 1, 100 do
                local given <const> = random_value(0)
                answer(name, given, one.check(given))
            end
        end
    end)
end)
