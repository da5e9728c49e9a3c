/* SPDX-License-Identifier: MIT */
#ifndef SDME_ALLOCATOR_H
#define SDME_ALLOCATOR_H

#include <lua.h>

/*
 * Gives a Lua state memory that is faster to be had than malloc(3)'s: a command makes thousands of
 * small blocks, of which it lives to see few freed. One state of a process can have it, for good.
 */
void sdme_allocator_install(lua_State *L);

#endif
