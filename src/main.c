/* SPDX-License-Identifier: MIT */
/* The sdme interpreter: a Lua state with the runtime and the Lua floor inside, running sdme.cli. */
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "allocator.h"
#include "open.h"
#include "runtime/poll.h"
#include "sdme.h"

/* Seconds in which what runs may come to where it waits, and learn of the signal there. */
#define GRACE 0.1

/* Bytes that Lua has before its collector looks at any of them. */
#define UNCOLLECTED ((size_t) 4 << 20)

static struct sdme_interrupt interrupt;
static volatile double interrupted_at;
static lua_State *volatile running;

static struct {
    bool now;
    int status;
} leaving;

/* Ends a loop that never waits; whoever does wait learns it from poll and has taken the signal. */
static void interrupt_hook(lua_State *L, lua_Debug *debug)
{
    (void) debug;
    if (sdme_cancelled(&interrupt.cancel) && sdme_now() - interrupted_at < GRACE)
        return;
    lua_sethook(L, NULL, 0, 0);
    if (!sdme_lua_take_interrupt(L))
        return;
    lua_getglobal(L, "require");
    lua_pushliteral(L, "sdme.fault");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "raise");
    lua_pushliteral(L, "EINTR");
    lua_pushnil(L);
    lua_pushliteral(L, "interrupted");
    lua_call(L, 3, 0);
}

static void set_hook(lua_State *L)
{
    lua_sethook(L, interrupt_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1000);
}

/* Has a coroutine be the one whose loop a signal ends: one that has come already, too. */
static void set_running(lua_State *L)
{
    running = L;
    if (L && sdme_cancelled(&interrupt.cancel))
        set_hook(L);
}

/* Calls the upvalue, which resumes @thread, with the arguments. */
static int resume_tracked(lua_State *L, lua_State *thread)
{
    lua_State *resumer = running;

    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    set_running(thread);
    int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    set_running(resumer);
    return status == LUA_OK ? lua_gettop(L) : lua_error(L);
}

/* coroutine.resume, which is its upvalue */
static int coroutine_resume(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTHREAD);
    return resume_tracked(L, lua_tothread(L, 1));
}

/* What coroutine.wrap gives: upvalues are the function of Lua's own, and its coroutine. */
static int coroutine_wrapped(lua_State *L)
{
    return resume_tracked(L, lua_tothread(L, lua_upvalueindex(2)));
}

/* coroutine.wrap, which is its upvalue */
static int coroutine_wrap(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    if (!lua_getupvalue(L, -1, 1))
        return 1;
    lua_pushcclosure(L, coroutine_wrapped, 2);
    return 1;
}

static void track_coroutines(lua_State *L)
{
    lua_getglobal(L, "coroutine");
    lua_getfield(L, -1, "resume");
    lua_pushcclosure(L, coroutine_resume, 1);
    lua_setfield(L, -2, "resume");
    lua_getfield(L, -1, "wrap");
    lua_pushcclosure(L, coroutine_wrap, 1);
    lua_setfield(L, -2, "wrap");
    lua_pop(L, 1);
}

/* The first signal asks; SA_RESETHAND lets the second one kill. */
static void on_signal(int number)
{
    interrupted_at = sdme_now();
    sdme_interrupt_send(&interrupt, number);
    if (running)
        set_hook(running);
}

/* A window that changed is not news for a handler, but for the terminal forwarding that polls. */
static int watch_window(void)
{
    sigset_t window;

    sigemptyset(&window);
    sigaddset(&window, SIGWINCH);
    if (sigprocmask(SIG_BLOCK, &window, NULL) < 0)
        return -1;
    interrupt.resize_fd = signalfd(-1, &window, SFD_CLOEXEC | SFD_NONBLOCK);
    return interrupt.resize_fd < 0 ? -1 : 0;
}

static void arm_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int) SA_RESETHAND};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int install_signals(void)
{
    if (sdme_interrupt_open(&interrupt) < 0)
        return -1;
    interrupt.renew = arm_signals;
    arm_signals();
    /* A reader that went away is an error of the write, not the end of a half-done operation. */
    return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -1 : 0;
}

/* Descriptors 0 to 2 must exist, or what we open next would become somebody's stdout. */
static int open_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0)
            return -1;
    } while (fd <= 2 && fcntl(fd, F_SETFD, 0) == 0);
    close(fd);
    return 0;
}

/* "./?.lua" and the like go: what lies in the current directory is nobody's library. */
static void set_path(lua_State *L, const char *field, const char *first)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, field);
    const char *path = luaL_gsub(L, lua_tostring(L, -1), ";./?.lua", "");
    path = luaL_gsub(L, path, ";./?/init.lua", "");
    path = luaL_gsub(L, path, ";./?.so", "");
    if (first)
        lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", first, first, path);
    lua_setfield(L, -5 - (first != NULL), field);
    lua_settop(L, 0);
}

static void set_arguments(lua_State *L, int argc, char **argv)
{
    lua_createtable(L, argc, 1);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i);
    }
    lua_setglobal(L, "arg");
}

/*
 * Loading makes hardly any garbage, and most commands end soon after it. The next collection comes
 * when there is twice as much as after the last, which counts what nobody has written to here.
 */
static void delay_collection(lua_State *L)
{
    lua_newuserdatauv(L, UNCOLLECTED, 0);
    lua_gc(L, LUA_GCCOLLECT);
    lua_pop(L, 1);
}

/*
 * The finalizer of what is marked for finalization first, so that it is called last (Lua manual,
 * 2.5.3). All that lua_close() would do then is to give back piece by piece what ends anyhow.
 */
static int leave(lua_State *L)
{
    (void) L;
    if (leaving.now)
        exit(leaving.status);
    return 0;
}

static void leave_at_close(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, leave);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &leaving);
}

/* Runs protected: cli.main(arg) -> exit status. */
static int run(lua_State *L)
{
    int argc = (int) lua_tointeger(L, 1);
    char **argv = lua_touserdata(L, 2);
    const char *tree = getenv("SDME_LUA_PATH");

    delay_collection(L);
    leave_at_close(L);
    luaL_openlibs(L);
    track_coroutines(L);
    lua_settop(L, 0);
    sdme_open(L, tree != NULL);
    sdme_lua_set_interrupt(L, &interrupt);
    set_path(L, "path", tree);
    set_path(L, "cpath", NULL);
    set_arguments(L, argc, argv);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "sdme.cli");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "main");
    lua_getglobal(L, "arg");
    lua_call(L, 1, 1);
    return 1;
}

static int traceback(lua_State *L)
{
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

int main(int argc, char **argv)
{
    lua_State *L;
    int status = EXIT_FAILURE;

    /* Files that a guest must read are made with the modes we name, whatever the caller's umask. */
    umask(022);
    if (open_standard_descriptors() < 0 || install_signals() < 0 || watch_window() < 0) {
        perror("sdme");
        return EXIT_FAILURE;
    }
    L = luaL_newstate();
    if (!L) {
        fputs("sdme: out of memory\n", stderr);
        return EXIT_FAILURE;
    }
#ifndef SDME_SANITIZED /* a sanitizer looks at each block */
    sdme_allocator_install(L);
#endif
    running = L;
    lua_pushcfunction(L, traceback);
    lua_pushcfunction(L, run);
    lua_pushinteger(L, argc);
    lua_pushlightuserdata(L, argv);
    if (lua_pcall(L, 2, 1, 1) == LUA_OK)
        status = lua_isinteger(L, -1) ? (int) lua_tointeger(L, -1) : EXIT_SUCCESS;
    else
        fprintf(stderr, "sdme: %s\n", lua_tostring(L, -1));
    running = NULL;
    leaving.now = true;
    leaving.status = status;
    lua_close(L);
    return status;
}
