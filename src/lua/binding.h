/* SPDX-License-Identifier: MIT */
#ifndef SDME_LUA_BINDING_H
#define SDME_LUA_BINDING_H

#include <lauxlib.h>
#include <lua.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "../runtime/error.h"
#include "../runtime/util.h"

/*
 * What every binding shares. The rules: misuse raises, an operation that fails returns
 * `nil, message, code`; a function that may raise holds nothing that only C knows of, so a
 * userdata is made first and filled afterwards.
 */

/* Returns nil, the message and the name of the code: `return sdme_lua_fail(L, &error)`. */
int sdme_lua_fail(lua_State *L, const struct sdme_error *error);

/* `return sdme_lua_done(L, code, &error)`: true, or what sdme_lua_fail() returns. */
int sdme_lua_done(lua_State *L, int code, const struct sdme_error *error);

/*
 * Makes the metatable @name of a handle: @methods (a `close` among them) in __index, and __gc,
 * __close, __name, __tostring. @close may be NULL.
 */
void sdme_lua_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction close);

/* Raises unless the table at @index has no other keys than @known (NULL at its end). */
void sdme_lua_options(lua_State *L, int index, const char *const *known);

/* Options by name; a missing one is @fallback, a wrong type raises and names the key. */
const char *sdme_lua_option_string(lua_State *L, int index, const char *key, const char *fallback);
lua_Integer sdme_lua_option_integer(lua_State *L, int index, const char *key, lua_Integer fallback);
lua_Number sdme_lua_option_number(lua_State *L, int index, const char *key, lua_Number fallback);
bool sdme_lua_option_boolean(lua_State *L, int index, const char *key, bool fallback);
int sdme_lua_option_fd(lua_State *L, int index, const char *key, int fallback);

/* Permissions: an integer, or, since Lua has no octal numbers, a string such as "0755". */
mode_t sdme_lua_check_mode(lua_State *L, int index);
mode_t sdme_lua_option_mode(lua_State *L, int index, const char *key, mode_t fallback);

/* The string at @index, which has no NUL byte: to C it would end there. */
const char *sdme_lua_check_text(lua_State *L, int index);

/*
 * The length of the array at @index as lua_rawgeti() sees it, so that no metatable changes it
 * between counting and filling; raises if it is longer than anything could need.
 */
size_t sdme_lua_array_length(lua_State *L, int index, const char *what);

/*
 * The array of strings at @index as a NULL-terminated vector. It lives in a userdata that this
 * pushes, and its strings in the array: both must stay where the collector sees them.
 */
char **sdme_lua_strings(lua_State *L, int index, const char *what);

/*
 * A descriptor as a Lua value (`fileno`, `close`). Push one that holds nothing, then let the
 * runtime fill it: `int *fd = sdme_lua_push_descriptor(L)`.
 */
int *sdme_lua_push_descriptor(lua_State *L);

/*
 * What `poll` of a pending object returns: a descriptor to be readable, or nil for -1, and the
 * seconds after which to step anyway, none if they are negative. Returns how many values these are.
 */
int sdme_lua_push_poll(lua_State *L, int fd, double timeout);

/* The number behind an integer, a descriptor, a Lua file, or anything with a `fileno` method. */
int sdme_lua_check_fd(lua_State *L, int index);

/*
 * What ends an operation from outside. SIGINT and SIGTERM belong to the interpreter, whose handlers
 * send it; another program may by src/sdme.h. Where there is none, nothing is ever interrupted.
 */
struct sdme_interrupt {
    struct sdme_cancel cancel;
    atomic_int signal;
    int fd;              /* an eventfd(2), readable once a signal came */
    int resize_fd;       /* a signalfd(2) for SIGWINCH, for whoever shows a terminal; -1: none */
    void (*renew)(void); /* the next signal is a first one again */
};

void sdme_lua_set_interrupt(lua_State *L, struct sdme_interrupt *interrupt);
struct sdme_interrupt *sdme_lua_interrupt(lua_State *L);
struct sdme_cancel *sdme_lua_cancel(lua_State *L);

/* Takes note of the signal that came, so that cleaning up isn't interrupted too; 0 if none. */
int sdme_lua_take_interrupt(lua_State *L);

/* One opener for each primitive: pushes the table that is sdme.core.NAME. */
#define SDME_PRIMITIVES(X)                                                                         \
    X(address)                                                                                     \
    X(archive)                                                                                     \
    X(broker)                                                                                      \
    X(bus)                                                                                         \
    X(cgroup)                                                                                      \
    X(connection)                                                                                  \
    X(digest)                                                                                      \
    X(disk)                                                                                        \
    X(fetch)                                                                                       \
    X(file)                                                                                        \
    X(firewall)                                                                                    \
    X(journal) X(line_editor) X(link) X(lock) X(mount) X(nat) X(netns) X(overlay) X(poll) X(port)  \
        X(process) X(pty) X(qcow2) X(route) X(stream) X(tree) X(userns)

#define SDME_DECLARE_OPENER(name) int sdme_lua_open_##name(lua_State *L);
SDME_PRIMITIVES(SDME_DECLARE_OPENER)

#endif
