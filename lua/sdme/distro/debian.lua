return {
    name = "Debian",
    ids = { "debian", "ubuntu", "raspbian", "linuxmint", "kali", "pop" },
    managers = {
        {
            program = "apt-get",
            install = {
                { "apt-get", "update" },
                -- `login` has the PAM service that sessions are opened by; images of Debian 13 and
                -- later need not have it.
                { "apt-get", "install", "--yes", "--no-install-recommends", "systemd",
                    "systemd-sysv", "dbus", "libpam-systemd", "login" },
            },
        },
    },
    environment = { DEBIAN_FRONTEND = "noninteractive" },
    clean = {
        "/var/lib/apt/lists", "/var/cache/apt", "/var/cache/debconf", "/var/cache/ldconfig",
        "/var/log/apt",
    },
}
