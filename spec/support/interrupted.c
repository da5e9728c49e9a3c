/* SPDX-License-Identifier: MIT */
/* A program that ends what sdme does: from a signal handler, and from another thread. */
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <sdme.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static struct sdme_interrupt *interrupt;

static void on_signal(int number)
{
    sdme_interrupt_send(interrupt, number);
}

static void *send(void *argument)
{
    (void) argument;
    usleep(50000);
    sdme_interrupt_send(interrupt, SIGTERM);
    return NULL;
}

static void run(lua_State *L, const char *script)
{
    if (luaL_dostring(L, script) != LUA_OK)
        puts(lua_tostring(L, -1));
}

static const char wait[] = "local _, why = pcall(require 'sdme'.task.sleep, 60)\n"
                           "print(why.code, require 'sdme'.core.interrupted())\n";

int main(void)
{
    lua_State *L = luaL_newstate();
    pthread_t thread;

    luaL_openlibs(L);
    luaL_requiref(L, "sdme", luaopen_sdme, 0);
    interrupt = sdme_interrupt_get(L);
    signal(SIGINT, on_signal);
    raise(SIGINT);
    run(L, wait);
    if (pthread_create(&thread, NULL, send, NULL) != 0)
        return 1;
    run(L, wait);
    pthread_join(thread, NULL);
    run(L, "require 'sdme'.task.sleep(0.01) print(true)");
    lua_close(L);
    return 0;
}
