/* SPDX-License-Identifier: MIT */
#include "../runtime/netns.h"

#include <arpa/inet.h>
#include <string.h>

#include "binding.h"

enum {
    ADDRESSES_MAX = 256,
    PARAMETERS_MAX = 16,
};

static const char creation_class[] = "sdme.netns.creation";

struct creation {
    struct sdme_netns_creation *work; /* NULL: finished */
    struct sdme_netns_parameter parameters[PARAMETERS_MAX];
};

/*
 * Fills @parameters from the table at @index and returns how many there are. Their strings stay in
 * the copy of it that this pushes.
 */
static size_t check_parameters(lua_State *L, int index, struct sdme_netns_parameter *parameters)
{
    size_t count = 0;

    lua_newtable(L);
    int copy = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (count == PARAMETERS_MAX)
            luaL_error(L, "option 'parameters': more than %d", PARAMETERS_MAX);
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "option 'parameters': a name and a text expected, got %s and %s",
                       luaL_typename(L, -2), luaL_typename(L, -1));
        parameters[count].name = sdme_lua_check_text(L, lua_absindex(L, -2));
        parameters[count++].value = sdme_lua_check_text(L, lua_absindex(L, -1));
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, copy);
    }
    return count;
}

/* Fills @setup from the options at 1; its strings stay in what this pushes. */
static void check_setup(lua_State *L, struct sdme_netns_setup *setup,
                        struct sdme_netns_parameter *parameters)
{
    static const char *const known[] = {"loopback", "parameters", NULL};

    setup->parameters = parameters;
    if (lua_isnoneornil(L, 1)) {
        lua_pushnil(L);
        return;
    }
    sdme_lua_options(L, 1, known);
    setup->loopback = sdme_lua_option_boolean(L, 1, "loopback", false);
    if (lua_getfield(L, 1, "parameters") == LUA_TTABLE)
        setup->parameter_count = check_parameters(L, lua_gettop(L), parameters);
    else if (!lua_isnil(L, -1))
        luaL_error(L, "option 'parameters': table expected, got %s", luaL_typename(L, -1));
}

/* create{ loopback=, parameters={ [name] = value } } -> descriptor of a namespace with no process
 */
static int netns_create(lua_State *L)
{
    struct sdme_netns_parameter parameters[PARAMETERS_MAX];
    struct sdme_netns_setup setup = {0};
    struct sdme_error error = {0};

    check_setup(L, &setup, parameters);
    int *fd = sdme_lua_push_descriptor(L);
    return sdme_netns_create(&setup, fd, &error) < 0 ? sdme_lua_fail(L, &error) : 1;
}

/* creation:finish() -> what create() returns */
static int creation_finish(lua_State *L)
{
    struct creation *creation = luaL_checkudata(L, 1, creation_class);
    struct sdme_error error = {0};
    int *fd = sdme_lua_push_descriptor(L);

    luaL_argcheck(L, creation->work, 1, "it is finished");
    struct sdme_netns_creation *work = creation->work;
    creation->work = NULL;
    return sdme_netns_finish(work, fd, &error) < 0 ? sdme_lua_fail(L, &error) : 1;
}

/* creation:close(): waits for it, and lets go of it */
static int creation_close(lua_State *L)
{
    struct creation *creation = luaL_checkudata(L, 1, creation_class);
    int fd = -1;

    if (creation->work)
        sdme_netns_finish(creation->work, &fd, NULL);
    creation->work = NULL;
    sdme_close(fd);
    return 0;
}

/* begin{ loopback=, parameters= } -> creation */
static int netns_begin(lua_State *L)
{
    struct sdme_netns_setup setup = {0};
    struct sdme_error error = {0};

    lua_settop(L, 1);
    struct creation *creation = lua_newuserdatauv(L, sizeof *creation, 1);
    creation->work = NULL;
    luaL_setmetatable(L, creation_class);
    check_setup(L, &setup, creation->parameters);
    lua_setiuservalue(L, 2, 1);
    lua_settop(L, 2);
    return sdme_netns_begin(&setup, &creation->work, &error) < 0 ? sdme_lua_fail(L, &error) : 1;
}

/* open(path or pid) -> descriptor | nil, message, code */
static int netns_open(lua_State *L)
{
    bool process = lua_isinteger(L, 1);
    const char *path = process ? NULL : sdme_lua_check_text(L, 1);
    lua_Integer pid = process ? lua_tointeger(L, 1) : 1;
    struct sdme_error error = {0};

    luaL_argcheck(L, pid > 0 && pid <= INT32_MAX, 1, "the id of a process is positive");
    int *fd = sdme_lua_push_descriptor(L);
    int code = process ? sdme_netns_open_process((pid_t) pid, fd, &error)
                       : sdme_netns_open(path, fd, &error);
    return code < 0 ? sdme_lua_fail(L, &error) : 1;
}

/* hold(netns, path) -> true | nil, message, code */
static int netns_hold(lua_State *L)
{
    int netns = sdme_lua_check_fd(L, 1);
    struct sdme_error error = {0};

    return sdme_lua_done(L, sdme_netns_hold(netns, sdme_lua_check_text(L, 2), &error), &error);
}

/* release(path) -> true | nil, message, code */
static int netns_release(lua_State *L)
{
    struct sdme_error error = {0};

    return sdme_lua_done(L, sdme_netns_release(sdme_lua_check_text(L, 1), &error), &error);
}

/* enter(netns) -> true | nil, message, code */
static int netns_enter(lua_State *L)
{
    struct sdme_error error = {0};

    return sdme_lua_done(L, sdme_netns_enter(sdme_lua_check_fd(L, 1), &error), &error);
}

/* is_same(a, b) -> boolean */
static int netns_is_same(lua_State *L)
{
    lua_pushboolean(L, sdme_netns_is_same(sdme_lua_check_fd(L, 1), sdme_lua_check_fd(L, 2)));
    return 1;
}

/* loopback_up(netns) -> true | nil, message, code */
static int netns_loopback_up(lua_State *L)
{
    struct sdme_error error = {0};

    return sdme_lua_done(L, sdme_netns_loopback_up(sdme_lua_check_fd(L, 1), &error), &error);
}

/* set_parameter(netns, name, value) -> true | nil, message, code */
static int netns_set_parameter(lua_State *L)
{
    int netns = sdme_lua_check_fd(L, 1);
    const struct sdme_netns_parameter parameter = {.name = sdme_lua_check_text(L, 2),
                                                   .value = sdme_lua_check_text(L, 3)};
    struct sdme_error error = {0};

    return sdme_lua_done(L, sdme_netns_set_parameter(netns, &parameter, &error), &error);
}

/* socket(netns, "inet"|"inet6", "stream"|"dgram") -> descriptor */
static int netns_socket(lua_State *L)
{
    static const char *const families[] = {"inet", "inet6", NULL};
    static const char *const types[] = {"stream", "dgram", NULL};
    static const int family_numbers[] = {AF_INET, AF_INET6};
    static const int type_numbers[] = {SOCK_STREAM, SOCK_DGRAM};
    int netns = sdme_lua_check_fd(L, 1);
    int family = family_numbers[luaL_checkoption(L, 2, NULL, families)];
    int type = type_numbers[luaL_checkoption(L, 3, NULL, types)];
    struct sdme_error error = {0};
    int *fd = sdme_lua_push_descriptor(L);

    if (sdme_netns_socket(netns, family, type, 0, fd, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

/* addresses(netns) -> { "10.0.0.2", ... }: those of its interfaces that others may reach */
static int netns_addresses(lua_State *L)
{
    int netns = sdme_lua_check_fd(L, 1);
    union sdme_address *addresses = lua_newuserdatauv(L, ADDRESSES_MAX * sizeof *addresses, 0);
    struct sdme_error error = {0};
    int count = sdme_netns_addresses(netns, addresses, ADDRESSES_MAX, &error);

    if (count < 0)
        return sdme_lua_fail(L, &error);
    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
        char text[INET6_ADDRSTRLEN];
        bool v6 = addresses[i].any.sa_family == AF_INET6;

        inet_ntop(v6 ? AF_INET6 : AF_INET,
                  v6 ? (void *) &addresses[i].v6.sin6_addr : (void *) &addresses[i].v4.sin_addr,
                  text, sizeof text);
        lua_pushstring(L, text);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static const luaL_Reg creation_methods[] = {
    {"close", creation_close},
    {"finish", creation_finish},
    {NULL, NULL},
};

static const luaL_Reg netns_functions[] = {
    {"addresses", netns_addresses},
    {"begin", netns_begin},
    {"create", netns_create},
    {"enter", netns_enter},
    {"hold", netns_hold},
    {"is_same", netns_is_same},
    {"loopback_up", netns_loopback_up},
    {"open", netns_open},
    {"release", netns_release},
    {"set_parameter", netns_set_parameter},
    {"socket", netns_socket},
    {NULL, NULL},
};

int sdme_lua_open_netns(lua_State *L)
{
    sdme_lua_class(L, creation_class, creation_methods, creation_close);
    luaL_newlib(L, netns_functions);
    return 1;
}
