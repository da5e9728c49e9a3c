-- What root in a container tries against its host, and an application against its container: the
-- attempts of spec/support/escape.c, and how far each gets at each level. The table of
-- doc/security.md is this one.

local M <const> = {}

---From the weakest to the strongest; what `sdme create` takes for each.
---@type { name: string, flags: string[] }[]
M.levels = {
    { name = "plain", flags = {} },
    { name = "userns", flags = { "--userns", "--private-network" } },
    { name = "hardened", flags = { "--hardened" } },
    { name = "strict", flags = { "--strict" } },
}

---Each with its name, what is tried, and for each level whether root in the container gets it, and
---the same for root in an application of it: "+" yes, "-" no, "?" up to systemd 252, "~" from 258
---on, whose systemd-nspawn lets containers have keys.
---@type string[][]
M.attempts = {
    { "mount-tmpfs", "mount a filesystem of one's own", "++++", "----" },
    { "mount-bind", "mount a directory elsewhere", "++++", "----" },
    { "mount-debugfs", "mount debugfs", "+---", "----" },
    { "mount-tracefs", "mount tracefs", "+---", "----" },
    { "mount-securityfs", "mount securityfs", "+---", "----" },
    { "mount-bpffs", "mount bpffs", "+---", "----" },
    { "mount-devtmpfs", "mount the host's devtmpfs", "+---", "----" },
    { "mount-disk", "mount a disk of the host", "----", "----" },
    { "remount-root", "change the root's mount options", "+---", "----" },
    { "cgroup-v1", "mount a cgroup v1 hierarchy", "----", "----" },
    { "release-agent", "set a cgroup's release_agent", "----", "----" },
    { "make-node", "make a harmless device node", "+---", "+---" },
    { "device-mem", "make and open /dev/mem", "----", "----" },
    { "device-kmsg", "make and open /dev/kmsg", "----", "----" },
    { "device-disk", "make and open a disk", "----", "----" },
    { "device-loop", "make and open a loop device", "----", "----" },
    { "raw-socket", "open a raw socket", "++--", "++--" },
    { "packet-socket", "open a packet socket", "++--", "++--" },
    { "network-admin", "change network interfaces", "-++-", "----" },
    { "add-key", "add a key to the kernel's keyrings", "~~~~", "----" },
    { "search-key", "find a key of the host's root", "----", "----" },
    { "read-keys", "list keys in /proc/keys", "?---", "----" },
    { "ptrace", "trace a process of one's own", "++--", "++--" },
    { "kexec", "load another kernel", "----", "----" },
    { "init-module", "load a module", "----", "----" },
    { "finit-module", "load a module from a file", "----", "----" },
    { "delete-module", "unload a module", "----", "----" },
    { "core-pattern", "write kernel.core_pattern", "+---", "----" },
    { "modprobe-path", "write kernel.modprobe", "+---", "----" },
    { "sysctl-vm", "write a setting of vm.*", "+---", "----" },
    { "sysrq", "write /proc/sysrq-trigger", "+---", "----" },
    { "kcore", "read the kernel's memory in /proc/kcore", "----", "----" },
    { "uevent-helper", "write /sys/kernel/uevent_helper", "+---", "----" },
    { "power-state", "write /sys/power/state", "+---", "----" },
    { "module-parameter", "write a parameter of a module in /sys", "+---", "----" },
    { "see-processes", "see a process outside", "----", "----" },
    { "host-namespaces", "find a process in the namespaces outside", "----", "----" },
    { "join-namespace", "leave by setns() to what is in /proc", "----", "----" },
    { "bind-dots", "leave a bound directory by ..", "----", "----" },
    { "open-by-handle", "open a file of the host by its handle", "----", "----" },
    { "bpf", "use bpf()", "----", "----" },
    { "perf-event", "watch a CPU by perf_event_open()", "----", "----" },
    { "io-uring", "use io_uring", "++++", "----" },
    { "userfaultfd", "use userfaultfd()", "+---", "----" },
    { "nested-userns", "make a user namespace inside", "++++", "----" },
    { "nested-core-pattern", "write kernel.core_pattern from such a one", "----", "----" },
    { "nested-debugfs", "mount debugfs in such a one", "----", "----" },
    { "kernel-log", "read the kernel's log", "----", "----" },
    { "set-clock", "set the clock", "----", "----" },
    { "adjust-clock", "change the clock's rate", "----", "----" },
    { "leave-chroot", "leave the root directory by chroot()", "----", "----" },
    { "abstract-socket", "connect to an abstract socket of the host", "+---", "+---" },
    { "host-bus", "reach the message bus outside", "----", "----" },
    { "swapon", "add swap", "----", "----" },
    { "io-ports", "use I/O ports", "----", "----" },
    { "accounting", "turn on process accounting", "----", "----" },
    { "quota", "change quotas", "----", "----" },
    { "priority", "raise one's priority", "+---", "----" },
    { "real-time", "get real-time scheduling", "+---", "----" },
    { "descriptors", "find a descriptor that was left open", "----", "----" },
}

-- What the program may say, by the sign of an attempt. A kernel may lack what is tried.
local FINE <const> = {
    ["+"] = { yes = true, absent = true }, ["-"] = { no = true, absent = true },
    ["?"] = { yes = true, no = true, absent = true },
    ["~"] = { yes = true, no = true, absent = true },
}

---Whether a result is what is expected at a level.
---@param attempt string[]
---@param level integer its number
---@param application boolean
---@param result "yes"|"no"|"absent"|nil
---@return boolean
function M.is_expected(attempt, level, application, result)
    local sign <const> = attempt[application and 4 or 3]:sub(level, level)
    return FINE[sign][result] == true
end

-- What a kernel answers that can't do it at all.
local ABSENT <const> = {
    ["No such file or directory"] = true, ["No such device"] = true,
    ["Function not implemented"] = true,
}

---What the program has printed.
---@param output string
---@return table<string, "yes"|"no"|"absent"> by attempt
function M.parse(output)
    local results <const> = {}
    for name, result, reason in output:gmatch "([%w-]+) (%l+)([^\n]*)\n" do
        results[name] = ABSENT[reason:match "%((.*)%)"] and "absent" or result
    end
    return results
end

local SHOWN <const> = { ["+"] = "yes", ["-"] = "no", ["?"] = "up to 252", ["~"] = "from 258 on" }

---The attempts as a table for doc/security.md.
---@return string
function M.page()
    local lines <const> = {
        "| attempt | | plain | userns | hardened | strict | application: plain | userns"
            .. " | hardened | strict |",
        "|---|---|---|---|---|---|---|---|---|---|",
    }
    for _, attempt in ipairs(M.attempts) do
        local cells <const> = { "`" .. attempt[1] .. "`", attempt[2] }
        for sign in (attempt[3] .. attempt[4]):gmatch "." do
            cells[#cells + 1] = SHOWN[sign]
        end
        lines[#lines + 1] = "| " .. table.concat(cells, " | ") .. " |"
    end
    return table.concat(lines, "\n") .. "\n"
end

return M
