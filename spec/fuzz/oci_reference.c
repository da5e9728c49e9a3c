/* SPDX-License-Identifier: MIT */
#include "lua_parser.h"

/* What is read as the name of an image is written as one that is read as the same. */
static const char lua_parser[] =
    "local reference = require 'sdme.oci.reference'\n"
    "return function(input)\n"
    "    local parsed = reference.parse(input)\n"
    "    local name = tostring(parsed)\n"
    "    assert(tostring(reference.parse(name)) == name)\n"
    "    assert(reference.is_registry(parsed.registry))\n"
    "    assert(not parsed.repository:find '%.%.' and not name:find '[%c%s]')\n"
    "    assert(parsed.tag or parsed.digest)\n"
    "end\n";
