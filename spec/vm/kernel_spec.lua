-- A kernel older than the one that most of this was written on: Linux 6.1, that of Debian 12.

local vm <const> = require "spec.support.vm"

describe("an older kernel", function()
    teardown(vm.clean)

    it("has all that a container needs, before any module is loaded for it", function()
        vm.run "sdme rm --all --force; modprobe -r overlay"
        assert.equal("", vm.run "grep overlay /proc/filesystems || true")
        assert.equal("yes", vm.run [[sdme doctor --json |
            jq -r '.[] | select(.name == "overlay") | .verdict']])
        assert.equal("yes", vm.run [[sdme doctor --json |
            jq -r '.[] | select(.name == "userns") | .verdict']])
    end)

    it("boots a clone whose owners are mapped, without a copy", function()
        vm.run "sdme create --name web --userns --started -t 300"
        assert.equal("0:0 4755", vm.run "sdme exec web stat -c '%%u:%%g %%a' /usr/bin/su")
        assert.is_true(tonumber(
            vm.run "du -sk /var/lib/sdme/containers/web/upper | cut -f1") < 1024)
    end)
end)
