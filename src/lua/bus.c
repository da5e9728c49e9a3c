/* SPDX-License-Identifier: MIT */
#include "../runtime/bus.h"

#include <math.h>
#include <string.h>

#include "../runtime/poll.h"
#include "binding.h"
#include "message.h"

static const char bus_class[] = "sdme.bus";
static const char call_class[] = "sdme.bus.call";
static const char match_class[] = "sdme.bus.match";
static const char next_class[] = "sdme.bus.next";

/* As sd_bus_set_method_call_timeout(3) has it. */
#define TIMEOUT_DEFAULT 25.0

/*
 * Each pending object holds the message it works on, so that an error of Lua can't lose it, and the
 * bus, whose library knows what to do with it.
 */
struct call {
    struct sdme_bus *bus;
    sd_bus_message *message;
    struct sdme_bus_call *call;
};

struct next {
    struct sdme_bus *bus;
    sd_bus_message *signal;
    double deadline;
};

static struct sdme_bus *check_bus(lua_State *L)
{
    struct sdme_bus **bus = luaL_checkudata(L, 1, bus_class);

    luaL_argcheck(L, *bus, 1, "the bus is closed");
    return *bus;
}

static struct sdme_bus **push_bus(lua_State *L)
{
    struct sdme_bus **bus = lua_newuserdatauv(L, sizeof *bus, 0);

    *bus = NULL;
    luaL_setmetatable(L, bus_class);
    return bus;
}

/* open_system() -> bus */
static int bus_open_system(lua_State *L)
{
    struct sdme_error error = {0};

    return sdme_bus_open_system(push_bus(L), &error) < 0 ? sdme_lua_fail(L, &error) : 1;
}

/* open_machine(name) -> bus of a container */
static int bus_open_machine(lua_State *L)
{
    const char *machine = sdme_lua_check_text(L, 1);
    struct sdme_error error = {0};

    return sdme_bus_open_machine(machine, push_bus(L), &error) < 0 ? sdme_lua_fail(L, &error) : 1;
}

/* open_address("unix:path=...") -> bus */
static int bus_open_address(lua_State *L)
{
    const char *address = sdme_lua_check_text(L, 1);
    struct sdme_error error = {0};

    return sdme_bus_open_address(address, push_bus(L), &error) < 0 ? sdme_lua_fail(L, &error) : 1;
}

/* path(prefix, name) -> an object path with the name escaped, as sd_bus_path_encode(3) does */
static int bus_path(lua_State *L)
{
    static const char digits[] = "0123456789"
                                 "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const char *letters = digits + 10;
    const char *prefix = sdme_lua_check_text(L, 1), *name = sdme_lua_check_text(L, 2);
    luaL_Buffer path;

    luaL_argcheck(L, sdme_lua_is_object_path(prefix), 1, "no object path");
    luaL_buffinit(L, &path);
    luaL_addstring(&path, prefix);
    luaL_addstring(&path, *name ? "/" : "/_");
    for (const char *c = name; *c; c++) {
        if (strchr(c > name ? digits : letters, *c)) {
            luaL_addchar(&path, *c);
            continue;
        }
        luaL_addchar(&path, '_');
        luaL_addchar(&path, digits[(unsigned char) *c >> 4]);
        luaL_addchar(&path, digits[(unsigned char) *c & 15]);
    }
    luaL_pushresult(&path);
    return 1;
}

static int bus_close(lua_State *L)
{
    struct sdme_bus **bus = luaL_checkudata(L, 1, bus_class);

    if (*bus) {
        sdme_bus_close(*bus);
        *bus = sdme_bus_unref(*bus);
    }
    return 0;
}

/* bus:unique_name() -> our name on it, nil while the connection is being made */
static int bus_unique_name(lua_State *L)
{
    lua_pushstring(L, sdme_bus_unique_name(check_bus(L)));
    return 1;
}

static int bad_message(lua_State *L, int r, const char *what, const char *path,
                       const char *interface, const char *member)
{
    if (r == -ENOTCONN || r == -ENOMEM)
        return luaL_error(L, "%s: %s", what, strerror(-r));
    return luaL_error(L, "%s: bad path '%s', interface '%s', member '%s' or destination", what,
                      path, interface, member);
}

static struct call *push_call(lua_State *L, struct sdme_bus *bus, const char *destination,
                              const char *path, const char *interface, const char *member)
{
    struct call *call = lua_newuserdatauv(L, sizeof *call, 0);
    int r;

    *call = (struct call){.bus = sdme_bus_ref(bus)};
    luaL_setmetatable(L, call_class);
    r = sdme_bus_library(bus)->sd_bus_message_new_method_call(
        sdme_bus_connection(bus), &call->message, destination, path, interface, member);
    if (r < 0)
        bad_message(L, r, "method call", path, interface, member);
    return call;
}

/* Makes nothing of a message that *@message may be. */
static void drop_message(struct sdme_bus *bus, sd_bus_message **message)
{
    if (*message)
        *message = sdme_bus_library(bus)->sd_bus_message_unref(*message);
}

static int start_call(lua_State *L, struct call *call, double timeout)
{
    struct sdme_error error = {0};

    if (sdme_bus_call_start(call->bus, call->message, timeout, &call->call, &error) < 0)
        return luaL_error(L, "%s", error.message);
    drop_message(call->bus, &call->message);
    return 1;
}

static const char *required(lua_State *L, int index, const char *key)
{
    const char *value = sdme_lua_option_string(L, index, key, NULL);

    if (!value)
        luaL_error(L, "option '%s' is missing", key);
    return value;
}

/* Appends options.arguments, by options.signature, to the message of @call. */
static void write_arguments(lua_State *L, int index, struct call *call)
{
    const char *signature = sdme_lua_option_string(L, index, "signature", "");

    if (lua_getfield(L, index, "arguments") == LUA_TNIL)
        lua_newtable(L);
    if (!lua_istable(L, -1))
        luaL_error(L, "option 'arguments': array expected, got %s", luaL_typename(L, -1));
    sdme_lua_message_write(L, sdme_bus_library(call->bus), call->message, signature, -1);
}

/*
 * bus:call{ destination=, path=, interface=, member=, signature=, arguments={...}, timeout=25 }
 * -> pending: the values of the reply, or nil, message, code, the name of the D-Bus error
 */
static int bus_call(lua_State *L)
{
    static const char *const options[] = {"destination", "path",      "interface", "member",
                                          "signature",   "arguments", "timeout",   NULL};
    struct sdme_bus *bus = check_bus(L);

    sdme_lua_options(L, 2, options);
    lua_settop(L, 2);
    double timeout = sdme_lua_option_number(L, 2, "timeout", TIMEOUT_DEFAULT);
    const char *destination = sdme_lua_option_string(L, 2, "destination", NULL);
    const char *path = required(L, 2, "path"), *interface = required(L, 2, "interface");
    struct call *call = push_call(L, bus, destination, path, interface, required(L, 2, "member"));
    write_arguments(L, 2, call);
    lua_settop(L, 3);
    return start_call(L, call, timeout);
}

/* Calls a method of the properties interface with what is on the stack from index 4 on. */
static int call_properties(lua_State *L, const char *member, const char *signature)
{
    struct sdme_bus *bus = check_bus(L);
    struct call *call = push_call(L, bus, sdme_lua_check_text(L, 2), sdme_lua_check_text(L, 3),
                                  "org.freedesktop.DBus.Properties", member);

    lua_newtable(L);
    for (int i = 1; signature[i - 1]; i++) {
        lua_pushvalue(L, 3 + i);
        lua_rawseti(L, -2, i);
    }
    sdme_lua_message_write(L, sdme_bus_library(bus), call->message, signature, -1);
    lua_pop(L, 1);
    return start_call(L, call, TIMEOUT_DEFAULT);
}

/* bus:property(destination, path, interface, name) -> pending: its value */
static int bus_property(lua_State *L)
{
    lua_settop(L, 5);
    return call_properties(L, "Get", "ss");
}

/* bus:properties(destination, path, interface) -> pending: a table of them all */
static int bus_properties(lua_State *L)
{
    lua_settop(L, 4);
    return call_properties(L, "GetAll", "s");
}

/* bus:emit{ path=, interface=, member=, signature=, arguments={...} }: broadcasts a signal */
static int bus_emit(lua_State *L)
{
    static const char *const options[] = {"path",      "interface", "member",
                                          "signature", "arguments", NULL};
    struct sdme_bus *bus = check_bus(L);
    struct sdme_error error = {0};

    sdme_lua_options(L, 2, options);
    lua_settop(L, 2);
    const char *path = required(L, 2, "path"), *interface = required(L, 2, "interface");
    const char *member = required(L, 2, "member");
    struct call *holder = lua_newuserdatauv(L, sizeof *holder, 0);
    *holder = (struct call){.bus = sdme_bus_ref(bus)};
    luaL_setmetatable(L, call_class);
    int r = sdme_bus_library(bus)->sd_bus_message_new_signal(
        sdme_bus_connection(bus), &holder->message, path, interface, member);
    if (r < 0)
        return bad_message(L, r, "signal", path, interface, member);
    write_arguments(L, 2, holder);
    return sdme_lua_done(L, sdme_bus_send(bus, holder->message, &error), &error);
}

static int call_close(lua_State *L)
{
    struct call *call = luaL_checkudata(L, 1, call_class);

    drop_message(call->bus, &call->message);
    call->call = sdme_bus_call_free(call->call);
    call->bus = sdme_bus_unref(call->bus);
    return 0;
}

static struct call *check_call(lua_State *L)
{
    struct call *call = luaL_checkudata(L, 1, call_class);

    luaL_argcheck(L, call->call, 1, "the call is closed");
    return call;
}

static int push_poll(lua_State *L, const struct pollfd *entry, double timeout)
{
    static const char *const events[] = {"", "r", "w", "rw"};

    if (entry->fd < 0) {
        lua_pushnil(L);
        lua_pushnil(L);
    } else {
        lua_pushinteger(L, entry->fd);
        lua_pushstring(L, events[!!(entry->events & POLLIN) + 2 * !!(entry->events & POLLOUT)]);
    }
    if (timeout < 0)
        lua_pushnil(L);
    else
        lua_pushnumber(L, timeout);
    return 3;
}

static int call_poll(lua_State *L)
{
    struct pollfd entry;
    double timeout;

    sdme_bus_call_poll(check_call(L)->call, &entry, &timeout);
    return push_poll(L, &entry, timeout);
}

/* What a finished step pushes when it failed: true, nil, message, code. */
static int step_failed(lua_State *L, const struct sdme_error *error)
{
    lua_pushboolean(L, true);
    return 1 + sdme_lua_fail(L, error);
}

static int malformed(lua_State *L, int code, const char *what)
{
    struct sdme_error error = {0};

    sdme_fail(&error, code == -EBADMSG ? SDME_EFORMAT : code, "%s", what);
    return step_failed(L, &error);
}

static int call_step(lua_State *L)
{
    struct call *call = check_call(L);
    struct sdme_error error = {0};
    sd_bus_message *reply;
    int r = sdme_bus_call_step(call->call, &reply, &error);

    if (r < 0) {
        int count = step_failed(L, &error);

        lua_pushstring(L, sdme_bus_call_error_name(call->call));
        return count + 1;
    }
    lua_pushboolean(L, r > 0);
    if (r == 0)
        return 1;
    int count = sdme_lua_message_read(L, sdme_bus_library(call->bus), reply);
    return count < 0 ? malformed(L, count, "read a reply") : count + 1;
}

/* A rule has no way to write them that the D-Bus specification and sd-bus agree on. */
static void add_rule(lua_State *L, luaL_Buffer *rule, const char *key, const char *value)
{
    if (strpbrk(value, "'\\"))
        luaL_error(L, "option '%s': a match can't hold ' or \\", key);
    if (luaL_bufflen(rule) > 0)
        luaL_addchar(rule, ',');
    luaL_addstring(rule, key);
    luaL_addstring(rule, "='");
    luaL_addstring(rule, value);
    luaL_addchar(rule, '\'');
}

/*
 * bus:match{ sender=, path=, path_namespace=, interface=, member=, arg0=... } -> subscription,
 * in place before any call that is made after it
 */
static int bus_match(lua_State *L)
{
    static const char *const options[] = {"sender", "path", "path_namespace", "interface",
                                          "member", "arg0", "arg1",           "arg2",
                                          "arg3",   "arg4", "arg0namespace",  NULL};
    struct sdme_bus *bus = check_bus(L);
    struct sdme_error error = {0};
    luaL_Buffer rule;

    sdme_lua_options(L, 2, options);
    lua_settop(L, 2);
    struct sdme_bus_match **match = lua_newuserdatauv(L, sizeof *match, 0);
    *match = NULL;
    luaL_setmetatable(L, match_class);
    luaL_buffinit(L, &rule);
    for (size_t i = 0; options[i]; i++) {
        const char *value = sdme_lua_option_string(L, 2, options[i], NULL);

        if (value)
            add_rule(L, &rule, options[i], value);
    }
    luaL_pushresult(&rule);
    if (sdme_bus_match_start(bus, lua_tostring(L, -1), sdme_lua_option_string(L, 2, "sender", NULL),
                             match, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_settop(L, 3);
    return 1;
}

static int match_close(lua_State *L)
{
    struct sdme_bus_match **match = luaL_checkudata(L, 1, match_class);

    *match = sdme_bus_match_free(*match);
    return 0;
}

/* match:next{ timeout= } -> pending: { path=, interface=, member=, sender=, arguments={...} } */
static int match_next(lua_State *L)
{
    static const char *const options[] = {"timeout", NULL};
    struct sdme_bus_match **match = luaL_checkudata(L, 1, match_class);
    double timeout = INFINITY;

    luaL_argcheck(L, *match, 1, "the subscription is closed");
    if (!lua_isnoneornil(L, 2)) {
        sdme_lua_options(L, 2, options);
        timeout = sdme_lua_option_number(L, 2, "timeout", INFINITY);
    }
    struct next *next = lua_newuserdatauv(L, sizeof *next, 1);
    *next = (struct next){.bus = sdme_bus_match_bus(*match), .deadline = sdme_now() + timeout};
    sdme_bus_ref(next->bus);
    luaL_setmetatable(L, next_class);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

static int next_close(lua_State *L)
{
    struct next *next = luaL_checkudata(L, 1, next_class);

    drop_message(next->bus, &next->signal);
    next->bus = sdme_bus_unref(next->bus);
    return 0;
}

static struct sdme_bus_match *next_match(lua_State *L)
{
    luaL_checkudata(L, 1, next_class);
    lua_getiuservalue(L, 1, 1);
    struct sdme_bus_match **match = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return *match;
}

static int next_poll(lua_State *L)
{
    struct next *next = luaL_checkudata(L, 1, next_class);
    struct sdme_bus_match *match = next_match(L);
    struct pollfd entry = {.fd = -1};
    double timeout = 0;

    if (match)
        sdme_bus_match_poll(match, &entry, &timeout);
    if (!isinf(next->deadline)) {
        double left = next->deadline - sdme_now();

        if (timeout < 0 || left < timeout)
            timeout = left > 0 ? left : 0;
    }
    return push_poll(L, &entry, timeout);
}

static void set_string(lua_State *L, const char *key, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, key);
}

static int push_signal(lua_State *L, const struct sdme_sd_bus *lib, sd_bus_message *signal)
{
    lua_pushboolean(L, true);
    lua_newtable(L);
    set_string(L, "path", lib->sd_bus_message_get_path(signal));
    set_string(L, "interface", lib->sd_bus_message_get_interface(signal));
    set_string(L, "member", lib->sd_bus_message_get_member(signal));
    set_string(L, "sender", lib->sd_bus_message_get_sender(signal));
    int count = sdme_lua_message_read(L, lib, signal);
    if (count < 0)
        return malformed(L, count, "read a signal");
    lua_createtable(L, count, 0);
    lua_insert(L, -count - 1);
    for (int i = count; i > 0; i--)
        lua_rawseti(L, -i - 1, i);
    lua_setfield(L, -2, "arguments");
    return 2;
}

static int next_step(lua_State *L)
{
    struct next *next = luaL_checkudata(L, 1, next_class);
    struct sdme_bus_match *match = next_match(L);
    struct sdme_error error = {0};
    int r;

    if (!match) {
        sdme_fail_as(&error, ECANCELED, "the subscription was closed");
        return step_failed(L, &error);
    }
    r = sdme_bus_match_next(match, &next->signal, &error);
    if (r == 0 && sdme_now() < next->deadline) {
        lua_pushboolean(L, false);
        return 1;
    }
    if (r == 0)
        sdme_fail_as(&error, ETIMEDOUT, "no signal came in time");
    if (r <= 0)
        return step_failed(L, &error);
    int count = push_signal(L, sdme_bus_library(next->bus), next->signal);
    drop_message(next->bus, &next->signal);
    return count;
}

static const luaL_Reg bus_methods[] = {
    {"call", bus_call},
    {"close", bus_close},
    {"emit", bus_emit},
    {"match", bus_match},
    {"property", bus_property},
    {"properties", bus_properties},
    {"unique_name", bus_unique_name},
    {NULL, NULL},
};

static const luaL_Reg call_methods[] = {
    {"close", call_close},
    {"poll", call_poll},
    {"step", call_step},
    {NULL, NULL},
};

static const luaL_Reg match_methods[] = {
    {"close", match_close},
    {"next", match_next},
    {NULL, NULL},
};

static const luaL_Reg next_methods[] = {
    {"close", next_close},
    {"poll", next_poll},
    {"step", next_step},
    {NULL, NULL},
};

static const luaL_Reg bus_functions[] = {
    {"open_address", bus_open_address},
    {"open_machine", bus_open_machine},
    {"open_system", bus_open_system},
    {"path", bus_path},
    {NULL, NULL},
};

int sdme_lua_open_bus(lua_State *L)
{
    sdme_lua_class(L, bus_class, bus_methods, bus_close);
    sdme_lua_class(L, call_class, call_methods, call_close);
    sdme_lua_class(L, match_class, match_methods, match_close);
    sdme_lua_class(L, next_class, next_methods, next_close);
    luaL_newlib(L, bus_functions);
    return 1;
}
