-- A page of the documentation, taken apart: what its headings name, and its examples.

local M <const> = {}

local function read(path)
    local file <close> = assert(io.open(path))
    return file:read "a"
end

---@class spec.Entry
---@field name string what is documented: "sdme.create", "container:stop"
---@field signature string the whole heading
---@field text string what follows, up to the next heading
---@field callable boolean

---What the headings in code name, in order.
---@param path string
---@return spec.Entry[]
function M.entries(path)
    local entries <const>, current = {}, nil
    for line in read(path):gmatch "[^\n]*" do
        local signature <const> = line:match "^#+ `(.*)`$"
        if signature then
            local name <const>, rest <const> = signature:match "^([%w_.:]+)(.*)$"
            current = { name = name, signature = signature, text = "", callable = rest ~= "" }
            entries[#entries + 1] = current
        elseif line:find "^#+ " then
            current = nil
        elseif current then
            current.text = current.text .. line .. "\n"
        end
    end
    return entries
end

---@param path string
---@return { line: integer, code: string }[]
function M.examples(path)
    local examples <const>, number, current = {}, 0, nil
    for line in (read(path) .. "\n"):gmatch "([^\n]*)\n" do
        number = number + 1
        if line == "```lua" then
            current = { line = number + 1, code = "" }
        elseif line == "```" and current then
            examples[#examples + 1] = current
            current = nil
        elseif current then
            current.code = current.code .. line .. "\n"
        end
    end
    return examples
end

---What is typed in a page's indented blocks, each command with what it prints.
---@param path string
---@return { line: integer, command: string, output: string[] }[]
function M.sessions(path)
    local steps <const>, number, current = {}, 0, nil
    for line in (read(path) .. "\n"):gmatch "([^\n]*)\n" do
        number = number + 1
        local text <const> = line:match "^    (.*)$" or line:match "^$"
        local command <const> = text and text:match "^# (.*)$"
        if command then
            current = { line = number, command = command, output = {} }
            steps[#steps + 1] = current
        elseif not text then
            current = nil
        elseif current then
            current.output[#current.output + 1] = text
        end
    end
    for _, step in ipairs(steps) do
        while step.output[#step.output] == "" do
            table.remove(step.output)
        end
    end
    return steps
end

---Writes a page's scripts to files, which it names where it first runs something after them.
---@param path string
---@param directory string
function M.write_scripts(path, directory)
    local steps <const> = M.sessions(path)
    for _, example in ipairs(M.examples(path)) do
        for _, step in ipairs(steps) do
            local name <const> = step.line > example.line
                and step.command:match "^sdme run ([%w-]+%.lua)$"
            if name then
                local file <close> = assert(io.open(directory .. "/" .. name, "w"))
                assert(file:write(example.code))
                break
            end
        end
    end
end

---Compiles an example; its errors tell its line in the page.
---@param path string
---@param example { line: integer, code: string }
---@return function
function M.compile(path, example)
    local code <const> = example.code:gsub("^#[^\n]*", "")
    return assert(load(("\n"):rep(example.line - 1) .. code, "@" .. path, "t"))
end

return M
