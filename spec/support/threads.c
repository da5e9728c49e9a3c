/* SPDX-License-Identifier: MIT */
/*
 * Runs a Lua script in several threads at once, each with a state of its own that has sdme inside:
 *     threads THREADS SCRIPT [ARGS...]
 * The script gets the number of its thread first.
 */
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <sdme.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST 16

static pthread_barrier_t start;
static char **arguments;

struct worker {
    pthread_t thread;
    int number;
    int failed;
};

static int traceback(lua_State *L)
{
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

static int run(lua_State *L)
{
    luaL_openlibs(L);
    luaL_requiref(L, "sdme", luaopen_sdme, 0);
    lua_pop(L, 1);
    sdme_interrupt_get(L);
    if (luaL_loadfile(L, arguments[0]) != LUA_OK)
        return lua_error(L);
    lua_insert(L, 1);
    int count = 1;
    for (char **argument = arguments + 1; *argument; argument++, count++)
        lua_pushstring(L, *argument);
    lua_call(L, count, 0);
    return 0;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    lua_State *L = luaL_newstate();

    pthread_barrier_wait(&start);
    lua_pushcfunction(L, traceback);
    lua_pushcfunction(L, run);
    lua_pushinteger(L, worker->number);
    if (lua_pcall(L, 1, 0, 1) != LUA_OK) {
        fprintf(stderr, "thread %d: %s\n", worker->number, luaL_tolstring(L, -1, NULL));
        worker->failed = 1;
    }
    lua_close(L);
    return NULL;
}

int main(int argc, char **argv)
{
    struct worker workers[MOST] = {0};
    int count = argc > 2 ? atoi(argv[1]) : 0, failed = 0;

    if (count < 1 || count > MOST)
        return 2;
    arguments = argv + 2;
    pthread_barrier_init(&start, NULL, (unsigned int) count);
    for (int i = 0; i < count; i++) {
        workers[i].number = i + 1;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            return 2;
    }
    for (int i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        failed |= workers[i].failed;
    }
    return failed;
}
