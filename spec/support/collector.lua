-- Has Lua's collector work as hard as it can while the specs run: what a binding doesn't hold on to
-- is gone at once. For busted's --helper.

local MODES <const> = {
    -- A collection of what is young after each growth by a hundredth.
    generational = function() collectgarbage("generational", 1, 20) end,
    -- A new cycle as soon as one has ended, in steps of half a KiB.
    incremental = function() collectgarbage("incremental", 1, 1000, 9) end,
}

local mode <const> = os.getenv "SDME_SPEC_COLLECTOR"
local set <const> = MODES[mode] or error("SDME_SPEC_COLLECTOR is generational or incremental")
set()
