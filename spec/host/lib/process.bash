# shellcheck shell=bash
# A process is named by its id and its start time, both kept in a file: an id that the kernel has
# given to somebody else since is never taken for it.

# The start time of a process in clock ticks since boot; nothing for one that is gone or a zombie.
process_start() { # PID
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # The command's name, in parentheses, may hold spaces and parentheses.
    read -ra stat <<<"${stat##*) }"
    case ${stat[0]} in [XZ]) return 1 ;; esac
    echo "${stat[19]}"
}

process_record() { # FILE PID
    local start
    start=$(process_start "$2") || return 1
    echo "$2 $start" >"$1.new"
    mv "$1.new" "$1"
}

# Prints the recorded process's id; fails when it is gone.
process_recorded() { # FILE
    local pid start
    { read -r pid start <"$1"; } 2>/dev/null || return 1
    [ "$(process_start "$pid")" = "$start" ] && echo "$pid"
}

# Waits until the recorded process is gone; fails after so many tenths of a second.
process_wait() { # FILE TENTHS
    local _
    for _ in $(seq "$2"); do
        process_recorded "$1" >/dev/null || return 0
        sleep 0.1
    done
    ! process_recorded "$1" >/dev/null
}

process_kill() { # FILE SIGNAL
    local pid
    ! pid=$(process_recorded "$1") || kill -s "$2" "$pid" 2>/dev/null || true
}

# The names of the subfolders whose owner, the process they were made for, is gone.
process_orphans() { # FOLDER
    local owner
    for owner in "$1"/*/owner; do
        [ -e "$owner" ] || continue
        process_recorded "$owner" >/dev/null && continue
        owner=${owner%/owner}
        echo "${owner##*/}"
    done
}
