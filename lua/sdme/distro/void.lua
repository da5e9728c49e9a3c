return {
    name = "Void Linux",
    ids = { "void" },
    refused = "Void Linux has no packages of it",
}
