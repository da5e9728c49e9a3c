# shellcheck shell=bash

# Is the machine (or container, or test host) booted by systemd? sd_booted(3) looks at the same path.
systemd_is_init() {
    [ -d /run/systemd/system ]
}
