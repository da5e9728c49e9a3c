/* SPDX-License-Identifier: MIT */
#include "../runtime/connection.h"

#include "binding.h"

static const char opening_class[] = "sdme.connection.opening";

static int *check_opening(lua_State *L)
{
    return luaL_checkudata(L, 1, opening_class);
}

static int opening_close(lua_State *L)
{
    int *fd = check_opening(L);

    *fd = sdme_close(*fd);
    return 0;
}

static int opening_poll(lua_State *L)
{
    int *fd = check_opening(L);

    if (*fd < 0)
        return 0;
    lua_pushinteger(L, *fd);
    lua_pushliteral(L, "w");
    return 2;
}

/* false, or true and a descriptor (or nil, message, code); then it is closed */
static int opening_step(lua_State *L)
{
    int *fd = check_opening(L);
    struct sdme_error error = {0};

    luaL_argcheck(L, *fd >= 0, 1, "the connection is closed");
    int code = sdme_connection_step(*fd, &error);
    lua_pushboolean(L, code != 0);
    if (code == 0)
        return 1;
    if (code < 0) {
        opening_close(L);
        return 1 + sdme_lua_fail(L, &error);
    }
    int *ret_fd = sdme_lua_push_descriptor(L);
    *ret_fd = sdme_take_fd(fd);
    return 2;
}

/* open(netns, address, port) -> pending: a descriptor | nil, message, "ECONNREFUSED" */
static int connection_open(lua_State *L)
{
    int netns = sdme_lua_check_fd(L, 1);
    const char *address = sdme_lua_check_text(L, 2);
    lua_Integer port = luaL_checkinteger(L, 3);
    struct sdme_error error = {0};

    luaL_argcheck(L, port >= 1 && port <= UINT16_MAX, 3, "a port is 1 to 65535");
    int *fd = lua_newuserdatauv(L, sizeof *fd, 0);
    *fd = -1;
    luaL_setmetatable(L, opening_class);
    if (sdme_connection_open(netns, address, (uint16_t) port, fd, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

static const luaL_Reg opening_methods[] = {
    {"close", opening_close},
    {"poll", opening_poll},
    {"step", opening_step},
    {NULL, NULL},
};

static const luaL_Reg connection_functions[] = {{"open", connection_open}, {NULL, NULL}};

int sdme_lua_open_connection(lua_State *L)
{
    sdme_lua_class(L, opening_class, opening_methods, opening_close);
    luaL_newlib(L, connection_functions);
    return 1;
}
