return {
    name = "Arch Linux",
    ids = { "arch", "archarm", "manjaro", "endeavouros", "cachyos", "garuda" },
    managers = {
        {
            program = "pacman",
            -- With all else brought up to date: packages of one day don't go with those of another
            -- (pacman(8), -y).
            install = {
                { "pacman", "-Syu", "--noconfirm", "--needed", "systemd", "systemd-sysvcompat",
                    "dbus", "util-linux" },
            },
        },
    },
    clean = { "/var/cache/pacman/pkg", "/var/lib/pacman/sync", "/var/cache/ldconfig" },
}
