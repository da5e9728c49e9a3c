# shellcheck shell=bash
# One child at a time, in a session of its own: a signal that reaches the script is handled at once,
# and what the child started is ended with it.

CHILD=

child_run() { # CMD...
    local status=0
    setsid "$@" <&0 &
    CHILD=$!
    { wait "$CHILD"; } 2>/dev/null || status=$? # bash's own line about a signal
    CHILD=
    return "$status"
}

# Ends the child and its group: SIGTERM; SIGKILL for what is left then, or after 10 s.
child_stop() {
    local _
    [ -n "$CHILD" ] || return 0
    kill -TERM -- "-$CHILD" 2>/dev/null || true
    for _ in $(seq 100); do
        kill -0 "$CHILD" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL -- "-$CHILD" 2>/dev/null || true
    wait "$CHILD" 2>/dev/null || true
    CHILD=
}

# Runs CLEANUP however the script ends, and ends it with the status that a signal calls for.
child_cleanup() { # CLEANUP
    # shellcheck disable=SC2064 # the command of now
    trap "child_stop; $1" EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}
