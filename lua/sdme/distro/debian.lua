return {
    name = "Debian",
    ids = { "debian", "ubuntu", "raspbian", "devuan-systemd", "linuxmint", "kali", "pop" },
    manager = "apt-get",
    install = {
        { "apt-get", "update" },
        { "apt-get", "install", "--yes", "--no-install-recommends", "systemd", "systemd-sysv",
            "dbus", "libpam-systemd" },
    },
    environment = { DEBIAN_FRONTEND = "noninteractive" },
    clean = {
        "/var/lib/apt/lists", "/var/cache/apt", "/var/cache/debconf", "/var/log/apt",
    },
}
