/* SPDX-License-Identifier: MIT */
#ifndef SDME_OPEN_H
#define SDME_OPEN_H

#include <lua.h>

#include "lua/binding.h"

/*
 * Has `require` find sdme's modules in @L: the runtime, and the Lua floor that is inside unless
 * @without_floor says that it comes from files. The searcher of the floor stands directly behind
 * package.preload, so that no file in the way can stand in for ours.
 */
void sdme_open(lua_State *L, bool without_floor);

/* Gets an interrupt ready to be sent: 0, or -1 and errno. */
int sdme_interrupt_open(struct sdme_interrupt *interrupt);

#endif
