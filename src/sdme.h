/* SPDX-License-Identifier: MIT */
#ifndef SDME_H
#define SDME_H

#include <lua.h>

/*
 * All that a C program embedding sdme needs: luaL_requiref(L, "sdme.core", luaopen_sdme_core, 0),
 * and then `require "sdme"` works in L once the Lua files are on package.path. Nothing here
 * installs a signal handler, changes directory or umask, or prints.
 */
int luaopen_sdme_core(lua_State *L);

#endif
