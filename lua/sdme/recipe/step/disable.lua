-- Units that don't start when the system boots.

local units <const> = require "sdme.recipe.step.units"

return units.by_systemctl "disable"
