/* SPDX-License-Identifier: MIT */
#ifndef SDME_LUA_ARCHIVE_H
#define SDME_LUA_ARCHIVE_H

#include "binding.h"

/* The part of sdme.core.archive that is in archive_pack.c, and the class of what it returns. */
extern const luaL_Reg sdme_lua_archive_pack_functions[];
void sdme_lua_archive_pack_class(lua_State *L);

#endif
