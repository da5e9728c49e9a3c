-- A command in the state so far, in a container that isn't booted.

local account <const> = require "sdme.account"
local check <const> = require "sdme.recipe.step.check"
local fault <const> = require "sdme.fault"
local kept <const> = require "sdme.recipe.kept"
local secrets <const> = require "sdme.recipe.secrets"
local step <const> = require "sdme.step"
local tar <const> = require "sdme.export.tar"
local text <const> = require "sdme.text"

local M <const> = { name = "run" }

-- Of a longer command the rest isn't shown.
local SHOWN <const> = 60

---@class sdme.RunOptions
---@field cache string[]? directories that are kept between builds, and are in no layer
---@field secrets table<string, any>? files of /run/secrets by name: each a string, or `{ file = }`,
---  `{ env = }`, or an object with a method `value`. They are in no layer, log or key
---@field network boolean? false: only a loopback
---@field env table<string, string>? besides that of the image
---@field user string? "USER[:GROUP]" of the system; else the image's, or root
---@field workdir string? where it begins; else the image's, or /
---@field timeout number? seconds
local OPTIONS <const> = {
    cache = "table", secrets = "table", network = "boolean", env = "table", user = "string",
    workdir = "string", timeout = "number",
}

-- A line of the shell ends with the first command of it that fails.
local function words_of(command)
    if type(command) == "string" then
        return { "/bin/sh", "-e", "-c", check.text("run", "the command", command) }
    end
    return check.list("run", "a line of the shell, or a program and its arguments", command)
end

local function shown(command)
    local words <const> = {}
    for i, word in ipairs(type(command) == "table" and command or {}) do
        words[i] = text.shell_word(word)
    end
    local line <const> = type(command) == "string" and command or table.concat(words, " ")
    return text.printable((line:gsub("^%s+", ""):gsub("%s+$", ""):gsub("%s*\n%s*", "; ")))
end

local function shorten(line)
    local cut <const> = utf8.offset(line, SHOWN)
    return cut and utf8.len(line) > SHOWN and line:sub(1, cut - 1) .. "…" or line
end

local function environment(b, options)
    local env <const> = b:environment()
    for name, value in pairs(check.map("run", options.env, "^[%a_][%w_]*$")) do
        env[name] = value
    end
    return env
end

local function cache_paths(list)
    local paths <const> = {}
    if not list or next(list) == nil then
        return nil
    end
    for i, path in ipairs(check.list("run", "directories to cache", list)) do
        paths[i] = check.path("run", path)
        if paths[i] == "/" then
            fault.usage("run: / can't be cached")
        end
    end
    return paths
end

local function check_user(user)
    return user and check.owner("run", user)
end

---@param b sdme.Builder
---@param command string|string[] a line of the shell, or a program and its arguments
---@param options sdme.RunOptions?
---@return table doing
---@return table extra
function M.prepare(b, command, options)
    options = check.options("run", options, OPTIONS)
    if options.timeout and options.timeout <= 0 then
        fault.usage("run: the timeout is a number of seconds")
    end
    local given <const> = secrets.check(options.secrets)
    local config <const> = b.config
    local doing <const> = {
        argv = words_of(command), environment = environment(b, options),
        user = check_user(options.user) or config.user ~= "" and config.user or nil,
        workdir = options.workdir and check.path("run", options.workdir)
            or config.workdir ~= "" and config.workdir or nil,
        network = options.network ~= false, cache = cache_paths(options.cache),
        secrets = #given > 0 and secrets.names(given) or nil,
    }
    for i, word in ipairs(doing.argv) do
        doing.argv[i] = utf8.len(word) and word
            or fault.usage("run: word %d of the command isn't UTF-8", i)
    end
    return doing, { shown = shown(command), timeout = options.timeout, secrets = given }
end

---@return string
function M.what(_, extra)
    return shorten(extra.shown)
end

local function user_of(context, user)
    if not user then
        return { uid = 0, gid = 0 }
    end
    local root <close> = context.builder:root()
    return account.find(root, user)
end

-- Another user than root has another name and home: systemd-nspawn knows nothing of that.
local function step_environment(doing, user)
    local epoch <const> = tar.source_date()
    local env <const> = {
        SOURCE_DATE_EPOCH = epoch and ("%d"):format(epoch), HOME = user.home, USER = user.name,
        LOGNAME = user.name,
    }
    for name, value in pairs(doing.environment) do
        env[name] = value
    end
    return env
end

---@param context sdme.StepContext
function M.apply(context, doing, extra)
    local user <const> = user_of(context, doing.user)
    local caches <close> = kept.open(context, doing.cache or {}, user)
    step.run {
        layers = context.layers, stage = context.stage, argv = doing.argv, what = context.what,
        shown = shorten(extra.shown), environment = step_environment(doing, user),
        user = doing.user,
        cwd = doing.workdir, network = doing.network, timeout = extra.timeout,
        binds = caches.binds, secrets = secrets.values(extra.secrets, user),
        output = context.output,
    }
    step.clean(context.stage .. "/tree", context.layers)
end

return M
