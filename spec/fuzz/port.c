/* SPDX-License-Identifier: MIT */
#include "lua_parser.h"

/* What is read as ports is written as text that is read as the same ports, and can be listened on.
 */
static const char lua_parser[] = "local fault, kind = require 'sdme.fault', require 'sdme.kind'\n"
                                 "local socket = require 'sdme.port.socket'\n"
                                 "return function(input)\n"
                                 "    local port, why = kind.port.parse(input)\n"
                                 "    if not port then fault.usage('%s', why) end\n"
                                 "    local text = kind.port.show(port)\n"
                                 "    assert(kind.port.show(kind.port.parse(text)) == text)\n"
                                 "    assert(kind.port.show(kind.port.check(port)) == text)\n"
                                 "    assert(socket.problem { port } == nil)\n"
                                 "    for _, one in ipairs(socket.of { port }) do\n"
                                 "        assert(one.number > 0 and one.number < 65536)\n"
                                 "        assert(one.target > 0 and one.target < 65536)\n"
                                 "        assert(kind.address.parse(one.address) == one.address)\n"
                                 "    end\n"
                                 "end\n";
