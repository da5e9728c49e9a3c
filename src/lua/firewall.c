/* SPDX-License-Identifier: MIT */
#include "../runtime/firewall.h"

#include <string.h>

#include "binding.h"

static struct sdme_prefix check_network(lua_State *L, int index)
{
    struct sdme_error error = {0};
    struct sdme_prefix network = {0};

    if (sdme_prefix_parse(sdme_lua_check_text(L, index), &network, &error) < 0)
        luaL_argerror(L, index, error.message);
    return network;
}

/* add(network) -> true | nil, message, code */
static int firewall_add(lua_State *L)
{
    const struct sdme_prefix network = check_network(L, 1);
    struct sdme_error error = {0};

    return sdme_lua_done(L, sdme_firewall_add(&network, &error), &error);
}

/* remove(network) -> true | nil, message, code */
static int firewall_remove(lua_State *L)
{
    const struct sdme_prefix network = check_network(L, 1);
    struct sdme_error error = {0};

    return sdme_lua_done(L, sdme_firewall_remove(&network, &error), &error);
}

/* Runs protected below sdme_firewall_list(), which a longjmp would leave half-way. */
static int push_first(lua_State *L)
{
    char text[SDME_PREFIX_TEXT_SIZE];
    size_t size = strcspn(sdme_prefix_format(lua_touserdata(L, 2), text), "/");

    lua_pushlstring(L, text, size);
    lua_rawseti(L, 1, luaL_len(L, 1) + 1);
    return 0;
}

static int add_first(const struct sdme_prefix *first, void *context)
{
    lua_State *L = context;

    lua_pushcfunction(L, push_first);
    lua_pushvalue(L, 1);
    lua_pushlightuserdata(L, (void *) (uintptr_t) first);
    return lua_pcall(L, 2, 0, 0) == LUA_OK ? 0 : -ENOMEM;
}

/* list() -> { "10.0.0.0", ... } | nil, message, code */
static int firewall_list(lua_State *L)
{
    struct sdme_error error = {0};

    lua_settop(L, 0);
    lua_newtable(L);
    int code = sdme_firewall_list(add_first, L, &error);
    if (lua_gettop(L) > 1)
        return lua_error(L);
    return code < 0 ? sdme_lua_fail(L, &error) : 1;
}

/* probe() -> true | nil, message, code */
static int firewall_probe(lua_State *L)
{
    struct sdme_error error = {0};

    return sdme_lua_done(L, sdme_firewall_probe(&error), &error);
}

static const luaL_Reg firewall_functions[] = {
    {"add", firewall_add},
    {"list", firewall_list},
    {"probe", firewall_probe},
    {"remove", firewall_remove},
    {NULL, NULL},
};

int sdme_lua_open_firewall(lua_State *L)
{
    luaL_newlib(L, firewall_functions);
    return 1;
}
