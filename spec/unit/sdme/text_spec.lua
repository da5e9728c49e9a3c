local shell <const> = require "spec.support.shell"
local text <const> = require "sdme.text"

describe("sdme.text", function()
    describe("printable", function()
        local printable <const> = text.printable

        it("leaves what a terminal shows as it is", function()
            assert.equal("plain, ünï©ode → 日本", printable "plain, ünï©ode → 日本")
        end)

        it("escapes control characters", function()
            assert.equal("a\\nb\\tc\\rd", printable "a\nb\tc\rd")
            assert.equal("\\x1b[31mred\\x00\\x7f", printable "\27[31mred\0\127")
        end)

        it("escapes the control characters of C1", function()
            assert.equal("\\xc2\\x9b31m", printable "\u{9b}31m")
        end)

        it("escapes marks that reorder the line", function()
            assert.equal("\\xe2\\x80\\xaetxt.exe", printable "\u{202e}txt.exe")
            assert.equal("\\xe2\\x81\\xa6x\\xe2\\x81\\xa9", printable "\u{2066}x\u{2069}")
        end)

        it("escapes each byte that isn't UTF-8, and only those", function()
            assert.equal("é\\xff\\xfeé", printable "é\xff\xfeé")
            assert.equal("\\xe3\\x81", printable "\xe3\x81")
            assert.equal("\\xed\\xa0\\x80", printable "\xed\xa0\x80")
        end)
    end)

    describe("wrap", function()
        it("breaks between words, no line wider than asked", function()
            assert.same({ "one two", "three", "four" }, text.wrap("one two three four", 7))
        end)

        it("counts characters, not bytes", function()
            assert.same({ "éé éé" }, text.wrap("éé éé", 5))
        end)

        it("gives a word that is too long its own line", function()
            assert.same({ "a", "/very/long/path", "b" }, text.wrap("a /very/long/path b", 6))
        end)

        it("keeps line ends, and empty lines", function()
            assert.same({ "a", "", "b" }, text.wrap("a\n\nb", 10))
        end)
    end)

    describe("shell_word", function()
        it("quotes what a shell would interpret, and nothing else", function()
            assert.equal("/a:/b.c,d@e%f+g-h=i", text.shell_word "/a:/b.c,d@e%f+g-h=i")
            for _, word in ipairs { "", "a b", "a'b", "$x", "`x`", "a\\b", "*", "~", "=x" } do
                assert.equal(word .. "|", shell.run("printf %%s%s " .. text.shell_word(word), "|"))
            end
        end)
    end)

    describe("nearest", function()
        local words <const> = { "create", "new", "start", "stop", "completions", "memory" }

        it("finds a word with a letter missing, added, changed or swapped", function()
            assert.equal("create", text.nearest("crate", words))
            assert.equal("start", text.nearest("staart", words))
            assert.equal("memory", text.nearest("memary", words))
            assert.equal("memory", text.nearest("memroy", words))
            assert.equal("ps", text.nearest("sp", { "ps", "rm" }))
        end)

        it("finds a long word through more than one mistake", function()
            assert.equal("completions", text.nearest("kompletion", words))
        end)

        it("finds what begins like the word", function()
            assert.equal("completions", text.nearest("comp", words))
        end)

        it("finds nothing where nothing is near", function()
            assert.is_nil(text.nearest("xyzzy", words))
            assert.is_nil(text.nearest("", words))
            assert.is_nil(text.nearest(("memory"):rep(1000), words))
        end)
    end)
end)
