/* SPDX-License-Identifier: MIT */
#include "lua_parser.h"

/* What is read as ports is written as text that is read as the same ports. */
static const char lua_parser[] = "local fault, kind = require 'sdme.fault', require 'sdme.kind'\n"
                                 "local text = require 'sdme.text'\n"
                                 "local socket = require 'sdme.port.socket'\n"
                                 "return function(input)\n"
                                 "    local port, why = kind.port.parse(input)\n"
                                 "    if not port then fault.usage('%s', text.printable(why)) end\n"
                                 "    local shown = kind.port.show(port)\n"
                                 "    assert(kind.port.show(kind.port.parse(shown)) == shown)\n"
                                 "    assert(kind.port.show(kind.port.check(port)) == shown)\n"
                                 "    assert(socket.problem { port } == nil)\n"
                                 "    for _, one in ipairs(socket.of { port }) do\n"
                                 "        assert(one.number > 0 and one.number < 65536)\n"
                                 "        assert(one.target > 0 and one.target < 65536)\n"
                                 "        assert(kind.address.parse(one.address) == one.address)\n"
                                 "    end\n"
                                 "end\n";
