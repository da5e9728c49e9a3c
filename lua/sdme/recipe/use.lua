-- The steps of another recipe, done here.

local fault <const> = require "sdme.fault"
local position <const> = require "sdme.recipe.position"
local recipes <const> = require "sdme.recipe"

local M <const> = {}

local function check(builder, recipe)
    if not recipes.is(recipe) then
        fault.usage("use: expected a recipe, not a %s", type(recipe))
    end
    for _, other in ipairs(builder.using) do
        if other == recipe then
            fault.usage("use: %s uses itself", tostring(recipe))
        end
    end
end

---Does the steps of another recipe on the state so far; what that one begins with doesn't matter.
---@param self sdme.Builder
---@param recipe sdme.Recipe
---@param arg string[]? its arguments; those of this build without
function M.use(self, recipe, arg)
    position.blame(position.of_caller(self.recipe.make), check, self, recipe)
    local own <const> = self.recipe
    local _ <close> = setmetatable({}, { __close = function()
        self.recipe = own
        table.remove(self.using)
    end })
    self.using[#self.using + 1] = recipe
    self.recipe = setmetatable({ name = own.name }, { __index = recipe })
    if recipe.make then
        recipe.make(self, arg or self.session.options.arg or {})
    end
end

return M
