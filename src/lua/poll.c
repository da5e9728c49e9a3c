/* SPDX-License-Identifier: MIT */
#include "../runtime/poll.h"

#include <string.h>

#include "../runtime/poll_set.h"

#include "binding.h"

static const char set_class[] = "sdme.poll.set";

static short check_events(lua_State *L, int index)
{
    const char *events = luaL_checkstring(L, index);
    short mask = 0;

    if (strchr(events, 'r'))
        mask |= POLLIN;
    if (strchr(events, 'w'))
        mask |= POLLOUT;
    return mask;
}

/* Fills entries 1..count from an array of { descriptor, events }. */
static void read_entries(lua_State *L, int index, struct pollfd *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, (lua_Integer) i + 1);
        luaL_checktype(L, -1, LUA_TTABLE);
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        entries[i] = (struct pollfd){
            .fd = sdme_lua_check_fd(L, -2),
            .events = check_events(L, -1),
        };
        lua_pop(L, 3);
    }
}

/*
 * The array of { descriptor, events } at @index, and as the last entry what tells of a signal that
 * wants us to stop. It lives in a userdata that this pushes.
 */
static struct pollfd *check_entries(lua_State *L, int index, size_t *ret_count)
{
    struct sdme_interrupt *interrupt = sdme_lua_interrupt(L);

    luaL_checktype(L, index, LUA_TTABLE);
    size_t count = sdme_lua_array_length(L, index, "entries");
    struct pollfd *entries = lua_newuserdatauv(L, (count + 1) * sizeof *entries, 0);
    read_entries(L, index, entries, count);
    entries[count] = (struct pollfd){.fd = interrupt ? interrupt->fd : -1, .events = POLLIN};
    *ret_count = count;
    return entries;
}

/*
 * wait({ {fd, "r"|"w"|"rw"}, ... }[, seconds]) -> { [i] = true for each that is ready }
 * An error or hang-up counts as ready. nil, message, "EINTR" when a signal wants us to stop.
 */
static int poll_wait(lua_State *L)
{
    double timeout = luaL_optnumber(L, 2, -1);
    struct sdme_error error = {0};
    size_t count;
    struct pollfd *entries = check_entries(L, 1, &count);

    int ready = sdme_poll(entries, count + 1, timeout, &error);
    if (sdme_lua_take_interrupt(L)) {
        sdme_fail_as(&error, EINTR, "interrupted");
        return sdme_lua_fail(L, &error);
    }
    if (ready < 0 && error.code != EINTR)
        return sdme_lua_fail(L, &error);
    lua_createtable(L, (int) count, 0);
    for (size_t i = 0; ready > 0 && i < count; i++) {
        if (!entries[i].revents)
            continue;
        lua_pushboolean(L, true);
        lua_rawseti(L, -2, (lua_Integer) i + 1);
    }
    return 1;
}

/* now() -> seconds of the monotonic clock */
static int poll_now(lua_State *L)
{
    lua_pushnumber(L, sdme_now());
    return 1;
}

static struct sdme_poll_set *check_set(lua_State *L)
{
    struct sdme_poll_set *set = luaL_checkudata(L, 1, set_class);

    luaL_argcheck(L, set->fd >= 0, 1, "the set is closed");
    return set;
}

/* set:fileno() -> the descriptor that is readable when one of the set is ready */
static int set_fileno(lua_State *L)
{
    lua_pushinteger(L, check_set(L)->fd);
    return 1;
}

/* set:wake(): makes that descriptor readable for good */
static int set_wake(lua_State *L)
{
    sdme_poll_set_wake(check_set(L));
    return 0;
}

static int set_close(lua_State *L)
{
    sdme_poll_set_close(luaL_checkudata(L, 1, set_class));
    return 0;
}

/* set({ {fd, "r"|"w"|"rw"}, ... }) -> set: one descriptor for them all, and for a signal */
static int poll_set(lua_State *L)
{
    struct sdme_error error = {0};
    size_t count;
    struct pollfd *entries = check_entries(L, 1, &count);
    struct sdme_poll_set *set = lua_newuserdatauv(L, sizeof *set, 0);

    *set = SDME_POLL_SET_CLOSED;
    luaL_setmetatable(L, set_class);
    return sdme_poll_set_open(entries, count + 1, set, &error) < 0 ? sdme_lua_fail(L, &error) : 1;
}

static const luaL_Reg set_methods[] = {
    {"close", set_close},
    {"fileno", set_fileno},
    {"wake", set_wake},
    {NULL, NULL},
};

static const luaL_Reg poll_functions[] = {
    {"now", poll_now},
    {"set", poll_set},
    {"wait", poll_wait},
    {NULL, NULL},
};

int sdme_lua_open_poll(lua_State *L)
{
    sdme_lua_class(L, set_class, set_methods, set_close);
    luaL_newlib(L, poll_functions);
    return 1;
}
