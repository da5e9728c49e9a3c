/* SPDX-License-Identifier: MIT */
#include "../runtime/process.h"

#include "../runtime/signal.h"
#include "binding.h"
#include "spawn.h"

static const char process_class[] = "sdme.process";
static const char exit_class[] = "sdme.process.exit";

/* Pushes a process that holds nothing; user values 1 to 3 are descriptors for its pipes. */
static struct sdme_process *push_process(lua_State *L, const struct sdme_spawn *spawn, int **fds)
{
    struct sdme_process *process = lua_newuserdatauv(L, sizeof *process, 3);

    *process = (struct sdme_process){.pidfd = -1, .streams = {-1, -1, -1}};
    luaL_setmetatable(L, process_class);
    for (int i = 0; i < 3; i++) {
        if (spawn->streams[i] != SDME_STREAM_PIPE)
            continue;
        fds[i] = sdme_lua_push_descriptor(L);
        lua_setiuservalue(L, -2, i + 1);
    }
    return process;
}

/* spawn{ argv=, ... } -> process | nil, message, code */
static int process_spawn(lua_State *L)
{
    struct sdme_error error = {0};
    struct sdme_spawn spawn;
    struct sdme_user user = {0};
    int *fds[3] = {NULL};
    gid_t *groups = NULL;
    int code = 0;

    lua_settop(L, 1);
    const char *name = sdme_lua_read_spawn(L, 1, &spawn, &user);
    struct sdme_process *process = push_process(L, &spawn, fds);

    if (name) {
        code = sdme_user_lookup(name, &user, &groups, &error);
        spawn.user = &user;
    }
    if (code == 0)
        code = sdme_process_spawn(&spawn, process, &error);
    free(groups);
    if (code < 0)
        return sdme_lua_fail(L, &error);
    for (int i = 0; i < 3; i++)
        if (fds[i])
            *fds[i] = sdme_take_fd(&process->streams[i]);
    return 1;
}

static int process_pid(lua_State *L)
{
    struct sdme_process *process = luaL_checkudata(L, 1, process_class);

    lua_pushinteger(L, process->pid);
    return 1;
}

/* One function for three methods, by upvalue: our end of the pipe, nil if it has none. */
static int process_stream(lua_State *L)
{
    luaL_checkudata(L, 1, process_class);
    lua_getiuservalue(L, 1, (int) lua_tointeger(L, lua_upvalueindex(1)));
    return 1;
}

/* process:wait() -> pending: { code = } or { signal = } */
static int process_wait(lua_State *L)
{
    luaL_checkudata(L, 1, process_class);
    lua_newuserdatauv(L, 0, 1);
    luaL_setmetatable(L, exit_class);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

/* process:kill(signal) -> true | nil, message, "ESRCH" once it has ended */
static int process_kill(lua_State *L)
{
    struct sdme_process *process = luaL_checkudata(L, 1, process_class);
    int number = sdme_lua_check_signal(L, 2);
    struct sdme_error error = {0};

    return sdme_lua_done(L, sdme_process_kill(process, number, &error), &error);
}

/* process:detach(): closing it no longer kills it */
static int process_detach(lua_State *L)
{
    sdme_process_detach(luaL_checkudata(L, 1, process_class));
    return 0;
}

/* process:close(): kills and reaps it if it still runs, and closes our ends of its pipes */
static int process_close(lua_State *L)
{
    struct sdme_process *process = luaL_checkudata(L, 1, process_class);

    /* Detached, or closed before. */
    if (process->pidfd < 0)
        return 0;
    sdme_process_close(process);
    for (int i = 1; i <= 3; i++) {
        if (lua_getiuservalue(L, 1, i) == LUA_TUSERDATA) {
            lua_getfield(L, -1, "close");
            lua_insert(L, -2);
            lua_call(L, 1, 0);
        } else {
            lua_pop(L, 1);
        }
    }
    return 0;
}

static struct sdme_process *exit_process(lua_State *L)
{
    luaL_checkudata(L, 1, exit_class);
    lua_getiuservalue(L, 1, 1);
    return lua_touserdata(L, -1);
}

static int exit_poll(lua_State *L)
{
    struct sdme_process *process = exit_process(L);

    if (process->ended || process->pidfd < 0)
        return 0;
    lua_pushinteger(L, process->pidfd);
    lua_pushliteral(L, "r");
    return 2;
}

static int exit_step(lua_State *L)
{
    struct sdme_process *process = exit_process(L);
    struct sdme_error error = {0};
    int ended = sdme_process_wait(process, false, &error);

    lua_pushboolean(L, ended != 0);
    if (ended == 0)
        return 1;
    if (ended < 0)
        return 1 + sdme_lua_fail(L, &error);
    lua_createtable(L, 0, 1);
    lua_pushinteger(L, process->signal ? process->signal : process->code);
    lua_setfield(L, -2, process->signal ? "signal" : "code");
    return 2;
}

/* The process stays: waiting is given up, nothing else. */
static int exit_close(lua_State *L)
{
    luaL_checkudata(L, 1, exit_class);
    return 0;
}

/* replace{ argv=, env=, keep = { descriptor, ... } } -> nil, message, code if it could not */
static int process_replace(lua_State *L)
{
    static const char *const options[] = {"argv", "env", "keep", NULL};
    struct sdme_error error = {0};
    size_t count = 0;

    lua_settop(L, 1);
    sdme_lua_options(L, 1, options);
    char **argv = sdme_lua_option_argv(L, 1);
    char **environment = sdme_lua_option_env(L, 1);
    if (lua_getfield(L, 1, "keep") != LUA_TNIL) {
        luaL_checktype(L, -1, LUA_TTABLE);
        count = sdme_lua_array_length(L, -1, "keep");
    }
    int table = lua_gettop(L);
    int *keep = lua_newuserdatauv(L, (count + 1) * sizeof *keep, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, table, (lua_Integer) i + 1);
        keep[i] = sdme_lua_check_fd(L, -1);
        lua_pop(L, 1);
    }
    /* The new program will not write out what lies in the buffers of this one. */
    fflush(NULL);
    sdme_process_replace(argv, environment, keep, count, &error);
    return sdme_lua_fail(L, &error);
}

/* signal("TERM" | "SIGTERM" | "RTMIN+3" | "15") -> number | nil, message, "EINVAL" */
static int process_signal(lua_State *L)
{
    const char *name = sdme_lua_check_text(L, 1);
    int number = sdme_signal_number(name);
    struct sdme_error error = {0};

    if (!number) {
        sdme_fail_as(&error, EINVAL, "no signal named '%s'", name);
        return sdme_lua_fail(L, &error);
    }
    lua_pushinteger(L, number);
    return 1;
}

/* signal_name(number) -> "TERM", nil if there is no such signal */
static int process_signal_name(lua_State *L)
{
    lua_Integer number = luaL_checkinteger(L, 1);
    char name[SDME_SIGNAL_NAME_SIZE];

    if (number < 1 || number > INT8_MAX || !sdme_signal_name((int) number, name))
        return 0;
    lua_pushstring(L, name);
    return 1;
}

/* uid() -> real user id, effective user id */
static int process_uid(lua_State *L)
{
    lua_pushinteger(L, getuid());
    lua_pushinteger(L, geteuid());
    return 2;
}

/* identity() -> { pid, uid, euid, gid, egid, groups = { gid, ... } } of this process */
static int process_identity(lua_State *L)
{
    const struct {
        const char *key;
        lua_Integer id;
    } ids[] = {
        {"pid", getpid()}, {"uid", getuid()},   {"euid", geteuid()},
        {"gid", getgid()}, {"egid", getegid()},
    };
    int count = getgroups(0, NULL);
    gid_t *groups =
        lua_newuserdatauv(L, ((size_t) (count < 0 ? 0 : count) + 1) * sizeof *groups, 0);

    count = count < 0 ? 0 : getgroups(count, groups);
    lua_createtable(L, 0, (int) ELEMENTS(ids) + 1);
    for (size_t i = 0; i < ELEMENTS(ids); i++) {
        lua_pushinteger(L, ids[i].id);
        lua_setfield(L, -2, ids[i].key);
    }
    lua_createtable(L, count < 0 ? 0 : count, 0);
    for (int i = 0; i < count; i++) {
        lua_pushinteger(L, groups[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "groups");
    return 1;
}

static const luaL_Reg process_methods[] = {
    {"pid", process_pid},       {"wait", process_wait},   {"kill", process_kill},
    {"detach", process_detach}, {"close", process_close}, {NULL, NULL},
};

static const luaL_Reg exit_methods[] = {
    {"poll", exit_poll},
    {"step", exit_step},
    {"close", exit_close},
    {NULL, NULL},
};

static const luaL_Reg process_functions[] = {
    {"identity", process_identity},
    {"replace", process_replace},
    {"signal", process_signal},
    {"signal_name", process_signal_name},
    {"spawn", process_spawn},
    {"uid", process_uid},
    {NULL, NULL},
};

/* process:stdin(), :stdout(), :stderr() */
static void add_stream_methods(lua_State *L)
{
    luaL_getmetatable(L, process_class);
    lua_getfield(L, -1, "__index");
    for (int i = 0; i < 3; i++) {
        lua_pushinteger(L, i + 1);
        lua_pushcclosure(L, process_stream, 1);
        lua_setfield(L, -2, sdme_lua_stream_names[i]);
    }
    lua_pop(L, 2);
}

int sdme_lua_open_process(lua_State *L)
{
    sdme_lua_class(L, process_class, process_methods, process_close);
    add_stream_methods(L);
    sdme_lua_class(L, exit_class, exit_methods, exit_close);
    luaL_newlib(L, process_functions);
    return 1;
}
