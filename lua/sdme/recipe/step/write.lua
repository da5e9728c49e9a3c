-- A file with a content that the recipe has.

local account <const> = require "sdme.account"
local check <const> = require "sdme.recipe.step.check"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local file <const> = core.file

local M <const> = { name = "write" }

---@class sdme.WriteOptions
---@field owner string? `USER[:GROUP]`, names or numbers of the system's own; root
---@field mode string? "0644"

local OPTIONS <const> = { owner = "string", mode = "string" }

---@param path string absolute; directories on the way to it are made
---@param content string
---@param options sdme.WriteOptions?
---@return table doing
---@return string content
function M.prepare(_, path, content, options)
    options = check.options("write", options, OPTIONS)
    if type(content) ~= "string" then
        fault.usage("write: the content is a string, not a %s", type(content))
    end
    local digest <const> = fault.check(core.digest.new "sha256")
    digest:update(content)
    return {
        path = check.path("write", path), content = digest:hex(),
        owner = check.owner("write", options.owner), mode = check.mode("write", options.mode),
    }, content
end

---@return string
function M.what(doing)
    return doing.path
end

---@param context sdme.StepContext
function M.apply(context, doing, content)
    local root <close> = context:root()
    local uid, gid = 0, 0
    if doing.owner then
        uid, gid = account.owner(root, doing.owner)
    end
    local parent <const> = doing.path:match "^(.+)/"
    if parent and not file.stat(parent, { root = root, follow = true }) then
        fault.check(file.mkdir(parent,
            { root = root, parents = true, mode = "0755", uid = 0, gid = 0 }))
    end
    fault.check(file.write(doing.path, content, {
        root = root, mode = doing.mode or "0644", uid = uid, gid = gid, sync = false,
    }))
end

return M
