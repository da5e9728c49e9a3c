/* SPDX-License-Identifier: MIT */
#ifndef SDME_LUA_FILE_H
#define SDME_LUA_FILE_H

#include <sys/stat.h>

#include "binding.h"

/* What every function of sdme.core.file takes: a path, and in the options `root` and `follow`. */
struct sdme_lua_location {
    const char *path;
    int root;
    bool follow;
};

/*
 * The path at @index, and `root` and `follow` of the options at @options, which is a table or
 * nothing and may have the keys @known. @follow is what holds if nothing is said.
 */
struct sdme_lua_location sdme_lua_check_location(lua_State *L, int index, int options,
                                                 const char *const *known, bool follow);

/* For the option tables, which may be missing; unlike those of binding.h. */
uid_t sdme_lua_check_id(lua_State *L, lua_Integer id, const char *what);

/* flush() and write_out(), which are in file_flush.c, and the class of what flush() returns. */
int sdme_lua_file_flush(lua_State *L);
int sdme_lua_file_write_out(lua_State *L);
void sdme_lua_file_flush_class(lua_State *L);

/* The part of sdme.core.file that is in file_attribute.c. */
extern const luaL_Reg sdme_lua_file_attribute_functions[];

#endif
