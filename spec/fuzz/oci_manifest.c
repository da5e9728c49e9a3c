/* SPDX-License-Identifier: MIT */
#include "lua_parser.h"

/* What a manifest leads to has a digest, a size and a known compression. */
static const char lua_parser[] =
    "local manifest = require 'sdme.oci.manifest'\n"
    "local platform = require 'sdme.oci.platform'\n"
    "local reference = require 'sdme.oci.reference'\n"
    "local wanted = platform.parse 'linux/arm64'\n"
    "return function(input)\n"
    "    local parsed = manifest.parse(input, 'x')\n"
    "    assert(manifest.kind_of(parsed.media_type) == parsed.kind)\n"
    "    for _, each in ipairs(parsed.layers or parsed.manifests) do\n"
    "        assert(reference.is_digest(each.digest) and each.size >= 0)\n"
    "        assert(parsed.kind == 'index' or each.compression)\n"
    "    end\n"
    "    if parsed.kind == 'index' then\n"
    "        platform.choose(parsed.manifests, wanted)\n"
    "        assert(utf8.len(manifest.list_platforms(parsed.manifests)))\n"
    "    end\n"
    "end\n";
