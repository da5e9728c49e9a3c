return {
    name = "Artix Linux",
    ids = { "artix" },
    refused = "Artix Linux has no packages of it",
}
