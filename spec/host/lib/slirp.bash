# shellcheck shell=bash
# A way out of a test host: user-mode NAT by slirp4netns.

slirp_start() { # FOLDER PID
    local process _
    # shellcheck disable=SC2094 # slirp4netns writes a byte to ready when it is
    setsid slirp4netns --configure --mtu=1400 --disable-host-loopback --ready-fd=3 "$2" eth0 \
        </dev/null >"$1/slirp.log" 2>&1 3>"$1/slirp.ready" &
    process=$!
    disown
    process_record "$1/slirp" "$process" || fail "slirp4netns: $(tail -n 1 "$1/slirp.log")"
    for _ in $(seq 100); do
        [ -s "$1/slirp.ready" ] && return
        sleep 0.05
    done
    fail "slirp4netns is not ready after 5 s: $(tail -n 1 "$1/slirp.log")"
}
