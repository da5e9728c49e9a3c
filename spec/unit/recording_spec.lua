-- doc/tour.cast is what asciinema takes: asciicast v2, a header and then an event a line.

local json <const> = require "sdme.json"

local PATH <const>, BYTES <const> = "doc/tour.cast", 60 * 1024

describe("the recorded tour", function()
    local header, events, size

    setup(function()
        local file <close> = assert(io.open(PATH))
        header, events = json.decode(file:read "l"), {}
        for line in file:lines() do
            events[#events + 1] = json.decode(line)
        end
        size = file:seek()
    end)

    it("has a header that says how large the terminal is", function()
        assert.same({ 2, 100, 30 }, { header.version, header.width, header.height })
        assert.matches("^The tour of sdme", header.title)
    end)

    it("is output in the order of time", function()
        local last = 0
        assert.is_true(#events > 100)
        for _, event in ipairs(events) do
            assert.equal("o", event[2])
            assert.is_true(event[1] >= last and utf8.len(event[3]) ~= nil)
            last = event[1]
        end
    end)

    it("shows containers and the prompt, and no failure", function()
        local shown <const> = {}
        for i, event in ipairs(events) do
            shown[i] = event[3]
        end
        local text <const> = table.concat(shown)
        assert.matches("# sdme create %-%-name web", text)
        assert.matches("web is up after", text)
        assert.matches("# sdme repl\r\n> ", text)
        assert.is_nil(text:find "sdme: ")
        assert.is_nil(text:find "not found")
    end)

    it("is small", function()
        assert.is_true(size < BYTES)
    end)
end)
