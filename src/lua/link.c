/* SPDX-License-Identifier: MIT */
#include "../runtime/link.h"

#include "binding.h"

/* remove(name) -> true | nil, message, code */
static int link_remove(lua_State *L)
{
    struct sdme_error error = {0};

    return sdme_lua_done(L, sdme_link_remove(sdme_lua_check_text(L, 1), &error), &error);
}

/* remove_zone(zone) -> whether its bridge was there, and has gone | nil, message, code */
static int link_remove_zone(lua_State *L)
{
    struct sdme_error error = {0};
    bool removed = false;

    if (sdme_link_remove_zone(sdme_lua_check_text(L, 1), &removed, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_pushboolean(L, removed);
    return 1;
}

static const luaL_Reg link_functions[] = {
    {"remove", link_remove},
    {"remove_zone", link_remove_zone},
    {NULL, NULL},
};

int sdme_lua_open_link(lua_State *L)
{
    luaL_newlib(L, link_functions);
    return 1;
}
