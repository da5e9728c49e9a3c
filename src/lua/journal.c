/* SPDX-License-Identifier: MIT */
#include "../runtime/journal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/path.h"
#include "binding.h"

static const char journal_class[] = "sdme.journal";
static const char next_class[] = "sdme.journal.next";

#define LINES_DEFAULT 50

static struct sdme_journal *check_journal(lua_State *L, int index)
{
    struct sdme_journal **journal = luaL_checkudata(L, index, journal_class);

    luaL_argcheck(L, *journal, index, "the journal is closed");
    return *journal;
}

/* Pushes what keeps options.directory open, and returns its number, -1 if there is none. */
static int push_directory(lua_State *L, int index, struct sdme_error *error)
{
    if (lua_getfield(L, index, "directory") == LUA_TNIL)
        return -1;
    if (lua_type(L, -1) != LUA_TSTRING)
        return sdme_lua_check_fd(L, -1);
    const char *path = lua_tostring(L, -1);
    int *fd = sdme_lua_push_descriptor(L);
    sdme_path_open(SDME_NO_ROOT, path, O_RDONLY | O_DIRECTORY, 0, fd, error);
    return *fd;
}

static uint64_t option_count(lua_State *L, int index, const char *key, lua_Integer fallback)
{
    lua_Integer count = sdme_lua_option_integer(L, index, key, fallback);

    if (count < 0)
        luaL_error(L, "option '%s' is negative", key);
    return (uint64_t) count;
}

/* Pushes the journal of the options at @index, whose user value keeps its directory open. */
static int push_journal(lua_State *L, int index, struct sdme_error *error)
{
    static const char *const known[] = {"unit", "invocation", "directory", "lines", "since", NULL};

    sdme_lua_options(L, index, known);
    double since = sdme_lua_option_number(L, index, "since", 0);
    struct sdme_journal_options options = {
        .unit = sdme_lua_option_string(L, index, "unit", NULL),
        .invocation = sdme_lua_option_string(L, index, "invocation", NULL),
        .lines = option_count(L, index, "lines", LINES_DEFAULT),
        .since = since > 0 ? (uint64_t) (since * 1e6) : 0,
    };
    struct sdme_journal **journal = lua_newuserdatauv(L, sizeof *journal, 1);
    *journal = NULL;
    luaL_setmetatable(L, journal_class);
    int top = lua_gettop(L);
    options.directory = push_directory(L, index, error);
    lua_setiuservalue(L, top, 1);
    lua_settop(L, top);
    return error->code ? -error->code : sdme_journal_open(&options, journal, error);
}

/* Fields come from anybody who may log: they are bytes, and numbers only where they look so. */
static void set_field(lua_State *L, struct sdme_journal *journal, const char *key, const char *name)
{
    size_t size;
    const char *value = sdme_journal_field(journal, name, &size);

    if (!value)
        return;
    lua_pushlstring(L, value, size);
    lua_setfield(L, -2, key);
}

static void set_integer(lua_State *L, struct sdme_journal *journal, const char *key,
                        const char *name)
{
    size_t size;
    const char *value = sdme_journal_field(journal, name, &size);
    lua_Integer number = 0;

    if (!value || size == 0 || size > 18)
        return;
    for (size_t i = 0; i < size; i++) {
        if (value[i] < '0' || value[i] > '9')
            return;
        number = number * 10 + (value[i] - '0');
    }
    lua_pushinteger(L, number);
    lua_setfield(L, -2, key);
}

static void push_entry(lua_State *L, struct sdme_journal *journal)
{
    lua_createtable(L, 0, 5);
    lua_pushnumber(L, (lua_Number) sdme_journal_time(journal) / 1e6);
    lua_setfield(L, -2, "time");
    lua_pushliteral(L, "");
    lua_setfield(L, -2, "message");
    set_field(L, journal, "message", "MESSAGE");
    set_field(L, journal, "identifier", "_COMM");
    set_field(L, journal, "identifier", "SYSLOG_IDENTIFIER");
    set_integer(L, journal, "pid", "_PID");
    set_integer(L, journal, "priority", "PRIORITY");
}

/*
 * tail{ unit=, invocation=, lines=50, since=seconds, directory=descriptor|path }
 * -> { { time=seconds, message=, identifier=, pid=, priority= }, ... }, the latest last
 */
static int journal_tail(lua_State *L)
{
    struct sdme_error error = {0};
    int r = 1;

    lua_settop(L, 1);
    if (push_journal(L, 1, &error) < 0)
        return sdme_lua_fail(L, &error);
    struct sdme_journal *journal = check_journal(L, 2);
    lua_Integer lines = sdme_lua_option_integer(L, 1, "lines", LINES_DEFAULT), count = 0;
    lua_newtable(L);
    /* No more than asked for, however quickly new ones come. */
    for (; lines > 0 && (r = sdme_journal_next(journal, &error)) > 0; lines--) {
        push_entry(L, journal);
        lua_rawseti(L, -2, ++count);
    }
    return r < 0 ? sdme_lua_fail(L, &error) : 1;
}

/* open{...} -> journal, with the options of tail: it begins with what that would return */
static int journal_open(lua_State *L)
{
    struct sdme_error error = {0};

    lua_settop(L, 1);
    return push_journal(L, 1, &error) < 0 ? sdme_lua_fail(L, &error) : 1;
}

static int journal_close(lua_State *L)
{
    struct sdme_journal **journal = luaL_checkudata(L, 1, journal_class);

    *journal = sdme_journal_free(*journal);
    return 0;
}

/* journal:next() -> pending: the next entry, waiting for it */
static int journal_next(lua_State *L)
{
    check_journal(L, 1);
    lua_newuserdatauv(L, 0, 1);
    luaL_setmetatable(L, next_class);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

static struct sdme_journal *next_journal(lua_State *L)
{
    luaL_checkudata(L, 1, next_class);
    lua_settop(L, 1);
    lua_getiuservalue(L, 1, 1);
    return check_journal(L, 2);
}

static int next_poll(lua_State *L)
{
    struct pollfd entry;
    double timeout;

    sdme_journal_poll(next_journal(L), &entry, &timeout);
    return sdme_lua_push_poll(L, entry.fd, timeout);
}

static int next_step(lua_State *L)
{
    struct sdme_journal *journal = next_journal(L);
    struct sdme_error error = {0};
    int r = sdme_journal_next(journal, &error);

    lua_pushboolean(L, r != 0);
    if (r == 0)
        return 1;
    if (r < 0)
        return 1 + sdme_lua_fail(L, &error);
    push_entry(L, journal);
    return 2;
}

static const luaL_Reg journal_methods[] = {
    {"close", journal_close},
    {"next", journal_next},
    {NULL, NULL},
};

static const luaL_Reg next_methods[] = {
    {"poll", next_poll},
    {"step", next_step},
    {NULL, NULL},
};

static const luaL_Reg journal_functions[] = {
    {"open", journal_open},
    {"tail", journal_tail},
    {NULL, NULL},
};

int sdme_lua_open_journal(lua_State *L)
{
    sdme_lua_class(L, journal_class, journal_methods, journal_close);
    sdme_lua_class(L, next_class, next_methods, NULL);
    luaL_newlib(L, journal_functions);
    return 1;
}
