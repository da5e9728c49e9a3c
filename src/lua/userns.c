/* SPDX-License-Identifier: MIT */
#include "../runtime/userns.h"

#include "binding.h"

/* create(outside, count[, inside=0]) -> descriptor: ids inside, ... are the host's outside, ... */
static int userns_create(lua_State *L)
{
    lua_Integer outside = luaL_checkinteger(L, 1), count = luaL_checkinteger(L, 2);
    lua_Integer inside = luaL_optinteger(L, 3, 0);
    struct sdme_error error = {0};

    luaL_argcheck(L, outside >= 0 && outside <= UINT32_MAX, 1, "an id is 32 bits");
    luaL_argcheck(L, count > 0 && count <= UINT32_MAX, 2, "a count of ids is 1 or more");
    luaL_argcheck(L, inside >= 0 && inside <= UINT32_MAX, 3, "an id is 32 bits");
    int *fd = sdme_lua_push_descriptor(L);
    if (sdme_userns_create((uint32_t) outside, (uint32_t) count, (uint32_t) inside, fd, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

static const luaL_Reg userns_functions[] = {
    {"create", userns_create},
    {NULL, NULL},
};

int sdme_lua_open_userns(lua_State *L)
{
    luaL_newlib(L, userns_functions);
    return 1;
}
