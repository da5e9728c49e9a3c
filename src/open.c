/* SPDX-License-Identifier: MIT */
/* How sdme comes into a Lua state: what the interpreter and libsdme have in common. */
#include "open.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "embedded.h"
#include "sdme.h"

static const char interrupt_class[] = "sdme.interrupt";
static const char opened_key;

const char *sdme_version(void)
{
    return SDME_VERSION;
}

static int compare_name(const void *name, const void *module)
{
    return strcmp(name, ((const struct sdme_embedded *) module)->name);
}

/* Pushes the chunk of a module of ours and what it is called with besides its name; 0 if none. */
static int load_embedded(lua_State *L, const char *name)
{
    const struct sdme_embedded *module =
        bsearch(name, sdme_embedded, sdme_embedded_count, sizeof *module, compare_name);

    if (!module)
        return 0;
    if (luaL_loadbufferx(L, (const char *) module->code, module->size, name, "b") != LUA_OK)
        return lua_error(L);
    lua_pushliteral(L, ":sdme:");
    return 2;
}

/* One of package.searchers. */
static int find_embedded(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    int count = load_embedded(L, name);

    if (count > 0)
        return count;
    lua_pushfstring(L, "no module '%s' inside sdme", name);
    return 1;
}

static void add_searcher(lua_State *L)
{
    lua_getfield(L, -1, "searchers");
    for (lua_Integer i = luaL_len(L, -1); i >= 2; i--) {
        lua_rawgeti(L, -1, i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushcfunction(L, find_embedded);
    lua_rawseti(L, -2, 2);
    lua_pop(L, 1);
}

void sdme_open(lua_State *L, bool without_floor)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &opened_key) == LUA_TNIL) {
        if (lua_getglobal(L, LUA_LOADLIBNAME) != LUA_TTABLE)
            luaL_error(L, "sdme needs Lua's libraries: luaL_openlibs() comes before");
        lua_getfield(L, -1, "preload");
        lua_pushcfunction(L, luaopen_sdme_core);
        lua_setfield(L, -2, "sdme.core");
        lua_pop(L, 1);
        if (!without_floor)
            add_searcher(L);
        lua_pop(L, 1);
        lua_pushboolean(L, true);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &opened_key);
    }
    lua_pop(L, 1);
}

int luaopen_sdme(lua_State *L)
{
    luaL_checkversion(L);
    sdme_open(L, false);
    int count = load_embedded(L, "sdme");
    if (count == 0)
        return luaL_error(L, "the module 'sdme' is missing from libsdme");
    lua_pushliteral(L, "sdme");
    lua_insert(L, -count);
    lua_call(L, count, 1);
    return 1;
}

int sdme_interrupt_open(struct sdme_interrupt *interrupt)
{
    *interrupt = (struct sdme_interrupt){.resize_fd = -1};
    interrupt->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return interrupt->fd < 0 ? -1 : 0;
}

static int interrupt_close(lua_State *L)
{
    struct sdme_interrupt *interrupt = luaL_checkudata(L, 1, interrupt_class);

    interrupt->fd = sdme_close(interrupt->fd);
    return 0;
}

struct sdme_interrupt *sdme_interrupt_get(lua_State *L)
{
    static const luaL_Reg methods[] = {{NULL, NULL}};
    struct sdme_interrupt *interrupt = sdme_lua_interrupt(L);

    if (interrupt)
        return interrupt;
    interrupt = lua_newuserdatauv(L, sizeof *interrupt, 0);
    interrupt->fd = -1;
    sdme_lua_class(L, interrupt_class, methods, interrupt_close);
    luaL_setmetatable(L, interrupt_class);
    if (sdme_interrupt_open(interrupt) < 0)
        luaL_error(L, "eventfd: %s", sdme_error_name(errno));
    lua_rawsetp(L, LUA_REGISTRYINDEX, interrupt);
    sdme_lua_set_interrupt(L, interrupt);
    return interrupt;
}

void sdme_interrupt_send(struct sdme_interrupt *interrupt, int signal)
{
    int saved = errno;
    uint64_t one = 1;

    atomic_store(&interrupt->signal, signal);
    atomic_store(&interrupt->cancel.requested, 1);
    /* It fails only where the count is at its end, and then it is readable anyhow. */
    if (write(interrupt->fd, &one, sizeof one) < 0)
        errno = saved;
    errno = saved;
}
