local lines <const> = require "sdme.lines"

local function told(data, secrets)
    local list <const> = {}
    local reader <const> = lines.new {
        secrets = secrets, tell = function(line) list[#list + 1] = line end,
    }
    for _, chunk in ipairs(data) do
        reader:add(chunk)
    end
    reader:finish()
    return list, reader
end

describe("output by lines", function()
    it("is told line by line, however it comes", function()
        assert.same({ "one", "", "two", "three" }, (told { "o", "ne\n\ntw", "o\nthr", "ee" }))
        assert.same({}, (told { "" }))
    end)

    it("has of a line that was drawn again what was seen last", function()
        assert.same({ "100%", "end" }, (told { "1%\r50%\r100%\r\nend\r\n" }))
    end)

    it("has no secret in it, also where it comes in parts or lines", function()
        assert.same({ "a *** b***", "***", "***" }, (told({ "a hu", "sh b", "hush\nfirst\nsecond" },
            { { value = "hush" }, { value = "first\nsecond\n" } })))
        assert.same({ "***" }, (told({ "a%d+.b\n" }, { { value = "a%d+.b" } })))
        assert.same({ "***x" }, (told({ "abcdx\n" }, { { value = "ab" }, { value = "abcd" } })))
        assert.same({ "same" }, (told({ "same\n" }, { { value = "" } })))
    end)

    it("breaks a line without an end, but no secret in it", function()
        local secret <const> = ("s"):rep(40)
        local list <const> = told({ ("x"):rep(65500), ("y"):rep(60) .. secret:sub(1, 20),
            secret:sub(21) .. "end" }, { { value = secret } })
        local text <const> = table.concat(list)
        assert.is_true(#list > 1)
        assert.is_nil(text:find "ss")
        assert.matches("y%*%*%*end$", text)
    end)

    it("remembers the last twenty", function()
        local data <const> = {}
        for i = 1, 30 do
            data[i] = i .. "\n"
        end
        local _, reader <const> = told(data)
        assert.same({ 20, "11", "30" }, { #reader:last(), reader:last()[1], reader:last()[20] })
    end)
end)
