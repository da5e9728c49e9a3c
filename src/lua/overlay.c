/* SPDX-License-Identifier: MIT */
#include "../runtime/overlay.h"

#include "../runtime/mount.h"
#include "binding.h"

/*
 * mount{ lowers = { "/top", ..., "/bottom" }, upper=, work=, map_owners = userns, metacopy=,
 *        read_only=, descriptors = false (mount by names, as kernels before 6.13) } -> descriptor
 */
static int overlay_mount(lua_State *L)
{
    static const char *const options[] = {"lowers",     "upper",    "work",
                                          "map_owners", "metacopy", "read_only", "descriptors",
                                          NULL};
    struct sdme_error error = {0};

    lua_settop(L, 1);
    sdme_lua_options(L, 1, options);
    lua_getfield(L, 1, "lowers");
    struct sdme_overlay overlay = {
        .lowers = (const char *const *) sdme_lua_strings(L, 2, "lowers"),
        .lower_count = sdme_lua_array_length(L, 2, "lowers"),
        .upper = sdme_lua_option_string(L, 1, "upper", NULL),
        .work = sdme_lua_option_string(L, 1, "work", NULL),
        .userns_fd = sdme_lua_option_fd(L, 1, "map_owners", -1),
        .metacopy = sdme_lua_option_boolean(L, 1, "metacopy", false),
        .no_descriptors = !sdme_lua_option_boolean(L, 1, "descriptors", true),
    };
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
