/* SPDX-License-Identifier: MIT */
#include "lua_parser.h"

/* A config has all that is asked of it, and can be kept as JSON. */
static const char lua_parser[] =
    "local config = require 'sdme.oci.config'\n"
    "local json = require 'sdme.json'\n"
    "return function(input)\n"
    "    local parsed = config.parse(input, 'x')\n"
    "    json.decode(json.encode(parsed), 'x')\n"
    "    assert(parsed.workdir:find '^/' and not parsed.workdir:find '/%.%.')\n"
    "    for _, path in ipairs(parsed.volumes) do\n"
    "        assert(path:find '^/.' and not (path .. '/'):find '/%.%./')\n"
    "    end\n"
    "    for _, each in ipairs(parsed.ports) do\n"
    "        assert(each.port >= 1 and each.port <= 65535)\n"
    "    end\n"
    "    for _, each in ipairs(parsed.env) do\n"
    "        assert(each:find '^[^=]+=' and not each:find '%z')\n"
    "    end\n"
    "end\n";
