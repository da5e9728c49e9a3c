/* SPDX-License-Identifier: MIT */
#include "../runtime/address.h"

#include "../runtime/link.h"
#include "binding.h"

static const char watch_class[] = "sdme.address.watch";

enum { ADDRESSES_MAX = 4096 };

/* The namespace that is meant by the table at the index 1, or by none. */
static int option_netns(lua_State *L)
{
    static const char *const options[] = {"netns", NULL};

    if (lua_isnoneornil(L, 1))
        return SDME_NETNS_OWN;
    sdme_lua_options(L, 1, options);
    return sdme_lua_option_fd(L, 1, "netns", SDME_NETNS_OWN);
}

struct collection {
    struct sdme_link_address *addresses;
    size_t count;
    struct sdme_error *error;
};

static int collect(const struct sdme_link_address *address, void *context)
{
    struct collection *collection = context;

    if (collection->count == ADDRESSES_MAX)
        return sdme_fail_as(collection->error, E2BIG, "there are more than %d addresses",
                            ADDRESSES_MAX);
    collection->addresses[collection->count++] = *address;
    return 0;
}

static void push_address(lua_State *L, const struct sdme_link_address *address)
{
    const struct sdme_prefix network = sdme_prefix_network(&address->prefix);
    char text[SDME_PREFIX_TEXT_SIZE];

    lua_createtable(L, 0, 4);
    lua_pushstring(L, sdme_prefix_format(&address->prefix, text));
    lua_setfield(L, -2, "address");
    lua_pushstring(L, sdme_prefix_format(&network, text));
    lua_setfield(L, -2, "network");
    lua_pushstring(L, address->link);
    lua_setfield(L, -2, "link");
    lua_pushinteger(L, address->index);
    lua_setfield(L, -2, "index");
}

/* list{ netns= } -> { { address=, network=, link=, index= }, ... } | nil, message, code */
static int address_list(lua_State *L)
{
    struct sdme_error error = {0};
    struct collection collection = {.error = &error};
    int netns = option_netns(L);

    collection.addresses = lua_newuserdatauv(L, ADDRESSES_MAX * sizeof *collection.addresses, 0);
    if (sdme_address_list(netns, collect, &collection, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_createtable(L, (int) collection.count, 0);
    for (size_t i = 0; i < collection.count; i++) {
        push_address(L, &collection.addresses[i]);
        lua_rawseti(L, -2, (lua_Integer) i + 1);
    }
    return 1;
}

/* watch{ netns= } -> watch, a pending object that ends whenever addresses have changed */
static int address_watch(lua_State *L)
{
    struct sdme_error error = {0};
    int netns = option_netns(L);
    int *fd = lua_newuserdatauv(L, sizeof *fd, 0);

    *fd = -1;
    luaL_setmetatable(L, watch_class);
    if (sdme_address_watch(netns, fd, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

static int watch_close(lua_State *L)
{
    int *fd = luaL_checkudata(L, 1, watch_class);

    *fd = sdme_close(*fd);
    return 0;
}

static int check_watch(lua_State *L)
{
    const int *fd = luaL_checkudata(L, 1, watch_class);

    luaL_argcheck(L, *fd >= 0, 1, "it is closed");
    return *fd;
}

static int watch_poll(lua_State *L)
{
    return sdme_lua_push_poll(L, check_watch(L), -1);
}

static int watch_step(lua_State *L)
{
    struct sdme_error error = {0};
    int changed = sdme_address_changed(check_watch(L), &error);

    lua_pushboolean(L, changed != 0);
    if (changed < 0)
        return 1 + sdme_lua_fail(L, &error);
    lua_pushboolean(L, changed);
    return 2;
}

static const luaL_Reg watch_methods[] = {
    {"close", watch_close},
    {"poll", watch_poll},
    {"step", watch_step},
    {NULL, NULL},
};

static const luaL_Reg address_functions[] = {
    {"list", address_list},
    {"watch", address_watch},
    {NULL, NULL},
};

int sdme_lua_open_address(lua_State *L)
{
    sdme_lua_class(L, watch_class, watch_methods, watch_close);
    luaL_newlib(L, address_functions);
    return 1;
}
