local text <const> = require "sdme.unit.text"

describe("a unit", function()
    it("has its sections, and what each assigns", function()
        assert.equal("[Unit]\nDescription=a b\n\n[Service]\nTasksMax=5\nEnvironment=A=1\n"
            .. "Environment=B=2\n",
            text.render {
                { "Unit", { "Description", "a b" } },
                { "Service", { "TasksMax", 5 }, { "Environment", { "A=1", "B=2" } } },
            })
    end)

    it("lacks what has no value", function()
        assert.equal("[Unit]\n", text.render {
            { "Unit", { "Wants", nil }, { "After", {} }, { "Upholds", false } },
        })
    end)

    it("has words as systemd reads them back", function()
        assert.equal("plain-1.0", text.quote "plain-1.0")
        assert.equal('"a b\\\\c\\"%%h\\x0a"', text.quote 'a b\\c"%h\n')
        assert.equal('"$$HOME"', text.quote_argument "$HOME")
        assert.equal('A="\\$b\\`\\\\"\n', text.assignment("A", "$b`\\"))
    end)
end)
