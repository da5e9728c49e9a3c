# shellcheck shell=bash
# Children in sessions of their own: a signal that reaches the script is handled at once, and what
# the children started is ended with them.

CHILDREN=()
CHILD_PATIENCE=10 # seconds: more than the children have for their own

child_start() { # CMD...
    setsid "$@" <&0 &
    CHILDREN+=($!)
}

# Waits for all of them; its status is that of the last one that failed.
child_wait() {
    local child status=0
    for child in "${CHILDREN[@]}"; do
        { wait "$child"; } 2>/dev/null || status=$? # bash's own line about a signal
    done
    CHILDREN=()
    return "$status"
}

child_run() { # CMD...
    child_start "$@"
    child_wait
}

child_signal() { # SIGNAL
    local child
    for child in "${CHILDREN[@]}"; do
        kill "-$1" -- "-$child" 2>/dev/null || true
    done
}

child_is_left() {
    local child
    for child in "${CHILDREN[@]}"; do
        kill -0 "$child" 2>/dev/null && return 0
    done
    return 1
}

# Ends the children and their groups: SIGTERM; SIGKILL for what is left then, or after
# CHILD_PATIENCE.
child_stop() {
    local _
    [ ${#CHILDREN[@]} -gt 0 ] || return 0
    child_signal TERM
    for _ in $(seq $((10 * CHILD_PATIENCE))); do
        child_is_left || break
        sleep 0.1
    done
    child_signal KILL
    child_wait || true
}

# Runs CLEANUP however the script ends, and ends it with the status that a signal calls for.
child_cleanup() { # CLEANUP
    # shellcheck disable=SC2064 # the command of now
    trap "child_stop; $1" EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}
