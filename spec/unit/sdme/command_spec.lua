local arguments <const> = require "sdme.arguments"
local cli <const> = require "sdme.cli"
local help <const> = require "sdme.help"
local text <const> = require "sdme.text"

-- Every command and subcommand with its path.
local function commands()
    local list <const> = {}
    local function add(command, path)
        list[#list + 1] = { command = command, path = path }
        for _, entry in ipairs(command.subcommands or {}) do
            local subcommand <const> = cli.load(entry)
            assert.equal(entry.name, subcommand.name)
            add(subcommand, path .. " " .. subcommand.name)
        end
    end
    add(cli.root, "sdme")
    return list
end

describe("every command", function()
    it("says what it does, in a few words without a full stop", function()
        for _, each in ipairs(commands()) do
            local summary <const> = each.command.summary
            assert.is_string(summary, each.path)
            assert.is_true(#summary > 0 and #summary <= 72, each.path)
            assert.not_matches("[.\n]$", summary, each.path)
        end
    end)

    it("either runs or has commands that do", function()
        for _, each in ipairs(commands()) do
            assert.not_equal(each.command.run == nil, each.command.subcommands == nil, each.path)
        end
    end)

    it("has a key of its own for each option and operand", function()
        for _, each in ipairs(commands()) do
            local keys <const> = {}
            for _, taker in ipairs(arguments.options(each.command)) do
                local key <const> = arguments.key(taker.long)
                assert.is_nil(keys[key], each.path .. " --" .. taker.long)
                assert.is_string(taker.help, each.path .. " --" .. taker.long)
                keys[key] = true
            end
            for _, operand in ipairs(each.command.operands or {}) do
                local key <const> = arguments.key(operand.name)
                assert.is_nil(keys[key], each.path .. " " .. operand.name)
                keys[key] = true
            end
        end
    end)

    it("has a letter of its own for each short option", function()
        for _, each in ipairs(commands()) do
            local letters <const> = {}
            for _, option in ipairs(arguments.options(each.command)) do
                if option.short then
                    assert.is_nil(letters[option.short], each.path .. " -" .. option.short)
                    letters[option.short] = true
                end
            end
        end
    end)

    it("has help that fits in 80 columns", function()
        for _, each in ipairs(commands()) do
            for line in help.text(each.command, each.path, cli.load):gmatch "[^\n]+" do
                assert.is_true(text.width(line) <= 80, line)
            end
        end
    end)

    -- The words after the command, as a shell would split what the examples need.
    local function words_of(example, path)
        local _, last <const> = example:find(path .. " ", 1, true)
        local words <const> = {}
        for word in (last and example:sub(last + 1) or ""):gmatch "%S+" do
            if word:find "^[>|]" then
                break
            end
            words[#words + 1] = word:gsub("'", "")
        end
        return words
    end

    it("takes its own examples", function()
        for _, each in ipairs(commands()) do
            for _, example in ipairs(each.command.examples or {}) do
                assert.matches(each.path, example[1], 1, true)
                if not each.command.subcommands then
                    arguments.parse(each.command, words_of(example[1], each.path), each.path)
                end
            end
        end
    end)
end)
