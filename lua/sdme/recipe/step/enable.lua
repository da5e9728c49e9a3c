-- Units that start when the system boots: the system's own systemctl(1) knows which links that
-- takes, for sysv scripts too.

local units <const> = require "sdme.recipe.step.units"

return units.by_systemctl "enable"
