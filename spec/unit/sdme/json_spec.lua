local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local raised <const> = require "spec.support.raised"

describe("sdme.json", function()
    describe("decode", function()
        local function decode(text, options)
            return json.decode(text, "state.json", options)
        end

        local function refusal(text)
            local what <const> = raised(decode, text)
            assert.is_true(fault.is(what, "EJSON"))
            return what.message
        end

        it("reads whole numbers as integers", function()
            assert.equal("integer", math.type(decode "[5]"[1]))
            assert.equal("integer", math.type(decode "[-5.0]"[1]))
            assert.equal("integer", math.type(decode "[1e3]"[1]))
            assert.equal("5", tostring(decode "5"))
        end)

        it("leaves fractions, and numbers beyond 2^53, as floats", function()
            assert.equal("float", math.type(decode "1.5"))
            assert.equal("integer", math.type(decode "9007199254740991"))
            assert.equal("float", math.type(decode "9007199254740993"))
        end)

        it("drops nulls unless asked to keep them", function()
            assert.same({ b = 1 }, decode '{"a":null,"b":1}')
            assert.equal(json.null, decode('{"a":[null]}', { null = true }).a[1])
        end)

        it("names the document, the line and the column of an error", function()
            assert.equal("state.json: line 1, column 1: expected value but found the end",
                refusal "")
            assert.equal("state.json: line 3, column 5: expected value but found '}'",
                refusal '{\n"a": 1,\n"b":}')
        end)

        it("refuses what is cut short, whatever the place", function()
            local text <const> = '{"a":[1,{"b":"c\\u0041"}],"d":true}'
            for length = 0, #text - 1 do
                refusal(text:sub(1, length))
            end
            assert.is_table(decode(text))
        end)

        it("refuses numbers that aren't finite", function()
            refusal "[NaN]"
            refusal "[Infinity]"
            refusal "[0x10]"
            assert.matches("out of range", refusal "[1e999]")
        end)

        it("refuses a NUL, which its parser takes for the end", function()
            assert.equal("state.json: line 1, column 4: a control character",
                refusal "[1]\0 and more")
        end)

        it("refuses what isn't UTF-8", function()
            assert.equal("state.json: line 1, column 3: not UTF-8", refusal '["\xff"]')
            refusal '"\\ud800"'
        end)

        it("refuses what is nested without end", function()
            assert.matches("nested", refusal(("["):rep(100000)))
            assert.matches("nested", refusal(('{"a":'):rep(200) .. "1" .. ("}"):rep(200)))
        end)

        it("raises nothing but faults, whatever the bytes", function()
            local pieces <const> = { "{", "}", "[", "]", '"', ":", ",", "\\", "u12", "1", "-", "e5",
                "null", "true", "\0", "\xff", "\n", "é" }
            math.randomseed(1)
            for _ = 1, 3000 do
                local text = {}
                for i = 1, math.random(12) do
                    text[i] = pieces[math.random(#pieces)]
                end
                local ok, what = pcall(decode, table.concat(text))
                assert.is_true(ok or fault.is(what, "EJSON"), tostring(what))
            end
        end)
    end)

    describe("encode", function()
        it("sorts keys", function()
            assert.equal('{"a":1,"b":{"c":2,"d":3},"e":4}',
                json.encode { e = 4, b = { d = 3, c = 2 }, a = 1 })
        end)

        it("writes integers in full", function()
            assert.equal("[9223372036854775807,-9223372036854775808]",
                json.encode { math.maxinteger, math.mininteger })
        end)

        it("writes floats as short as they read back the same", function()
            assert.equal("[0.1,2.5,0.3333333333333333,1e+100]",
                json.encode { 0.1, 2.5, 1 / 3, 1e100 })
            math.randomseed(1)
            for _ = 1, 1000 do
                local number <const> = (math.random() - 0.5) * 10 ^ math.random(-300, 300)
                assert.equal(number, json.decode(json.encode { number }, "x")[1])
            end
        end)

        it("writes an empty table as an object unless it is marked as a list", function()
            assert.equal("{}", json.encode {})
            assert.equal('{"a":[],"b":{}}', json.encode { a = json.array(), b = {} })
            assert.equal("[1]", json.encode(json.array { 1 }))
        end)

        it("escapes what JSON must escape, and nothing else", function()
            assert.equal('"a\\"b\\\\c/d\\n\\u0000\\u001bé"', json.encode 'a"b\\c/d\n\0\27é')
        end)

        it("indents when asked", function()
            assert.equal('{\n  "a": [\n    1,\n    {}\n  ],\n  "b": null\n}',
                json.encode({ a = { 1, {} }, b = json.null }, { indent = 2 }))
        end)

        it("reads back what it has written", function()
            local value <const> = { a = { 1, 2, { b = "x\0y" } }, c = true, d = false, e = 1.25 }
            assert.same(value, json.decode(json.encode(value), "x"))
        end)

        local function refusal(value)
            local what <const> = raised(json.encode, value)
            assert.is_true(fault.is(what, "EJSON"))
            return what.message
        end

        it("names the place of what JSON can't say", function()
            assert.equal("can't write as JSON: env.PATH isn't UTF-8",
                refusal { env = { PATH = "\xff" } })
            assert.equal("can't write as JSON: a[2].b is a function",
                refusal { a = { 1, { b = print } } })
            assert.equal("can't write as JSON: a[1] isn't a finite number",
                refusal { a = { 0 / 0 } })
            assert.equal("can't write as JSON: it isn't a finite number", refusal(-math.huge))
            assert.equal("can't write as JSON: a has the key true, which isn't a string",
                refusal { a = { [true] = 1 } })
        end)

        it("refuses a key that isn't UTF-8", function()
            assert.matches("isn't UTF%-8", refusal { ["\xff"] = 1 })
        end)

        it("refuses lists with holes or other keys", function()
            assert.matches("holes", refusal { 1, 2, nil, 4 })
            assert.matches("holes", refusal { 1, a = 2 })
            assert.matches("holes", refusal(json.array { a = 2 }))
        end)

        it("refuses tables that contain themselves", function()
            local value <const> = {}
            value.a = value
            assert.matches("nested too deeply", refusal(value))
        end)
    end)
end)
