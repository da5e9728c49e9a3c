return {
    name = "Alpine Linux",
    ids = { "alpine" },
    refused = "Alpine Linux has no packages of it",
}
