-- The unit specs of what asks the kernel, under one older than that most of it was written on.

local core <const> = require "sdme.core"
local vm <const> = require "spec.support.vm"

local FOLDER <const> = "spec/unit/runtime/"

-- Formats are the same everywhere, and these take an emulated processor many minutes.
local ELSEWHERE <const> = {
    ["archive_hostile_spec.lua"] = true, ["archive_pack_spec.lua"] = true,
    ["qcow2_hostile_spec.lua"] = true, ["qcow2_spec.lua"] = true,
}

local function pass(path)
    local status <const>, output <const> = vm.attempt(
        "cd /var/tmp/sdme && BUILD=build spec/run --lua lua5.4 %s", path)
    assert.equal(0, status, output)
    assert.matches("\n[1-9]%d* passed, 0 failed", output)
end

describe("the unit specs pass in a virtual machine:", function()
    for _, name in ipairs(core.file.list(FOLDER)) do
        if not ELSEWHERE[name] then
            it(name, function()
                pass(FOLDER .. name)
            end)
        end
    end
end)
