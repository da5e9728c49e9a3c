/* SPDX-License-Identifier: MIT */
#ifndef SDME_LUA_MESSAGE_H
#define SDME_LUA_MESSAGE_H

#include "../runtime/systemd.h"
#include "binding.h"

/*
 * Values of Lua and of D-Bus, by signature (D-Bus specification, "Type System"):
 *
 *   b               boolean
 *   y n q i u x t   integer, checked for range; t above 2^63-1 is a negative integer both ways
 *   d               number
 *   s o g           string, checked: UTF-8 without NUL, object path, signature
 *   h               written: a descriptor; read: a descriptor of its own
 *   ay              string of any bytes
 *   a               array
 *   a{}             table
 *   ()              array of the members
 *   v               written: { signature, value }; read: the plain value
 */

/*
 * Appends the elements of the array at @index, as @signature says. Raises where they differ, so
 * the message has to be held by a userdata.
 */
void sdme_lua_message_write(lua_State *L, const struct sdme_sd_bus *lib, sd_bus_message *message,
                            const char *signature, int index);

/*
 * Pushes the values of the message's body and returns their number, or a negative errno: -EBADMSG
 * for a body that is malformed. May raise for want of memory.
 */
int sdme_lua_message_read(lua_State *L, const struct sdme_sd_bus *lib, sd_bus_message *message);

/* Whether @text is an object path (D-Bus specification, "Valid Object Paths"). */
bool sdme_lua_is_object_path(const char *text);

#endif
