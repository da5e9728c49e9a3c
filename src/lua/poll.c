/* SPDX-License-Identifier: MIT */
#include "../runtime/poll.h"

#include <string.h>

#include "binding.h"

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
 * wait({ {fd, "r"|"w"|"rw"}, ... }[, seconds]) -> { [i] = true for each that is ready }
 * An error or hang-up counts as ready. nil, message, "EINTR" when a signal wants us to stop.
 */
static int poll_wait(lua_State *L)
{
    double timeout = luaL_optnumber(L, 2, -1);
    struct sdme_interrupt *interrupt = sdme_lua_interrupt(L);
    struct sdme_error error = {0};

    luaL_checktype(L, 1, LUA_TTABLE);
    size_t count = sdme_lua_array_length(L, 1, "wait");
    struct pollfd *entries = lua_newuserdatauv(L, (count + 1) * sizeof *entries, 0);
    read_entries(L, 1, entries, count);
    entries[count] = (struct pollfd){.fd = interrupt ? interrupt->fd : -1, .events = POLLIN};

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

static const luaL_Reg poll_functions[] = {
    {"now", poll_now},
    {"wait", poll_wait},
    {NULL, NULL},
};

int sdme_lua_open_poll(lua_State *L)
{
    luaL_newlib(L, poll_functions);
    return 1;
}
