/* SPDX-License-Identifier: MIT */
#include "../runtime/link.h"

#include "binding.h"

/* The namespace under @key of the options at @index; that of the caller, if there is none. */
static int option_netns(lua_State *L, int index, const char *key)
{
    return sdme_lua_option_fd(L, index, key, SDME_NETNS_OWN);
}

static const char *need_name(lua_State *L, int index, const char *key)
{
    const char *name = sdme_lua_option_string(L, index, key, NULL);

    if (!name)
        luaL_error(L, "'%s' is needed", key);
    return name;
}

/* add_veth{ name=, peer=, netns=, peer_netns= } -> true | nil, message, code */
static int link_add_veth(lua_State *L)
{
    static const char *const options[] = {"name", "peer", "netns", "peer_netns", NULL};
    struct sdme_error error = {0};

    sdme_lua_options(L, 1, options);
    const char *name = need_name(L, 1, "name"), *peer = need_name(L, 1, "peer");
    int netns = option_netns(L, 1, "netns"), peer_netns = option_netns(L, 1, "peer_netns");
    return sdme_lua_done(L, sdme_link_add_veth(netns, name, peer_netns, peer, &error), &error);
}

/* add_bridge{ name=, netns= } -> true | nil, message, code */
static int link_add_bridge(lua_State *L)
{
    static const char *const options[] = {"name", "netns", NULL};
    struct sdme_error error = {0};

    sdme_lua_options(L, 1, options);
    const char *name = need_name(L, 1, "name");
    return sdme_lua_done(L, sdme_link_add_bridge(option_netns(L, 1, "netns"), name, &error),
                         &error);
}

/* set_up{ name=, up=true, netns= } -> true | nil, message, code */
static int link_set_up(lua_State *L)
{
    static const char *const options[] = {"name", "up", "netns", NULL};
    struct sdme_error error = {0};

    sdme_lua_options(L, 1, options);
    const char *name = need_name(L, 1, "name");
    bool up = sdme_lua_option_boolean(L, 1, "up", true);
    return sdme_lua_done(L, sdme_link_set_up(option_netns(L, 1, "netns"), name, up, &error),
                         &error);
}

/* set_bridge{ name=, bridge=, netns= } -> true | nil, message, code */
static int link_set_bridge(lua_State *L)
{
    static const char *const options[] = {"name", "bridge", "netns", NULL};
    struct sdme_error error = {0};

    sdme_lua_options(L, 1, options);
    const char *name = need_name(L, 1, "name");
    const char *bridge = sdme_lua_option_string(L, 1, "bridge", NULL);
    return sdme_lua_done(L, sdme_link_set_bridge(option_netns(L, 1, "netns"), name, bridge, &error),
                         &error);
}

/* move{ name=, to=, as=, netns= } -> true | nil, message, code */
static int link_move(lua_State *L)
{
    static const char *const options[] = {"name", "to", "as", "netns", NULL};
    struct sdme_error error = {0};

    sdme_lua_options(L, 1, options);
    const char *name = need_name(L, 1, "name");
    const char *as = sdme_lua_option_string(L, 1, "as", name);
    int target = option_netns(L, 1, "to");
    if (target == SDME_NETNS_OWN)
        return luaL_error(L, "'to' is needed");
    return sdme_lua_done(L, sdme_link_move(option_netns(L, 1, "netns"), name, target, as, &error),
                         &error);
}

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
    {"add_bridge", link_add_bridge},
    {"add_veth", link_add_veth},
    {"move", link_move},
    {"remove", link_remove},
    {"remove_zone", link_remove_zone},
    {"set_bridge", link_set_bridge},
    {"set_up", link_set_up},
    {NULL, NULL},
};

int sdme_lua_open_link(lua_State *L)
{
    luaL_newlib(L, link_functions);
    return 1;
}
