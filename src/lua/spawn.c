/* SPDX-License-Identifier: MIT */
#include "spawn.h"

#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "../runtime/signal.h"
#include "binding.h"

const char *const sdme_lua_stream_names[3] = {"stdin", "stdout", "stderr"};

int sdme_lua_check_signal(lua_State *L, int index)
{
    int number;

    if (lua_isinteger(L, index)) {
        lua_Integer given = lua_tointeger(L, index);
        char name[SDME_SIGNAL_NAME_SIZE];

        number = given > 0 && given < 256 && sdme_signal_name((int) given, name) ? (int) given : 0;
    } else if (lua_type(L, index) == LUA_TSTRING) {
        number = sdme_signal_number(sdme_lua_check_text(L, index));
    } else {
        return luaL_error(L, "signal expected, got %s", luaL_typename(L, index));
    }
    if (!number)
        return luaL_error(L, "no signal '%s'", lua_tostring(L, index));
    return number;
}

static int option_signal(lua_State *L, int index, const char *key)
{
    int number = lua_getfield(L, index, key) == LUA_TNIL ? 0 : sdme_lua_check_signal(L, -1);

    lua_pop(L, 1);
    return number;
}

/* An id for the system calls that take -1 for "leave it": that one is refused. */
static uint32_t check_id(lua_State *L, int index, const char *what)
{
    if (!lua_isinteger(L, index))
        luaL_error(L, "%s: integer expected, got %s", what, luaL_typename(L, index));
    lua_Integer id = lua_tointeger(L, index);
    if (id < 0 || id >= UINT32_MAX)
        luaL_error(L, "%s: %I is no user or group id", what, id);
    return (uint32_t) id;
}

static const char *check_text(lua_State *L, int index, const char *what)
{
    size_t length;

    if (lua_type(L, index) != LUA_TSTRING)
        luaL_error(L, "%s: string expected, got %s", what, luaL_typename(L, index));
    const char *text = lua_tolstring(L, index, &length);
    if (strlen(text) != length)
        luaL_error(L, "%s: a NUL byte in the string", what);
    return text;
}

char **sdme_lua_option_argv(lua_State *L, int index)
{
    lua_getfield(L, index, "argv");
    char **argv = sdme_lua_strings(L, -1, "argv");

    if (!argv[0])
        luaL_error(L, "argv: at least the name of the program expected");
    return argv;
}

char **sdme_lua_option_env(lua_State *L, int index)
{
    lua_Integer count = 0;

    if (lua_getfield(L, index, "env") == LUA_TNIL) {
        lua_pushnil(L);
        return NULL;
    }
    int table = lua_gettop(L);
    if (!lua_istable(L, table))
        luaL_error(L, "option 'env': table expected, got %s", luaL_typename(L, table));
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        const char *name = check_text(L, -2, "name in env");

        if (!*name || strchr(name, '='))
            luaL_error(L, "env: '%s' is no name of a variable", name);
        lua_pushfstring(L, "%s=%s", name, check_text(L, -1, name));
        lua_rawseti(L, table + 1, ++count);
    }
    lua_replace(L, table);
    return sdme_lua_strings(L, table, "env");
}

static int option_stream(lua_State *L, int index, const char *key)
{
    int stream = SDME_STREAM_INHERIT;

    if (lua_getfield(L, index, key) == LUA_TSTRING) {
        const char *kind = lua_tostring(L, -1);

        if (!strcmp(kind, "pipe"))
            stream = SDME_STREAM_PIPE;
        else if (!strcmp(kind, "null"))
            stream = SDME_STREAM_NULL;
        else
            luaL_error(L, "option '%s': \"pipe\", \"null\" or a descriptor expected, got '%s'", key,
                       kind);
    } else if (!lua_isnil(L, -1)) {
        stream = sdme_lua_check_fd(L, -1);
    }
    lua_pop(L, 1);
    return stream;
}

/* { [number in the child] = descriptor }. Pushes two values. */
static void option_descriptors(lua_State *L, int index, struct sdme_spawn *spawn)
{
    size_t count = 0;

    if (lua_getfield(L, index, "descriptors") == LUA_TNIL) {
        lua_pushnil(L);
        return;
    }
    int table = lua_gettop(L);
    if (!lua_istable(L, table))
        luaL_error(L, "option 'descriptors': table expected, got %s", luaL_typename(L, table));
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        count++;
    struct sdme_descriptor *list = lua_newuserdatauv(L, (count + 1) * sizeof *list, 0);
    size_t filled = 0;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        lua_Integer target = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : -1;

        if (target < 3 || target > UINT16_MAX)
            luaL_error(L, "descriptors: numbers from 3 to %d expected", UINT16_MAX);
        list[filled++] =
            (struct sdme_descriptor){.source = sdme_lua_check_fd(L, -1), .target = (int) target};
    }
    spawn->descriptors = list;
    spawn->descriptor_count = count;
}

/* { gid, ... } as an array in a userdata that this pushes. */
static void option_groups(lua_State *L, int index, struct sdme_user *user)
{
    if (lua_getfield(L, index, "groups") == LUA_TNIL)
        return;
    int table = lua_gettop(L);
    if (!lua_istable(L, table))
        luaL_error(L, "option 'groups': array expected, got %s", luaL_typename(L, table));
    size_t count = sdme_lua_array_length(L, table, "groups");
    gid_t *groups = lua_newuserdatauv(L, (count + 1) * sizeof *groups, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, table, (lua_Integer) i + 1);
        groups[i] = check_id(L, -1, "groups");
        lua_pop(L, 1);
    }
    user->groups = groups;
    user->group_count = count;
}

/* From `uid`, `gid` and `groups`; false if neither is given. */
static bool option_ids(lua_State *L, int index, struct sdme_user *user)
{
    bool uid = lua_getfield(L, index, "uid") != LUA_TNIL;
    bool gid = lua_getfield(L, index, "gid") != LUA_TNIL;

    if (uid != gid)
        luaL_error(L, "options 'uid' and 'gid' go together");
    if (!uid) {
        if (lua_getfield(L, index, "groups") != LUA_TNIL)
            luaL_error(L, "option 'groups' needs 'uid' and 'gid'");
        return false;
    }
    user->uid = check_id(L, -2, "uid");
    user->gid = check_id(L, -1, "gid");
    option_groups(L, index, user);
    return true;
}

static void option_terminal(lua_State *L, int index, struct sdme_spawn *spawn)
{
    spawn->session = sdme_lua_option_boolean(L, index, "session", false);
    spawn->terminal = sdme_lua_option_fd(L, index, "controlling_terminal", -1);
    if (spawn->terminal >= 0 && !spawn->session)
        luaL_error(L, "option 'controlling_terminal' needs 'session'");
}

const char *sdme_lua_read_spawn(lua_State *L, int index, struct sdme_spawn *spawn,
                                struct sdme_user *user)
{
    static const char *const options[] = {
        "argv", "env", "cwd",    "stdin", "stdout",       "stderr",  "descriptors",          "user",
        "uid",  "gid", "groups", "umask", "death_signal", "session", "controlling_terminal", NULL};

    sdme_lua_options(L, index, options);
    luaL_checkstack(L, 20, NULL);
    *spawn = (struct sdme_spawn){
        .argv = sdme_lua_option_argv(L, index),
        .environment = sdme_lua_option_env(L, index),
        .directory = sdme_lua_option_string(L, index, "cwd", NULL),
        .death_signal = option_signal(L, index, "death_signal"),
    };
    for (int i = 0; i < 3; i++)
        spawn->streams[i] = option_stream(L, index, sdme_lua_stream_names[i]);
    option_descriptors(L, index, spawn);
    option_terminal(L, index, spawn);
    spawn->umask = (int) sdme_lua_option_mode(L, index, "umask", (mode_t) -1);
    spawn->user = option_ids(L, index, user) ? user : NULL;
    const char *name = sdme_lua_option_string(L, index, "user", NULL);
    if (name && spawn->user)
        luaL_error(L, "options 'user' and 'uid' exclude each other");
    return name;
}
