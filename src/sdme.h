/* SPDX-License-Identifier: MIT */
#ifndef SDME_H
#define SDME_H

#include <lua.h>

/*
 * libsdme: sdme in a C program, by Lua. doc/embedding.md has an example.
 *
 * Nothing here installs a signal handler, changes the directory, the umask, the locale or the
 * environment, or prints. States of different threads have nothing in common; one state belongs to
 * one thread at a time, as ever with Lua.
 */

#if defined __GNUC__
#define SDME_PUBLIC __attribute__((visibility("default")))
#else
#define SDME_PUBLIC
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library, "1.2.3": a static string. */
SDME_PUBLIC const char *sdme_version(void);

/*
 * Pushes the table that `require "sdme"` gives. For luaL_requiref(L, "sdme", luaopen_sdme, 0), or
 * package.preload. All of sdme's Lua is inside, and comes before files of the same names; @L needs
 * luaL_openlibs() before, and lua-cjson where `require` finds it.
 */
SDME_PUBLIC int luaopen_sdme(lua_State *L);

/* The same for "sdme.core", the runtime below it; luaopen_sdme() sees to it by itself. */
SDME_PUBLIC int luaopen_sdme_core(lua_State *L);

struct sdme_interrupt;

/*
 * What ends from outside whatever sdme does in @L: the operation that is under way cleans up and
 * raises EINTR. It belongs to @L, is gone with it, and is the same one however often it is asked
 * for. Raises an error of Lua if there is no memory or descriptor for it.
 */
SDME_PUBLIC struct sdme_interrupt *sdme_interrupt_get(lua_State *L);

/*
 * Sends it, from a signal handler or any thread. @signal is what `sdme.core.interrupted()` tells,
 * the number of a signal. It holds until an operation has taken notice, even if none is under way.
 */
SDME_PUBLIC void sdme_interrupt_send(struct sdme_interrupt *interrupt, int signal);

#ifdef __cplusplus
}
#endif

#endif
