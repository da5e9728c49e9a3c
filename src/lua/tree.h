/* SPDX-License-Identifier: MIT */
#ifndef SDME_LUA_TREE_H
#define SDME_LUA_TREE_H

#include "../runtime/path_set.h"
#include "../runtime/tree.h"
#include "binding.h"

/* What the functions of sdme.core.tree share. */

/* Pushes { size=, files=, directories= }. */
void sdme_lua_push_tree_size(lua_State *L, const struct sdme_tree_size *size);

/* The option `shift`, { from=0, to=, count=65536 }; without it, none. */
struct sdme_shift sdme_lua_option_shift(lua_State *L, int index);

/* The option `threads`; 0 without it. */
unsigned int sdme_lua_option_threads(lua_State *L, int index);

/* A set of paths that holds nothing yet, and is freed with the value that this pushes. */
struct sdme_path_set **sdme_lua_push_path_set(lua_State *L);

/* Adds the paths of an option to the set. Leaves them on the stack. */
int sdme_lua_add_paths(lua_State *L, int index, const char *key, unsigned int mark,
                       struct sdme_path_set **set, struct sdme_error *error);

/* copy() and digest(), which are in tree_copy.c, and the class of what they hold. */
int sdme_lua_tree_copy(lua_State *L);
int sdme_lua_tree_digest(lua_State *L);
void sdme_lua_tree_digest_class(lua_State *L);

#endif
