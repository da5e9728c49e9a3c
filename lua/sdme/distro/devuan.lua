return {
    name = "Devuan",
    ids = { "devuan" },
    refused = "Devuan has no packages of it",
}
