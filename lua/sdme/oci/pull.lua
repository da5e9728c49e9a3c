-- The layers of an image: those that are missing are fetched, several at once, and each is
-- unpacked as it arrives.

local archive <const> = require "sdme.source.archive"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local kept <const> = require "sdme.oci.kept"
local layer <const> = require "sdme.store.layer"
local mend <const> = require "sdme.oci.mend"
local progress <const> = require "sdme.progress"
local pulls <const> = require "sdme.store.pull"
local task <const> = require "sdme.task"

local M <const> = {}

-- Layers that are fetched at once: it is the writing that takes long.
local PARALLEL <const> = 4

-- What a decoder of zstd may look back, in bytes: what RFC 8878 (3.1.1.1.2) has everybody take; and
-- of layers that want more, one at a time.
local WINDOW <const> = 8 << 20
local LARGE_WINDOW <const> = 64 << 20

-- Seconds between two looks at how far one is.
local TICK <const> = 0.2

-- An application's or a container's own layers come above those of the image.
local MAXIMUM <const> = core.overlay.max_lowers - 10

-- Hexadecimal digits that tell layers apart for people.
local SHORT <const> = 12

-- Bytes of a layer whose end is worth a line.
local WORTH_A_LINE <const> = 1 << 20

local OPAQUE <const> = "trusted.overlay.opaque"

local function describe(image, one)
    return ("%s: layer %s"):format(image.name, one.digest)
end

-- Each layer once, where it comes for the last time: overlayfs takes none twice, and whatever the
-- lower one does, the upper one does again.
local function ids_of(image)
    local ids <const>, seen <const> = {}, {}
    for i = #image.layers, 1, -1 do
        local id <const> = layer.id_of(image.layers[i].diff_id)
        if not seen[id] then
            table.insert(ids, 1, id)
            seen[id] = image.layers[i]
        end
    end
    if #ids == 0 then
        fault.raise("EFORMAT", nil, "%s: it has no layers", image.name)
    elseif #ids > MAXIMUM then
        fault.raise("E2BIG", nil, "%s has %d layers: at most %d can be mounted", image.name, #ids,
            MAXIMUM)
    end
    return ids, seen
end

-- Those that aren't there, the largest first, so that no processor is idle at the end.
local function missing(ids, by_id, transaction)
    local list <const> = {}
    for _, id in ipairs(ids) do
        list[#list + 1] = not transaction:use(id) and by_id[id] or nil
    end
    table.sort(list, function(a, b)
        return a.size > b.size or a.size == b.size and a.digest < b.digest
    end)
    return list
end

-- What came against what was promised.
local function verify(what, one, found)
    if found.consumed ~= one.size then
        fault.raise("EDIGEST", nil, "%s: it has %d bytes, not %d", what, found.consumed, one.size)
    end
    archive.verify(what, found.digest, one.digest)
    if found.diff_id ~= one.diff_id then
        fault.raise("EDIGEST", nil, "%s: what is in it has the digest %s, not %s", what,
            found.diff_id, one.diff_id)
    end
end

-- Unpacks a blob while it comes.
local function unpack(image, one, new, item, window)
    local what <const> = describe(image, one)
    local source <close> = image:open(one)
    local blob <close> = kept.spool(source, one.digest, new.stage.path, function(done)
        item:update(done)
    end)
    local limits <const> = archive.limits()
    limits.window = window
    local unpacking <close> = fault.check(core.archive.unpack {
        input = blob.input, directory = new.tree, whiteouts = true, unmarked_end = true,
        compression = one.compression, limits = limits,
    })
    local function wait()
        local check <const> = fault.context(what)
        return check(task.await(task.watch(unpacking, TICK, function()
            item:update((unpacking:progress()))
        end)))
    end
    local found
    if blob.feed then
        blob.input:close() -- or the feed would never learn that nobody reads any more
        found = select(2, task.together(blob.feed, wait))
    else
        found = wait()
    end
    verify(what, one, found)
    if blob.keep then
        blob:keep()
    end
    return found
end

local function blob_of(one)
    return { digest = one.digest, media_type = one.media_type, size = one.size }
end

-- overlayfs has no eye for this mark on the top of a layer.
local function is_opaque(tree)
    return core.file.get_attribute(tree, OPAQUE) == "y" or nil
end

-- Directories that a layer has files in but no entry about. JSON is UTF-8, as a system's paths are.
local function implied_of(found)
    local paths <const> = {}
    for _, path in ipairs(found.implied) do
        paths[#paths + 1] = utf8.len(path) and path or nil
    end
    return #paths > 0 and json.array(paths) or nil
end

local function receive(image, one, context, window)
    local item <close> = context.progress:item(
        "layer " .. one.digest:match(":(.*)$"):sub(1, SHORT), one.size)
    local new <close> = context.transaction:new()
    local found <const> = unpack(image, one, new, item, window)
    context.transaction:add(new, {
        id = layer.id_of(one.diff_id), digest = one.digest, diff_id = one.diff_id,
        media_type = one.media_type, size = found.size, entries = found.entries,
        comment = image.name, blobs = { blob_of(one) }, opaque = is_opaque(new.tree),
        whiteouts = found.whiteouts or nil, implied = implied_of(found),
    })
    if one.size >= WORTH_A_LINE then
        item:finish()
    end
end

-- Several strands take from one list.
local function receive_all(image, list, context)
    local workers <const>, large <const>, taken = {}, {}, 0
    local function work()
        while taken < #list do
            taken = taken + 1
            local one <const> = list[taken]
            local fine <const>, why <const> = pcall(receive, image, one, context, WINDOW)
            if not fine and not fault.is(why, "ENOBUFS") then
                error(why, 0)
            end
            large[#large + 1] = not fine and one or nil
        end
    end
    for i = 1, math.min(PARALLEL, #list) do
        workers[i] = work
    end
    task.together(table.unpack(workers))
    for _, one in ipairs(large) do
        receive(image, one, context, LARGE_WINDOW)
    end
end

local function summarize(image, list, total, began, context)
    local size = 0
    for _, one in ipairs(list) do
        size = size + one.size
    end
    local seconds <const> = core.poll.now() - began
    context.progress:note(#list == 0 and ("%s: all %d layers are here"):format(image.name, total)
        or ("%s: %d of %d layers, %s in %s (%s/s)"):format(image.name, #list, total,
            progress.size(size), progress.duration(seconds),
            progress.size(size / math.max(seconds, 0.001))))
end

-- What shows: nothing below a layer whose top is opaque.
local function visible(ids)
    local from = 1
    for i = #ids, 2, -1 do
        if layer.read(ids[i]).opaque then
            from = i
            break
        end
    end
    return table.move(ids, from, #ids, 1, {})
end

---Has the layers of an image in the store. If that fails, those that are finished stay, and the
---next try fetches the rest.
---@param image sdme.oci.Image
---@param context table `transaction`, `progress`
---@return string[] ids from the bottom to the top
function M.layers(image, context)
    local ids <const>, by_id <const> = ids_of(image)
    local began <const> = core.poll.now()
    context.transaction:attach(pulls.begin(image.digest, image.name, ids))
    local list <const> = missing(ids, by_id, context.transaction)
    if #list > 0 then
        receive_all(image, list, context)
    end
    for _, id in ipairs(ids) do
        layer.add_blob(id, blob_of(by_id[id]))
    end
    summarize(image, list, #ids, began, context)
    return mend.stack(visible(ids), context.transaction)
end

return M
