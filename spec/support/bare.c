/* SPDX-License-Identifier: MIT */
/* A program that opens sdme in a state without Lua's own libraries. */
#include <lauxlib.h>
#include <sdme.h>
#include <stdio.h>

int main(void)
{
    lua_State *L = luaL_newstate();

    lua_pushcfunction(L, luaopen_sdme);
    if (lua_pcall(L, 0, 1, 0) != LUA_OK)
        puts(lua_tostring(L, -1));
    lua_close(L);
    return 0;
}
