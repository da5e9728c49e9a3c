/* SPDX-License-Identifier: MIT */
#include "../runtime/lock.h"

#include "binding.h"

static const char lock_class[] = "sdme.lock";

struct lock {
    int fd;
    bool shared;
};

/* lock:close(): gives the lock back; its path is the user value */
static int lock_close(lua_State *L)
{
    struct lock *lock = luaL_checkudata(L, 1, lock_class);

    if (lock->fd < 0)
        return 0;
    if (lock->shared) {
        lock->fd = sdme_close(lock->fd);
        return 0;
    }
    lua_getiuservalue(L, 1, 1);
    sdme_lock_release(lua_tostring(L, -1), lock->fd);
    lock->fd = -1;
    return 0;
}

/* acquire(path[, {shared=}]) -> lock | nil, message, "EAGAIN" if another holds it */
static int lock_acquire(lua_State *L)
{
    static const char *const options[] = {"shared", NULL};
    const char *path = sdme_lua_check_text(L, 1);
    struct sdme_error error = {0};
    bool shared = false;

    if (!lua_isnoneornil(L, 2)) {
        sdme_lua_options(L, 2, options);
        shared = sdme_lua_option_boolean(L, 2, "shared", false);
    }
    struct lock *lock = lua_newuserdatauv(L, sizeof *lock, 1);
    *lock = (struct lock){.fd = -1, .shared = shared};
    luaL_setmetatable(L, lock_class);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    if (sdme_lock_acquire(path, shared, &lock->fd, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

/* holder(path) -> the process that holds the lock, nil if nobody does */
static int lock_holder(lua_State *L)
{
    pid_t pid = sdme_lock_holder(sdme_lua_check_text(L, 1));

    if (pid <= 0)
        return 0;
    lua_pushinteger(L, pid);
    return 1;
}

static const luaL_Reg lock_methods[] = {
    {"close", lock_close},
    {NULL, NULL},
};

static const luaL_Reg lock_functions[] = {
    {"acquire", lock_acquire},
    {"holder", lock_holder},
    {NULL, NULL},
};

int sdme_lua_open_lock(lua_State *L)
{
    sdme_lua_class(L, lock_class, lock_methods, lock_close);
    luaL_newlib(L, lock_functions);
    return 1;
}
