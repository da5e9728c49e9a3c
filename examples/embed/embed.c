/* SPDX-License-Identifier: MIT */
/*
 * A program with sdme inside. It lists the containers, or makes a rootfs of an archive:
 *     cc -o embed embed.c $(pkg-config --cflags --libs sdme)
 *     sudo ./embed
 *     sudo ./embed debian.tar debian
 */
#include <lauxlib.h>
#include <lualib.h>
#include <sdme.h>
#include <signal.h>
#include <stdio.h>

static struct sdme_interrupt *interrupt;

static const char script[] =
    "local sdme, tell, source, name = ...\n"
    "sdme.observe {\n"
    "    note = tell,\n"
    "    progress = function(event)\n"
    "        if event.finished then tell(event.what .. ': ' .. event.done .. ' bytes') end\n"
    "    end,\n"
    "}\n"
    "if source then\n"
    "    local tree <const> = sdme.fs.import(source, { name = name })\n"
    "    return ('%s has %d layers'):format(tree.name, #tree:inspect().layers)\n"
    "end\n"
    "local names <const> = {}\n"
    "for i, container in ipairs(sdme.containers()) do names[i] = container.name end\n"
    "return ('%d containers: %s'):format(#names, table.concat(names, ' '))\n";

/* Ctrl-C is our own affair; sdme cleans up and raises EINTR. */
static void on_signal(int number)
{
    sdme_interrupt_send(interrupt, number);
}

static int tell(lua_State *L)
{
    printf("  %s\n", luaL_checkstring(L, 1));
    return 0;
}

/* Runs protected: (source, name) -> what to print */
static int run(lua_State *L)
{
    luaL_openlibs(L);
    luaL_requiref(L, "sdme", luaopen_sdme, 0);
    interrupt = sdme_interrupt_get(L);
    signal(SIGINT, on_signal);
    if (luaL_loadstring(L, script) != LUA_OK)
        return lua_error(L);
    lua_insert(L, 1);
    lua_insert(L, 2);
    lua_pushcfunction(L, tell);
    lua_insert(L, 3);
    lua_call(L, 4, 1);
    return 1;
}

int main(int argc, char **argv)
{
    lua_State *L = luaL_newstate();
    int status = 1;

    if (!L)
        return 1;
    printf("sdme %s\n", sdme_version());
    lua_pushcfunction(L, run);
    lua_pushstring(L, argc > 1 ? argv[1] : NULL);
    lua_pushstring(L, argc > 2 ? argv[2] : NULL);
    status = lua_pcall(L, 2, 1, 0) != LUA_OK;
    fprintf(status ? stderr : stdout, "%s\n", luaL_tolstring(L, -1, NULL));
    signal(SIGINT, SIG_DFL);
    lua_close(L);
    return status;
}
