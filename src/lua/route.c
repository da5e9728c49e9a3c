/* SPDX-License-Identifier: MIT */
#include "../runtime/route.h"

#include <string.h>

#include "../runtime/link.h"
#include "binding.h"

enum { ROUTES_MAX = 16384 };

static const char *need_text(lua_State *L, int index, const char *key)
{
    const char *text = sdme_lua_option_string(L, index, key, NULL);

    if (!text)
        luaL_error(L, "'%s' is needed", key);
    return text;
}

/* True if there is an option @key, which is a prefix; raises if it can't be one. */
static bool option_prefix(lua_State *L, int index, const char *key, struct sdme_prefix *ret_prefix)
{
    const char *text = sdme_lua_option_string(L, index, key, NULL);
    struct sdme_error error = {0};

    if (text && sdme_prefix_parse(text, ret_prefix, &error) < 0)
        luaL_error(L, "%s: %s", key, error.message);
    return text != NULL;
}

static struct sdme_prefix need_prefix(lua_State *L, int index, const char *key)
{
    struct sdme_prefix prefix = {0};

    if (!option_prefix(L, index, key, &prefix))
        luaL_error(L, "'%s' is needed", key);
    return prefix;
}

static int change_address(lua_State *L, int (*change)(int netns, const char *link,
                                                      const struct sdme_prefix *address,
                                                      struct sdme_error *error))
{
    static const char *const options[] = {"link", "address", "netns", NULL};
    struct sdme_error error = {0};

    sdme_lua_options(L, 1, options);
    const char *link = need_text(L, 1, "link");
    const struct sdme_prefix address = need_prefix(L, 1, "address");
    int netns = sdme_lua_option_fd(L, 1, "netns", SDME_NETNS_OWN);
    return sdme_lua_done(L, change(netns, link, &address, &error), &error);
}

/* add_address{ link=, address=, netns= } -> true | nil, message, code */
static int route_add_address(lua_State *L)
{
    return change_address(L, sdme_address_add);
}

/* remove_address{ link=, address=, netns= } -> true | nil, message, code */
static int route_remove_address(lua_State *L)
{
    return change_address(L, sdme_address_remove);
}

/* add{ to=, link=, gateway=, netns= } -> true | nil, message, code */
static int route_add(lua_State *L)
{
    static const char *const options[] = {"to", "link", "gateway", "netns", NULL};
    struct sdme_error error = {0};
    struct sdme_prefix gateway;

    sdme_lua_options(L, 1, options);
    const struct sdme_prefix to = need_prefix(L, 1, "to");
    const char *link = need_text(L, 1, "link");
    bool has_gateway = option_prefix(L, 1, "gateway", &gateway);
    int netns = sdme_lua_option_fd(L, 1, "netns", SDME_NETNS_OWN);
    return sdme_lua_done(L, sdme_route_add(netns, &to, link, has_gateway ? &gateway : NULL, &error),
                         &error);
}

/* The value of a hexadecimal digit, -1 if it is none. */
static int digit(char c)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *found = c ? strchr(digits, c) : NULL;

    if (!found)
        return -1;
    return (int) (found - digits < 16 ? found - digits : found - digits - 6);
}

static bool parse_hardware(const char *text, uint8_t ret_bytes[6])
{
    if (strlen(text) != 17)
        return false;
    for (size_t i = 0; i < 6; i++, text += 3) {
        int high = digit(text[0]), low = digit(text[1]);

        if (high < 0 || low < 0 || (text[2] && text[2] != ':'))
            return false;
        ret_bytes[i] = (uint8_t) (high << 4 | low);
    }
    return true;
}

/* add_neighbour{ link=, address=, hardware=, netns= } -> true | nil, message, code */
static int route_add_neighbour(lua_State *L)
{
    static const char *const options[] = {"link", "address", "hardware", "netns", NULL};
    struct sdme_error error = {0};
    uint8_t hardware[6];

    sdme_lua_options(L, 1, options);
    const char *link = need_text(L, 1, "link"), *text = need_text(L, 1, "hardware");
    const struct sdme_prefix address = need_prefix(L, 1, "address");
    if (!parse_hardware(text, hardware))
        return luaL_error(L, "hardware: '%s' is no address such as 02:00:00:00:00:01", text);
    int netns = sdme_lua_option_fd(L, 1, "netns", SDME_NETNS_OWN);
    return sdme_lua_done(L, sdme_neighbour_add(netns, link, &address, hardware, &error), &error);
}

struct collection {
    struct sdme_route *routes;
    size_t count;
    struct sdme_error *error;
};

static int collect(const struct sdme_route *route, void *context)
{
    struct collection *collection = context;

    if (collection->count == ROUTES_MAX)
        return sdme_fail_as(collection->error, E2BIG, "there are more than %d routes", ROUTES_MAX);
    collection->routes[collection->count++] = *route;
    return 0;
}

static void push_route(lua_State *L, const struct sdme_route *route)
{
    char text[SDME_PREFIX_TEXT_SIZE];

    lua_createtable(L, 0, 3);
    lua_pushstring(L, sdme_prefix_format(&route->to, text));
    lua_setfield(L, -2, "to");
    if (*route->link) {
        lua_pushstring(L, route->link);
        lua_setfield(L, -2, "link");
    }
    if (route->gateway.family != AF_UNSPEC) {
        size_t size = strcspn(sdme_prefix_format(&route->gateway, text), "/");

        lua_pushlstring(L, text, size);
        lua_setfield(L, -2, "gateway");
    }
}

/* list{ netns= } -> { { to=, link=, gateway= }, ... } | nil, message, code */
static int route_list(lua_State *L)
{
    static const char *const options[] = {"netns", NULL};
    struct sdme_error error = {0};
    struct collection collection = {.error = &error};
    int netns = SDME_NETNS_OWN;

    if (!lua_isnoneornil(L, 1)) {
        sdme_lua_options(L, 1, options);
        netns = sdme_lua_option_fd(L, 1, "netns", SDME_NETNS_OWN);
    }
    collection.routes = lua_newuserdatauv(L, ROUTES_MAX * sizeof *collection.routes, 0);
    if (sdme_route_list(netns, collect, &collection, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_createtable(L, (int) collection.count, 0);
    for (size_t i = 0; i < collection.count; i++) {
        push_route(L, &collection.routes[i]);
        lua_rawseti(L, -2, (lua_Integer) i + 1);
    }
    return 1;
}

static const luaL_Reg route_functions[] = {
    {"add", route_add},
    {"add_address", route_add_address},
    {"add_neighbour", route_add_neighbour},
    {"list", route_list},
    {"remove_address", route_remove_address},
    {NULL, NULL},
};

int sdme_lua_open_route(lua_State *L)
{
    luaL_newlib(L, route_functions);
    return 1;
}
