return {
    name = "__broker",
    summary = "run what a container asks for in its pod: what its broker's service runs",
    run = function()
        require("sdme.pod.broker").serve()
    end,
}
