-- Names for containers that were given none: an adjective and a noun, easy to say and to type.

local M <const> = {}

local ADJECTIVES <const> = {
    "agile", "amber", "ample", "azure", "basic", "blue", "bold", "brave", "brief", "bright",
    "brisk", "broad", "calm", "candid", "civil", "clean", "clear", "clever", "coral", "cosy",
    "crisp", "curly", "daring", "dapper", "deep", "eager", "early", "easy", "equal", "exact",
    "fair", "famous", "fine", "firm", "fluent", "fond", "frank", "fresh", "gentle", "glad",
    "golden", "grand", "green", "happy", "hardy", "honest", "humble", "ideal", "jolly", "keen",
    "kind", "level", "light", "lively", "loyal", "lucid", "lucky", "mellow", "merry", "mild",
    "modest", "neat", "nimble", "noble", "novel", "olive", "open", "patient", "plain", "polite",
    "prime", "proud", "purple", "quick", "quiet", "rapid", "ready", "robust", "round", "royal",
    "rustic", "sage", "serene", "sharp", "silent", "silver", "simple", "sincere", "smooth", "sober",
    "solid", "steady", "still", "sturdy", "subtle", "sunny", "super", "swift", "tidy", "tender",
    "true", "upbeat", "valid", "vivid", "warm", "wise", "witty", "young",
}

local NOUNS <const> = {
    "acorn", "anchor", "apple", "arrow", "aspen", "badger", "bamboo", "barley", "basin", "beacon",
    "beaver", "birch", "bison", "brook", "candle", "canoe", "canyon", "cedar", "cello", "cherry",
    "clover", "comet", "condor", "copper", "cove", "crane", "cricket", "delta", "dune", "eagle",
    "ember", "falcon", "fern", "ferry", "fiddle", "finch", "fjord", "forest", "fox", "garden",
    "geyser", "ginger", "glacier", "grove", "harbor", "hazel", "heron", "island", "ivy", "jasper",
    "kestrel", "kettle", "lagoon", "lantern", "lark", "laurel", "lemon", "lily", "linden", "lotus",
    "lynx", "magnet", "mango", "maple", "marble", "marlin", "meadow", "melon", "mesa", "mint",
    "moose", "nectar", "nickel", "oak", "oasis", "ocean", "orchid", "osprey", "otter", "panda",
    "pebble", "pepper", "pigeon", "pilot", "pine", "planet", "plum", "pond", "poplar", "puffin",
    "quail", "quartz", "rabbit", "raven", "reef", "ridge", "river", "robin", "rocket", "saffron",
    "salmon", "sparrow", "spruce", "summit", "tiger", "tulip", "valley", "violet", "walnut",
    "willow", "wren", "zebra",
}

-- Tries before a number makes the name longer.
local TRIES <const> = 64

-- Two numbers that another process doesn't draw at the same moment.
local function draw()
    local random <close> = io.open("/dev/urandom", "rb")
    if random then
        random:setvbuf "no"
        local bytes <const> = random:read(4)
        if bytes and #bytes == 4 then
            return ("<I2I2"):unpack(bytes)
        end
    end
    return math.random(0, 65535), math.random(0, 65535)
end

local function pair()
    local first, second = draw()
    return ADJECTIVES[first % #ADJECTIVES + 1] .. "-" .. NOUNS[second % #NOUNS + 1]
end

---A name that isn't taken.
---@param taken fun(name: string): boolean
---@return string
function M.name(taken)
    for _ = 1, TRIES do
        local name <const> = pair()
        if not taken(name) then
            return name
        end
    end
    local name, number = pair(), 2
    while taken(("%s-%d"):format(name, number)) do
        number = number + 1
    end
    return ("%s-%d"):format(name, number)
end

return M
