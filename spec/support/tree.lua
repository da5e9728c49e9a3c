-- A tree with everything that a filesystem can hold, and all that can be told of a tree: what went
-- through an archive, a disk image or a copy must come out the same.

local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local shell <const> = require "spec.support.shell"

local file <const> = core.file

local M <const> = {}

-- Prints for each file its ranges of data. Whence 3 is SEEK_DATA, 4 SEEK_HOLE.
local SHOW_DATA <const> = [[
    $/ = "\0";
    while (my $path = <STDIN>) {
        chomp $path;
        open my $file, "<", $path or die "$path: $!";
        my ($at, @ranges) = (0);
        while (defined(my $data = sysseek $file, $at, 3)) {
            $at = sysseek $file, $data, 4;
            push @ranges, ($data + 0) . "+" . ($at - $data);
        }
        print "@ranges\n";
    }]]

local function data_of(paths)
    local list <const> = os.tmpname()
    assert(file.write(list, table.concat(paths, "\0") .. "\0", { sync = false }))
    local output <const> = shell.run("perl -e %s < %s", SHOW_DATA, list)
    os.remove(list)
    local data <const> = {}
    for line in (output .. "\n"):gmatch "(.-)\n" do
        data[#data + 1] = line
    end
    return data
end

-- The digest of what lies in the ranges: holes may be of any size.
local function digest_of(path, ranges)
    local digest <close> = assert(core.digest.new "sha256")
    local handle <close> = assert(io.open(path, "rb"))
    for offset, size in ranges:gmatch "(%d+)%+(%d+)" do
        assert(handle:seek("set", math.tointeger(offset)))
        local left = math.tointeger(size)
        while left > 0 do
            local data <const> = assert(handle:read(math.min(left, 1 << 20)))
            digest:update(data)
            left = left - #data
        end
    end
    return digest:hex()
end

local function attributes_of(path)
    local attributes <const> = {}
    for _, name in ipairs(assert(file.list_attributes(path))) do
        attributes[name] = assert(file.get_attribute(path, name)):gsub(".", function(byte)
            return ("%02x"):format(byte:byte())
        end)
    end
    return attributes
end

local function describe_entry(path, stat)
    local entry <const> = {
        type = stat.type, mode = ("%04o"):format(stat.mode), uid = stat.uid, gid = stat.gid,
        mtime = ("%d.%09d"):format(stat.mtime, stat.mtime_nsec),
        major = stat.major, minor = stat.minor, attributes = attributes_of(path),
    }
    if stat.type == "symlink" then
        entry.target = assert(file.readlink(path))
    elseif stat.type == "file" then
        entry.size = stat.size
    end
    return entry
end

local function add_content(root, entries, files)
    local paths <const> = {}
    for i, name in ipairs(files) do
        paths[i] = root .. "/" .. name
    end
    for i, ranges in ipairs(#paths > 0 and data_of(paths) or {}) do
        local entry <const> = entries[files[i]]
        entry.data = ranges
        entry.digest = digest_of(paths[i], ranges)
    end
end

---All of a tree by path, "" being the tree itself: `type`, `mode`, `uid`, `gid`, `mtime`, `size`,
---`digest`, `data` (the ranges between holes), `target`, `major`, `minor`, `attributes` (ACLs and
---capabilities are among them), and `link`, the first of several names of a file.
---@param root string
---@return table<string, table>
function M.describe(root)
    local entries <const>, files <const>, links <const> = {}, {}, {}
    local function visit(name)
        local path <const> = name == "" and root or root .. "/" .. name
        local stat <const> = assert(file.stat(path))
        local entry <const> = describe_entry(path, stat)
        entries[name] = entry
        if stat.type == "directory" then
            for _, child in ipairs(assert(file.list(path))) do
                visit(name == "" and child or name .. "/" .. child)
            end
            return
        end
        local key <const> = stat.device .. ":" .. stat.inode
        entry.link = stat.links > 1 and links[key] or nil
        if stat.links > 1 and not entry.link then
            links[key] = name
        end
        files[#files + 1] = stat.type == "file" and name or nil
    end
    visit ""
    add_content(root, entries, files)
    return entries
end

local function text_of(value)
    if type(value) ~= "table" then
        return tostring(value)
    end
    local parts <const> = {}
    for key, inner in pairs(value) do
        parts[#parts + 1] = ("%s=%s"):format(key, text_of(inner))
    end
    table.sort(parts)
    return "{ " .. table.concat(parts, ", ") .. " }"
end

---What is not the same in two descriptions of a tree.
---@param before table<string, table>
---@param after table<string, table>
---@return string a line for each property of each path that differs; "" if none does
function M.differences(before, after)
    local lines <const>, none <const> = {}, {}
    for _, pair in ipairs { { before, after }, { after, before } } do
        for path, entry in pairs(pair[1]) do
            local other <const> = pair[2][path] or none
            for key, value in pairs(entry) do
                local one <const>, two <const> = text_of(value), text_of(other[key])
                if one ~= two and (pair[1] == before or other[key] == nil) then
                    lines[#lines + 1] = ("%q: %s: %s, %s"):format(path, key,
                        pair[1] == before and one or two, pair[1] == before and two or one)
                end
            end
        end
    end
    table.sort(lines)
    return table.concat(lines, "\n")
end

---Makes a tree with everything in it but a socket, which no archive keeps. It has to be on a
---filesystem that can hold that, such as ext4.
---@param path string that doesn't exist
function M.make(path)
    needs.root()
    needs.program("setfacl", "setfattr", "setcap", "perl")
    shell.run([[PATH=$PATH:/sbin:/usr/sbin; mkdir %s; cd %s
        mkdir -p etc usr/bin dev var/tmp empty locked deep/a/b/c sticky setgid
        echo plain > etc/plain; chmod 640 etc/plain; chown 1000:1001 etc/plain
        cp /bin/true usr/bin/setuid; chown 7:8 usr/bin/setuid; chmod 6755 usr/bin/setuid
        cp /bin/true usr/bin/capable; setcap cap_net_raw,cap_chown+ep usr/bin/capable
        chmod 1777 sticky var/tmp; chmod 2755 setgid; chown :50 setgid; chmod 0 locked
        touch etc/none; chmod 0 etc/none
        setfacl -m u:1000:rw,g:50:r etc/plain; setfacl -d -m u:1001:rwx,g:2200000000:rx sticky
        setfattr -n user.note -v 'some text' etc/plain; setfattr -n trusted.note -v x sticky
        setfattr -n user.binary -v 0x000aff3d00 etc/plain; setfattr -n user.nothing etc/plain
        setfattr -n 'user.a=b%%3D%%' -v odd etc/plain
        setfattr -n user.long -v "$(printf '%%03000d' 7)" empty
        ln -s /nowhere/at/all dangling; ln -s etc/plain link; chown -h 5:6 link
        setfattr -h -n trusted.note -v y link; ln -s "$(printf '%%0300d' 1)" longlink
        mknod dev/zero c 1 5; mknod dev/disk b 4000 1000000; mkfifo dev/fifo
        setfacl -m u:1000:rw dev/zero
        ln usr/bin/setuid etc/again; ln usr/bin/setuid deep/a/b/c/more; ln dangling deep/dangling
        ln dev/fifo deep/fifo
        touch "$(printf 'new\nline')" "$(printf '\033[31m')" "$(printf '\377\376')" ' ' -- -f
        touch "$(printf '\303\244 is UTF-8')" "$(perl -e 'print "n" x 255')"
        ln -s "$(printf '\377target')" badlink; touch "$(perl -e 'print "n" x 100')"
        d=$(perl -e 'print "d" x 99'); mkdir -p "$d/$d/$d"; echo long > "$d/$d/$d/file"
        mkdir "$(perl -e 'print "e" x 99')"; mkdir "$(perl -e 'print "f" x 100')"
        head -c 300000 /dev/urandom > big; head -c 512 /dev/urandom > block
        touch rich; chown 2097152:4294967294 rich
        truncate -s 20M hole; truncate -s 10M middle; printf x | dd of=end bs=1 seek=5M 2>/dev/null
        printf x | dd of=middle bs=1 seek=5M conv=notrunc 2>/dev/null
        head -c 9000 /dev/urandom > start; truncate -s 1000001 start
        for i in 1 2 3 4 5 6 7 8 9; do
            printf x | dd of=holes bs=1 seek=$((i * 40960 + i)) conv=notrunc 2>/dev/null; done
        touch -d '2001-02-03 04:05:06.123456789' etc/plain sticky setgid; touch -h -d @1.5 link
        touch -d @0 etc/none; touch -d @-86400 block; touch -d @9000000000.1 big; touch -d @5.25 end
        touch -d @2000000000.000000001 .; touch -d @1600000000 middle]], path, path)
end

return M
