local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local file <const> = core.file

-- Both ways to mount must do the same: by descriptors, and by names as before Linux 6.13.
for _, descriptors in ipairs { true, false } do
    describe("core.overlay " .. (descriptors and "by descriptors" or "by names"), function()
        local dir

        before_each(function()
            needs.root()
            dir = scratch.directory()
        end)
        after_each(scratch.clean)

        local function layer(name, files)
            assert(file.mkdir(dir .. "/" .. name))
            for path, content in pairs(files or {}) do
                assert(file.write(dir .. "/" .. name .. "/" .. path, content))
            end
            return dir .. "/" .. name
        end

        -- A tmpfs has no ID-mapped mounts before Linux 6.3.
        local function mappable_directory()
            return scratch.filesystem("ext4", "16M")
        end

        local function mount(options)
            options.descriptors = descriptors
            return core.overlay.mount(options)
        end

        local function get(descriptor, path)
            return (file.read(path, { root = descriptor }))
        end

        it("shows the topmost of several lowers, and all that only a lower one has", function()
            local top <const> = layer("top", { a = "top" })
            local bottom <const> = layer("bottom", { a = "bottom", b = "bottom" })
            local merged <close> = assert(mount { lowers = { top, bottom } })
            assert.equal("top", get(merged, "a"))
            assert.equal("bottom", get(merged, "b"))
        end)

        it("writes into the upper alone", function()
            local bottom <const> = layer("bottom", { a = "old" })
            local upper <const>, work <const> = layer "upper", layer "work"
            local merged <close> = assert(mount { lowers = { bottom }, upper = upper, work = work })
            assert(file.write("a", "new", { root = merged }))
            assert.equal("new", file.read(upper .. "/a"))
            assert.equal("old", file.read(bottom .. "/a"))
        end)

        it("is read-only without an upper, of one layer too", function()
            local one <const>, two <const> = layer("one", { a = "1" }), layer "two"
            for _, lowers in ipairs { { one }, { one, two } } do
                local merged <close> = assert(mount { lowers = lowers })
                assert.equal("1", get(merged, "a"))
                local _, _, code = file.write("b", "", { root = merged })
                assert.equal("EROFS", code)
            end
        end)

        it("is read-only with an upper where that is asked for", function()
            local merged <close> = assert(mount {
                lowers = { layer "bottom" }, upper = layer("upper", { a = "1" }),
                work = layer "work", read_only = true,
            })
            assert.equal("1", get(merged, "a"))
            local _, _, code = file.write("b", "", { root = merged })
            assert.equal("EROFS", code)
        end)

        it("takes any characters in the names of layers", function()
            local odd <const> = layer("a,b:c\\d\n e", { a = "odd" })
            local upper <const>, work <const> = layer "u,p:p\\er", layer "w,o:r\\k"
            local merged <close> = assert(mount {
                lowers = { odd, layer "other" }, upper = upper, work = work,
            })
            assert.equal("odd", get(merged, "a"))
        end)

        it("takes as many lowers as the kernel does, and no more", function()
            local lowers <const> = {}
            for i = 1, core.overlay.max_lowers do
                lowers[i] = layer(("layer-with-quite-a-long-name-%d"):format(i),
                    { [i] = tostring(i) })
            end
            do
                local merged <close> = assert(mount { lowers = lowers })
                assert.equal("1", get(merged, "1"))
                assert.equal("500", get(merged, "500"))
            end
            lowers[#lowers + 1] = layer "one-too-many"
            local _, message, code = mount { lowers = lowers }
            assert.equal("EINVAL", code)
            assert.matches("1 to 500 lower layers, not 501", message)
        end)

        it("shows the owners of the lowers shifted, and keeps setuid bits", function()
            dir = mappable_directory()
            local bottom <const> = layer("bottom", { su = "" })
            shell.run("chown 1000:100 %s && chmod 4755 %s", bottom .. "/su", bottom .. "/su")
            local userns <close> = assert(core.userns.create(524288, 65536))
            local merged <close> = assert(mount {
                lowers = { bottom }, upper = layer "upper", work = layer "work",
                map_owners = userns,
            })
            local stat <const> = assert(file.stat("su", { root = merged }))
            assert.same({ 525288, 524388 }, { stat.uid, stat.gid })
            assert.equal(tonumber("4755", 8), stat.mode)
            assert.equal(1000, file.stat(bottom .. "/su").uid)
        end)

        it("maps the owners of each lower by a namespace of its own", function()
            dir = mappable_directory()
            local plain <const>, shifted <const> = layer("plain", { a = "" }),
                layer("shifted", { b = "" })
            shell.run("chown 1000:100 %s && chown 701000:700100 %s", plain .. "/a", shifted .. "/b")
            local userns <close> = assert(core.userns.create(0, 65536, 700000))
            local merged <close> = assert(mount {
                lowers = { { path = shifted, map_owners = userns }, plain },
            })
            local a <const>, b <const> = assert(file.stat("a", { root = merged })),
                assert(file.stat("b", { root = merged }))
            assert.same({ 1000, 100, 1000, 100 }, { a.uid, a.gid, b.uid, b.gid })
        end)

        it("stores shifted owners in the upper, which stays as it is", function()
            dir = mappable_directory()
            local bottom <const> = layer("bottom", { a = "old" })
            local upper <const> = layer "upper"
            local userns <close> = assert(core.userns.create(524288, 65536))
            local merged <close> = assert(mount {
                lowers = { bottom }, upper = upper, work = layer "work", map_owners = userns,
            })
            assert(file.chmod("a", "0600", { root = merged }))
            assert.equal(524288, file.stat(upper .. "/a").uid)
        end)

        it("says which lower's filesystem can't be mapped", function()
            local inner <close> = assert(mount { lowers = { layer "x", layer "y" } })
            local path <const> = layer "inner"
            assert(core.mount.attach(inner, path))
            scratch.finally(function()
                shell.run("umount %s", path)
            end)
            local userns <close> = assert(core.userns.create(524288, 65536))
            local _, message, code = mount {
                lowers = { path }, upper = layer "upper", work = layer "work", map_owners = userns,
            }
            assert.equal("EUNSUPPORTED", code)
            assert.equal(path .. ": its filesystem has no ID-mapped mounts", message)
        end)

        it("changes an owner without copying the content, with metacopy", function()
            local bottom <const> = layer("bottom", { big = ("x"):rep(1 << 20) })
            local upper <const> = layer "upper"
            local merged <close> = assert(mount {
                lowers = { bottom }, upper = upper, work = layer "work", metacopy = true,
            })
            assert(file.chown("big", 5, 5, { root = merged }))
            assert.equal("0", shell.run("stat -c %%b %s", upper .. "/big"))
            assert.equal(1 << 20, #file.read("big", { root = merged, max = 2 << 20 }))
        end)

        it("doesn't show what is mounted below a lower", function()
            local bottom <const> = layer "bottom"
            assert(file.mkdir(bottom .. "/sub"))
            shell.run("mount -t tmpfs tmpfs %s && touch %s", bottom .. "/sub", bottom .. "/sub/x")
            scratch.finally(function()
                shell.run("umount %s", bottom .. "/sub")
            end)
            local merged <close> = assert(mount { lowers = { bottom, layer "other" } })
            assert.same({}, (file.list("sub", { root = merged })))
        end)

        it("appears in no mount table", function()
            local before <const> = shell.run "cat /proc/self/mountinfo"
            local merged <close> = assert(mount {
                lowers = { layer "bottom" }, upper = layer "upper", work = layer "work",
            })
            assert.equal(before, shell.run "cat /proc/self/mountinfo")
            assert(merged:fileno())
        end)

        it("names what is missing", function()
            local _, message, code = mount { lowers = { dir .. "/nowhere" } }
            assert.equal("ENOENT", code)
            assert.equal("clone mount " .. dir .. "/nowhere: No such file or directory", message)
        end)

        it("wants upper and work together, and no option that it doesn't know", function()
            local _, message = mount { lowers = { layer "a" }, upper = layer "b" }
            assert.matches("upper and work go together", message)
            assert.error_matches(function()
                mount { lowers = {}, uper = "x" }
            end, "unknown option 'uper'")
        end)
    end)
end
