/* SPDX-License-Identifier: MIT */
#include "lua_parser.h"

/* Each challenge has a scheme, and a token or parameters but not both. */
static const char lua_parser[] =
    "local challenge = require 'sdme.oci.challenge'\n"
    "return function(input)\n"
    "    for _, each in ipairs(challenge.parse(input, 'x')) do\n"
    "        assert(each.scheme:find '^[%w%p]+$' and each.scheme == each.scheme:lower())\n"
    "        assert(not each.token68 or not next(each.parameters))\n"
    "        for name, value in pairs(each.parameters) do\n"
    "            assert(name == name:lower() and #value <= #input)\n"
    "        end\n"
    "    end\n"
    "end\n";
