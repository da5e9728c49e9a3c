/* SPDX-License-Identifier: MIT */
#ifndef SDME_LUA_SPAWN_H
#define SDME_LUA_SPAWN_H

#include <lua.h>

#include "../runtime/process.h"

/*
 * The options of process.spawn and process.replace. What is returned points into Lua values that
 * these leave on the stack: they must stay there until the program is started.
 */

extern const char *const sdme_lua_stream_names[3];

/* A signal by number or name; raises if there is none like it. */
int sdme_lua_check_signal(lua_State *L, int index);

/* `argv`: an array of strings that is not empty. */
char **sdme_lua_option_argv(lua_State *L, int index);

/* `env`: { NAME = "value" } as "NAME=value" strings; NULL if the option is missing. */
char **sdme_lua_option_env(lua_State *L, int index);

/*
 * All options of process.spawn. @user is filled, and used by @spawn, if they name ids; the name
 * that `user` gives is returned instead, for looking it up may fail.
 */
const char *sdme_lua_read_spawn(lua_State *L, int index, struct sdme_spawn *spawn,
                                struct sdme_user *user);

#endif
