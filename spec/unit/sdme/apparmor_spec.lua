local apparmor <const> = require "sdme.apparmor"
local raised <const> = require "spec.support.raised"
local unit <const> = require "sdme.unit.container"

describe("sdme.apparmor", function()
    it("has a profile of the name that is in its hints, with a comma after each rule", function()
        local body <const> = apparmor.profile():match("\nprofile " .. apparmor.default
            :gsub("%-", "%%-") .. " flags=%b() {\n(.*)\n}\n$")
        for line in body:gmatch "[^\n]+" do
            assert.is_true(line:find "^  #" ~= nil or line:find "^  [^#]+,$" ~= nil, line)
        end
    end)

    it("lets a container without a profile start anywhere", function()
        apparmor.check("web", nil)
        apparmor.check_confined(nil)
    end)

    it("is in the unit of those containers that it confines", function()
        assert.matches("AppArmorProfile=own\n", unit.drop_in { apparmor_profile = "own" })
        for _, settings in ipairs { {}, { apparmor_profile = "unconfined" } } do
            assert.falsy((unit.drop_in(settings) or ""):find "AppArmor")
        end
    end)

    it("lets one start that is to be unconfined", function()
        apparmor.check("web", "unconfined")
        apparmor.check_confined "unconfined"
    end)

    it("starts none whose profile confines nothing", function()
        local refused <const> = raised(apparmor.check, "web", "no-such-profile")
        assert.matches("^start web: AppArmor ", refused.message)
        assert.matches("sdme set web --apparmor-profile ''", refused.hint, 1, true)
        assert.equal("AppArmor doesn't confine the container by no-such-profile",
            raised(apparmor.check_confined, "no-such-profile").message)
    end)
end)
