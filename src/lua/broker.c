/* SPDX-License-Identifier: MIT */
#include "../runtime/broker.h"

#include "binding.h"

static const char *const options[] = {"base", "connection", "count", "netns", NULL};

/* serve{connection, netns, base, count} -> true | nil, message, code */
static int broker_serve(lua_State *L)
{
    struct sdme_error error = {0};

    sdme_lua_options(L, 1, options);
    lua_Integer base = sdme_lua_option_integer(L, 1, "base", 0);
    lua_Integer count = sdme_lua_option_integer(L, 1, "count", 0);
    luaL_argcheck(L, base > 0 && base <= UINT32_MAX, 1, "base: expected an id above 0");
    luaL_argcheck(L, count > 0 && count <= UINT32_MAX, 1, "count: expected a number of ids");
    struct sdme_broker broker = {
        .connection = sdme_lua_option_fd(L, 1, "connection", -1),
        .netns = sdme_lua_option_fd(L, 1, "netns", -1),
        .range = {(uint32_t) base, (uint32_t) count},
    };
    return sdme_lua_done(L, sdme_broker_serve(&broker, &error), &error);
}

/* path(connection) -> the path of its socket | nil, message, code */
static int broker_path(lua_State *L)
{
    char path[SDME_BROKER_PATH_MAX];
    struct sdme_error error = {0};

    if (sdme_broker_path(sdme_lua_check_fd(L, 1), path, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_pushstring(L, path);
    return 1;
}

/* check() -> true | nil, message, code */
static int broker_check(lua_State *L)
{
    struct sdme_error error = {0};

    return sdme_lua_done(L, sdme_broker_check(&error), &error);
}

static const luaL_Reg broker_functions[] = {
    {"check", broker_check},
    {"path", broker_path},
    {"serve", broker_serve},
    {NULL, NULL},
};

int sdme_lua_open_broker(lua_State *L)
{
    luaL_newlib(L, broker_functions);
    return 1;
}
