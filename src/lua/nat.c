/* SPDX-License-Identifier: MIT */
#include "../runtime/nat.h"

#include <arpa/inet.h>

#include "binding.h"

static const char *const families[] = {"inet", "inet6", NULL};
static const char *const protocols[] = {"tcp", "udp", NULL};

static void set_integer(lua_State *L, const char *key, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, key);
}

static void set_string(lua_State *L, const char *key, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, key);
}

/* Runs protected below sdme_nat_list(), which a longjmp would leave half-way. */
static int push_port(lua_State *L)
{
    const struct sdme_nat_port *port = lua_touserdata(L, 2);
    bool v6 = port->target.any.sa_family == AF_INET6;
    char address[INET6_ADDRSTRLEN];

    inet_ntop(v6 ? AF_INET6 : AF_INET,
              v6 ? (const void *) &port->target.v6.sin6_addr
                 : (const void *) &port->target.v4.sin_addr,
              address, sizeof address);
    lua_createtable(L, 0, 5);
    set_string(L, "family", families[v6]);
    set_string(L, "protocol", protocols[port->type == SOCK_DGRAM]);
    set_integer(L, "port", port->number);
    set_string(L, "address", address);
    set_integer(L, "target", ntohs(v6 ? port->target.v6.sin6_port : port->target.v4.sin_port));
    lua_rawseti(L, 1, luaL_len(L, 1) + 1);
    return 0;
}

static int add_port(const struct sdme_nat_port *port, void *context)
{
    lua_State *L = context;

    lua_pushcfunction(L, push_port);
    lua_pushvalue(L, 1);
    lua_pushlightuserdata(L, (void *) (uintptr_t) port);
    return lua_pcall(L, 2, 0, 0) == LUA_OK ? 0 : -ENOMEM;
}

/* list() -> { { family=, protocol=, port=, address=, target= }, ... } */
static int nat_list(lua_State *L)
{
    struct sdme_error error = {0};

    lua_settop(L, 0);
    lua_newtable(L);
    int code = sdme_nat_list(add_port, L, &error);
    if (lua_gettop(L) > 1)
        return lua_error(L);
    return code < 0 ? sdme_lua_fail(L, &error) : 1;
}

/* remove("inet"|"inet6", "tcp"|"udp", port) -> true | nil, message, code */
static int nat_remove(lua_State *L)
{
    int family = luaL_checkoption(L, 1, NULL, families);
    int protocol = luaL_checkoption(L, 2, NULL, protocols);
    lua_Integer number = luaL_checkinteger(L, 3);
    struct sdme_error error = {0};

    luaL_argcheck(L, number > 0 && number <= UINT16_MAX, 3, "a port is 1 to 65535");
    int code = sdme_nat_remove(family ? AF_INET6 : AF_INET, protocol ? SOCK_DGRAM : SOCK_STREAM,
                               (uint16_t) number, &error);
    return sdme_lua_done(L, code, &error);
}

static const luaL_Reg nat_functions[] = {
    {"list", nat_list},
    {"remove", nat_remove},
    {NULL, NULL},
};

int sdme_lua_open_nat(lua_State *L)
{
    luaL_newlib(L, nat_functions);
    return 1;
}
