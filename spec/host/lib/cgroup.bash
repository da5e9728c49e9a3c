# shellcheck shell=bash
# Each test host has a cgroup of its own, which becomes the root of its cgroup namespace.

# Where the machine has cgroup2 mounted; a machine without gets a mount of ours.
cgroup_root() {
    local type folder ours="$TESTHOST_HOME/cgroup2"
    while read -r _ folder type _; do
        [ "$type" != cgroup2 ] || { echo "$folder" && return; }
    done </proc/self/mounts
    mkdir -p "$ours"
    mount -t cgroup2 cgroup2 "$ours"
    echo "$ours"
}

# Kills whatever is left in it, and removes it with those below it.
cgroup_remove() { # CGROUP
    local _
    [ -d "$1" ] || return 0
    echo 1 >"$1/cgroup.kill"
    for _ in $(seq 100); do
        find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || true
        [ -d "$1" ] || return 0
        sleep 0.05
    done
    echo "testhost: $1 can't be removed" >&2
}

# Our own mount goes with the last host.
cgroup_unmount() {
    ! mountpoint --quiet "$TESTHOST_HOME/cgroup2" || umount "$TESTHOST_HOME/cgroup2"
}
