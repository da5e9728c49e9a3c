/* SPDX-License-Identifier: MIT */
#include "../runtime/userns.h"

#include "binding.h"

/* create(base, count) -> descriptor of a namespace whose 0..count-1 are the host's base... */
static int userns_create(lua_State *L)
{
    lua_Integer base = luaL_checkinteger(L, 1), count = luaL_checkinteger(L, 2);
    struct sdme_error error = {0};

    luaL_argcheck(L, base >= 0 && base <= UINT32_MAX, 1, "an id is 32 bits");
    luaL_argcheck(L, count > 0 && count <= UINT32_MAX, 2, "a count of ids is 1 or more");
    int *fd = sdme_lua_push_descriptor(L);
    if (sdme_userns_create((uint32_t) base, (uint32_t) count, fd, &error) < 0)
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
