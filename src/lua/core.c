/* SPDX-License-Identifier: MIT */
#include "../sdme.h"

#include <string.h>

#include "binding.h"

#ifndef SDME_VERSION
#error "SDME_VERSION comes from the Makefile"
#endif

/* interrupted() -> the number of the last signal that interrupted us, nil if none did */
static int core_interrupted(lua_State *L)
{
    struct sdme_interrupt *interrupt = sdme_lua_interrupt(L);

    if (!interrupt || !interrupt->signal)
        return 0;
    lua_pushinteger(L, interrupt->signal);
    return 1;
}

/*
 * renew_interrupt() -> the number of a signal that came and interrupted nobody, or nil
 * From then on the first signal interrupts again, and the second kills; there was none before.
 */
static int core_renew_interrupt(lua_State *L)
{
    struct sdme_interrupt *interrupt = sdme_lua_interrupt(L);
    int number = sdme_lua_take_interrupt(L);

    if (interrupt)
        interrupt->signal = 0;
    if (interrupt && interrupt->renew)
        interrupt->renew();
    if (!number)
        return 0;
    lua_pushinteger(L, number);
    return 1;
}

static const luaL_Reg primitives[] = {
#define OPENER(name) {#name, sdme_lua_open_##name},
    SDME_PRIMITIVES(OPENER){NULL, NULL},
};

/* __index of the module: opens a primitive, of which most programs need a few. */
static int core_open(lua_State *L)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";

    for (const luaL_Reg *primitive = primitives; primitive->name; primitive++) {
        if (strcmp(primitive->name, name) != 0)
            continue;
        lua_pushcfunction(L, primitive->func);
        lua_call(L, 0, 1);
        lua_pushvalue(L, -1);
        lua_setfield(L, 1, name);
        return 1;
    }
    return 0;
}

/* Pushes the metatable of the module: __names has the keys that there are, for completion. */
static void push_metatable(lua_State *L)
{
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, core_open);
    lua_setfield(L, -2, "__index");
    lua_createtable(L, 0, (int) ELEMENTS(primitives) - 1);
    for (const luaL_Reg *primitive = primitives; primitive->name; primitive++) {
        lua_pushboolean(L, true);
        lua_setfield(L, -2, primitive->name);
    }
    lua_setfield(L, -2, "__names");
}

int luaopen_sdme_core(lua_State *L)
{
    luaL_checkversion(L);
    lua_newtable(L);
    push_metatable(L);
    lua_setmetatable(L, -2);
    lua_pushcfunction(L, core_interrupted);
    lua_setfield(L, -2, "interrupted");
    lua_pushcfunction(L, core_renew_interrupt);
    lua_setfield(L, -2, "renew_interrupt");
    lua_pushliteral(L, SDME_VERSION);
    lua_setfield(L, -2, "version");
    return 1;
}
