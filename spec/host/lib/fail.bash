# shellcheck shell=bash

fail() { # MESSAGE...
    echo "${0##*/}: $*" >&2
    exit 1
}

# Checks for commands before anything is begun.
need() { # COMMAND PACKAGE [COMMAND PACKAGE]...
    while [ $# -gt 0 ]; do
        command -v "$1" >/dev/null ||
            fail "$1 is missing: apt-get install $2 (or: make deps)"
        shift 2
    done
}

need_root() {
    [ "$(id -u)" = 0 ] || fail "needs root"
}
