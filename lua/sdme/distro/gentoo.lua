return {
    name = "Gentoo",
    ids = { "gentoo" },
    refused = "Gentoo is built with it or without",
    hint = "import a stage 3 with systemd",
}
