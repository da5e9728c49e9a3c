/* SPDX-License-Identifier: MIT */
#include "../runtime/port.h"

#include <stdint.h>
#include <sys/socket.h>

#include "../runtime/forwarder.h"
#include "../runtime/redirect.h"
#include "binding.h"

static const char forward_class[] = "sdme.port.forward";

static const char *const protocols[] = {"tcp", "udp", NULL};
static const int types[] = {SOCK_STREAM, SOCK_DGRAM};

/* listen("tcp"|"udp", address, port) -> descriptor, port | nil, message, "EADDRINUSE" */
static int port_listen(lua_State *L)
{
    int protocol = luaL_checkoption(L, 1, NULL, protocols);
    const char *address = sdme_lua_check_text(L, 2);
    lua_Integer number = luaL_checkinteger(L, 3);
    struct sdme_error error = {0};

    luaL_argcheck(L, number >= 0 && number <= UINT16_MAX, 3, "a port is 0 to 65535");
    struct sdme_port port = {.type = types[protocol], .number = (uint16_t) number};
    int *fd = sdme_lua_push_descriptor(L);
    if (sdme_port_listen(address, &port, fd, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_pushinteger(L, port.number);
    return 2;
}

/* Pushes { descriptor =, protocol =, address =, port = }. */
static int push_activated(lua_State *L, int number, struct sdme_error *error)
{
    struct sdme_port port;

    lua_createtable(L, 0, 4);
    *sdme_lua_push_descriptor(L) = number;
    lua_setfield(L, -2, "descriptor");
    int code = sdme_port_of_socket(number, &port, error);
    if (code < 0)
        return code;
    lua_pushstring(L, protocols[port.type == SOCK_DGRAM]);
    lua_setfield(L, -2, "protocol");
    lua_pushstring(L, port.address);
    lua_setfield(L, -2, "address");
    lua_pushinteger(L, port.number);
    lua_setfield(L, -2, "port");
    return 0;
}

/* activated() -> { { descriptor=, protocol=, address=, port= }, ... }: what systemd listened on */
static int port_activated(lua_State *L)
{
    struct sdme_error error = {0};
    int first = -1;
    int count = sdme_port_activated(&first, &error);

    if (count < 0)
        return sdme_lua_fail(L, &error);
    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
        if (push_activated(L, first + i, &error) < 0)
            return sdme_lua_fail(L, &error);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static struct sdme_forwarder **check_forward(lua_State *L)
{
    struct sdme_forwarder **forward = luaL_checkudata(L, 1, forward_class);

    luaL_argcheck(L, *forward, 1, "the forwarding is over");
    return forward;
}

static int forward_close(lua_State *L)
{
    struct sdme_forwarder **forward = luaL_checkudata(L, 1, forward_class);

    sdme_forwarder_close(*forward);
    *forward = NULL;
    return 0;
}

static int forward_poll(lua_State *L)
{
    struct sdme_forwarder **forward = luaL_checkudata(L, 1, forward_class);

    if (!*forward)
        return 0;
    return sdme_lua_push_poll(L, sdme_forwarder_fd(*forward), sdme_forwarder_timeout(*forward));
}

/* false, or true and "idle" or "ended" (or nil, message, code); then it is closed */
static int forward_step(lua_State *L)
{
    struct sdme_forwarder **forward = check_forward(L);
    struct sdme_error error = {0};
    int code = sdme_forwarder_step(*forward, &error);

    lua_pushboolean(L, code != 0);
    if (code == 0)
        return 1;
    forward_close(L);
    if (code < 0)
        return 1 + sdme_lua_fail(L, &error);
    lua_pushstring(L, code == SDME_FORWARDER_IDLE ? "idle" : "ended");
    return 2;
}

/* forward:clients() -> the number of connections, and of senders of datagrams */
static int forward_clients(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer) sdme_forwarder_clients(*check_forward(L)));
    return 1;
}

/* Reads { descriptor, port } at the top, and pops it. */
static struct sdme_forwarded_port check_port(lua_State *L)
{
    luaL_checktype(L, -1, LUA_TTABLE);
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    int fd = sdme_lua_check_fd(L, -2);
    lua_Integer target = luaL_checkinteger(L, -1);
    if (target < 1 || target > UINT16_MAX)
        luaL_error(L, "option 'ports': a port is 1 to 65535, not %I", target);
    lua_pop(L, 3);
    return (struct sdme_forwarded_port){.fd = fd, .target = (uint16_t) target};
}

/* The array is a userdata that this pushes, and that must stay. */
static void read_ports(lua_State *L, struct sdme_forwarder_options *options)
{
    if (lua_getfield(L, 1, "ports") != LUA_TTABLE)
        luaL_error(L, "option 'ports': table expected, got %s", luaL_typename(L, -1));
    size_t count = sdme_lua_array_length(L, -1, "ports");
    struct sdme_forwarded_port *ports = lua_newuserdatauv(L, (count + 1) * sizeof *ports, 0);

    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -2, (lua_Integer) i + 1);
        ports[i] = check_port(L);
    }
    options->ports = ports;
    options->port_count = count;
}

static unsigned int option_count(lua_State *L, const char *key, unsigned int fallback)
{
    lua_Integer count = sdme_lua_option_integer(L, 1, key, fallback);

    if (count < 1 || count > INT32_MAX)
        luaL_error(L, "option '%s': a positive number expected", key);
    return (unsigned int) count;
}

/* The index of an interface (netdevice(7)). */
static unsigned int option_link(lua_State *L)
{
    lua_Integer index = sdme_lua_option_integer(L, 1, "link", 0);

    if (index < 0 || index > INT32_MAX)
        luaL_error(L, "option 'link': an index of an interface expected");
    return (unsigned int) index;
}

/*
 * forward{ netns=, ports={ {descriptor, port}, ... }, link=, direct=, process=, idle=, silence=,
 * connections=, flows= } -> pending: "idle" after so many seconds without a client, "ended" with
 * the process
 */
static int port_forward(lua_State *L)
{
    static const char *const known[] = {"netns", "ports",   "link",        "direct", "process",
                                        "idle",  "silence", "connections", "flows",  NULL};
    struct sdme_forwarder_options options = SDME_FORWARDER_DEFAULTS;
    struct sdme_error error = {0};

    lua_settop(L, 1);
    sdme_lua_options(L, 1, known);
    options.netns = sdme_lua_option_fd(L, 1, "netns", -1);
    if (options.netns < 0)
        return luaL_error(L, "option 'netns': descriptor expected");
    options.link = option_link(L);
    options.direct = sdme_lua_option_number(L, 1, "direct", options.direct);
    options.process = (pid_t) sdme_lua_option_integer(L, 1, "process", 0);
    options.idle = sdme_lua_option_number(L, 1, "idle", options.idle);
    options.silence = sdme_lua_option_number(L, 1, "silence", options.silence);
    options.connections_max = option_count(L, "connections", options.connections_max);
    options.flows_max = option_count(L, "flows", options.flows_max);
    read_ports(L, &options);
    struct sdme_forwarder **forward = lua_newuserdatauv(L, sizeof(struct sdme_forwarder *), 0);
    *forward = NULL;
    luaL_setmetatable(L, forward_class);
    if (sdme_forwarder_open(&options, forward, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

/* check_redirect() -> true | nil, message, code */
static int port_check_redirect(lua_State *L)
{
    struct sdme_redirect *redirect;
    struct sdme_error error = {0};

    if (sdme_redirect_open(&redirect, &error) < 0)
        return sdme_lua_fail(L, &error);
    sdme_redirect_close(redirect);
    lua_pushboolean(L, true);
    return 1;
}

static const luaL_Reg forward_methods[] = {
    {"clients", forward_clients},
    {"close", forward_close},
    {"poll", forward_poll},
    {"step", forward_step},
    {NULL, NULL},
};

static const luaL_Reg port_functions[] = {
    {"activated", port_activated},
    {"check_redirect", port_check_redirect},
    {"forward", port_forward},
    {"listen", port_listen},
    {NULL, NULL},
};

int sdme_lua_open_port(lua_State *L)
{
    sdme_lua_class(L, forward_class, forward_methods, forward_close);
    luaL_newlib(L, port_functions);
    return 1;
}
