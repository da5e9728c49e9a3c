/* SPDX-License-Identifier: MIT */
#include "../runtime/overlay.h"

#include <string.h>

#include "../runtime/mount.h"
#include "binding.h"

/*
 * The lowers at @index: a path each, or { path=, map_owners= }. Pushes a userdata that holds the
 * array; the strings stay in the table.
 */
static const struct sdme_overlay_lower *check_lowers(lua_State *L, int index, int userns_fd,
                                                     size_t *ret_count)
{
    static const char *const options[] = {"path", "map_owners", NULL};
    size_t count = sdme_lua_array_length(L, index, "lowers");
    struct sdme_overlay_lower *lowers = lua_newuserdatauv(L, (count + 1) * sizeof *lowers, 0);

    for (size_t i = 0; i < count; i++) {
        size_t length;

        lowers[i].userns_fd = userns_fd;
        if (lua_rawgeti(L, index, (lua_Integer) i + 1) == LUA_TTABLE) {
            sdme_lua_options(L, -1, options);
            lowers[i].userns_fd = sdme_lua_option_fd(L, -1, "map_owners", userns_fd);
            lua_pushliteral(L, "path");
            lua_rawget(L, -2);
            lua_replace(L, -2);
        }
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "lowers: a path expected at [%d], got %s", (int) i + 1,
                       luaL_typename(L, -1));
        lowers[i].path = lua_tolstring(L, -1, &length);
        if (strlen(lowers[i].path) != length)
            luaL_error(L, "lowers: a NUL byte in the string at [%d]", (int) i + 1);
        lua_pop(L, 1);
    }
    *ret_count = count;
    return lowers;
}

/*
 * mount{ lowers = { "/top", ..., { path = "/bottom", map_owners = userns } }, upper=, work=,
 *        map_owners = userns (of those without one), metacopy=, volatile=, read_only=,
 *        descriptors = false (mount by names, as kernels before 6.13) } -> descriptor
 */
static int overlay_mount(lua_State *L)
{
    static const char *const options[] = {"lowers",     "upper",       "work",
                                          "map_owners", "metacopy",    "volatile",
                                          "read_only",  "descriptors", NULL};
    struct sdme_overlay overlay = {0};
    struct sdme_error error = {0};

    lua_settop(L, 1);
    sdme_lua_options(L, 1, options);
    if (lua_getfield(L, 1, "lowers") != LUA_TTABLE)
        return luaL_error(L, "option 'lowers' is a table, not a %s", luaL_typename(L, 2));
    overlay.lowers =
        check_lowers(L, 2, sdme_lua_option_fd(L, 1, "map_owners", -1), &overlay.lower_count);
    overlay.upper = sdme_lua_option_string(L, 1, "upper", NULL);
    overlay.work = sdme_lua_option_string(L, 1, "work", NULL);
    overlay.metacopy = sdme_lua_option_boolean(L, 1, "metacopy", false);
    overlay.no_sync = sdme_lua_option_boolean(L, 1, "volatile", false);
    overlay.no_descriptors = !sdme_lua_option_boolean(L, 1, "descriptors", true);
    bool read_only = sdme_lua_option_boolean(L, 1, "read_only", false);
    int *fd = sdme_lua_push_descriptor(L);
    int code = sdme_overlay_mount(&overlay, fd, &error);
    if (code == 0 && read_only)
        code = sdme_mount_restrict(*fd, false, &error);
    return code < 0 ? sdme_lua_fail(L, &error) : 1;
}

static const luaL_Reg overlay_functions[] = {
    {"mount", overlay_mount},
    {NULL, NULL},
};

int sdme_lua_open_overlay(lua_State *L)
{
    luaL_newlib(L, overlay_functions);
    lua_pushinteger(L, SDME_OVERLAY_MAX_LOWERS);
    lua_setfield(L, -2, "max_lowers");
    return 1;
}
