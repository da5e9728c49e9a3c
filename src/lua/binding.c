/* SPDX-License-Identifier: MIT */
#include "binding.h"

#include <stdint.h>
#include <string.h>

enum {
    ARRAY_MAX = 1 << 20, /* more than the kernel takes of anything that comes in arrays */
};

static const char descriptor_class[] = "sdme.descriptor";
static const char interrupt_key;

int sdme_lua_fail(lua_State *L, const struct sdme_error *error)
{
    int number = error->code == ECANCELED ? sdme_lua_take_interrupt(L) : 0;

    lua_pushnil(L);
    lua_pushstring(L, error->message);
    lua_pushstring(L, number ? "EINTR" : sdme_error_name(error->code));
    return 3;
}

int sdme_lua_done(lua_State *L, int code, const struct sdme_error *error)
{
    if (code < 0)
        return sdme_lua_fail(L, error);
    lua_pushboolean(L, true);
    return 1;
}

static int handle_tostring(lua_State *L)
{
    lua_pushfstring(L, "%s: %p", lua_tostring(L, lua_upvalueindex(1)), lua_topointer(L, 1));
    return 1;
}

void sdme_lua_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction close)
{
    if (!luaL_newmetatable(L, name)) {
        lua_pop(L, 1);
        return;
    }
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, name);
    lua_pushcclosure(L, handle_tostring, 1);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    if (close) {
        lua_pushcfunction(L, close);
        lua_setfield(L, -2, "__gc");
        lua_pushcfunction(L, close);
        lua_setfield(L, -2, "__close");
    }
    lua_pop(L, 1);
}

static bool is_known(const char *key, const char *const *known)
{
    for (; *known; known++)
        if (!strcmp(key, *known))
            return true;
    return false;
}

void sdme_lua_options(lua_State *L, int index, const char *const *known)
{
    index = lua_absindex(L, index);
    luaL_checktype(L, index, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "options are named, but there is one at [%s]",
                       luaL_tolstring(L, -2, NULL));
        if (!is_known(lua_tostring(L, -2), known))
            luaL_error(L, "unknown option '%s'", lua_tostring(L, -2));
    }
}

/* Pushes the option and says whether it is there; nil is popped again. */
static bool push_option(lua_State *L, int index, const char *key)
{
    if (lua_getfield(L, index, key) != LUA_TNIL)
        return true;
    lua_pop(L, 1);
    return false;
}

static void wrong_type(lua_State *L, const char *key, const char *expected)
{
    luaL_error(L, "option '%s': %s expected, got %s", key, expected, luaL_typename(L, -1));
}

const char *sdme_lua_option_string(lua_State *L, int index, const char *key, const char *fallback)
{
    if (!push_option(L, index, key))
        return fallback;
    if (lua_type(L, -1) != LUA_TSTRING)
        wrong_type(L, key, "string");
    size_t length;
    const char *value = lua_tolstring(L, -1, &length);
    if (strlen(value) != length)
        luaL_error(L, "option '%s': a NUL byte in the string", key);
    lua_pop(L, 1); /* the table still holds it */
    return value;
}

lua_Integer sdme_lua_option_integer(lua_State *L, int index, const char *key, lua_Integer fallback)
{
    if (!push_option(L, index, key))
        return fallback;
    if (!lua_isinteger(L, -1))
        wrong_type(L, key, "integer");
    lua_Integer value = lua_tointeger(L, -1);
    lua_pop(L, 1);
    return value;
}

lua_Number sdme_lua_option_number(lua_State *L, int index, const char *key, lua_Number fallback)
{
    if (!push_option(L, index, key))
        return fallback;
    if (lua_type(L, -1) != LUA_TNUMBER)
        wrong_type(L, key, "number");
    lua_Number value = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return value;
}

const char *sdme_lua_check_text(lua_State *L, int index)
{
    size_t length;
    const char *text = luaL_checklstring(L, index, &length);

    luaL_argcheck(L, strlen(text) == length, index, "a NUL byte in the string");
    return text;
}

bool sdme_lua_option_boolean(lua_State *L, int index, const char *key, bool fallback)
{
    if (!push_option(L, index, key))
        return fallback;
    if (!lua_isboolean(L, -1))
        wrong_type(L, key, "boolean");
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

int sdme_lua_option_fd(lua_State *L, int index, const char *key, int fallback)
{
    if (!push_option(L, index, key))
        return fallback;
    int fd = sdme_lua_check_fd(L, -1);
    lua_pop(L, 1);
    return fd;
}

mode_t sdme_lua_check_mode(lua_State *L, int index)
{
    lua_Integer mode;
    char *end = NULL;

    if (lua_type(L, index) == LUA_TSTRING)
        mode = strtol(lua_tostring(L, index), &end, 8);
    else
        mode = luaL_checkinteger(L, index);
    if (mode < 0 || mode > 07777 || (end && (*end || end == lua_tostring(L, index))))
        luaL_error(L, "permissions from \"0\" to \"7777\" expected, got %s",
                   luaL_tolstring(L, index, NULL));
    return (mode_t) mode;
}

mode_t sdme_lua_option_mode(lua_State *L, int index, const char *key, mode_t fallback)
{
    if (!push_option(L, index, key))
        return fallback;
    if (!lua_isinteger(L, -1) && lua_type(L, -1) != LUA_TSTRING)
        wrong_type(L, key, "permissions");
    mode_t mode = sdme_lua_check_mode(L, -1);
    lua_pop(L, 1);
    return mode;
}

size_t sdme_lua_array_length(lua_State *L, int index, const char *what)
{
    lua_Unsigned count = lua_rawlen(L, index);

    if (count > ARRAY_MAX)
        luaL_error(L, "%s: too many values in the array", what);
    return (size_t) count;
}

char **sdme_lua_strings(lua_State *L, int index, const char *what)
{
    index = lua_absindex(L, index);
    if (!lua_istable(L, index))
        luaL_error(L, "%s: array of strings expected, got %s", what, luaL_typename(L, index));
    size_t count = sdme_lua_array_length(L, index, what);
    char **strings = lua_newuserdatauv(L, (count + 1) * sizeof *strings, 0);

    for (size_t i = 0; i < count; i++) {
        size_t length;

        if (lua_rawgeti(L, index, (lua_Integer) i + 1) != LUA_TSTRING)
            luaL_error(L, "%s[%d]: string expected, got %s", what, (int) i + 1,
                       luaL_typename(L, -1));
        strings[i] = (char *) (uintptr_t) lua_tolstring(L, -1, &length);
        if (strlen(strings[i]) != length)
            luaL_error(L, "%s[%d]: a NUL byte in the string", what, (int) i + 1);
        lua_pop(L, 1);
    }
    strings[count] = NULL;
    return strings;
}

static int descriptor_close(lua_State *L)
{
    int *fd = luaL_checkudata(L, 1, descriptor_class);

    *fd = sdme_close(*fd);
    return 0;
}

static int descriptor_fileno(lua_State *L)
{
    int *fd = luaL_checkudata(L, 1, descriptor_class);

    luaL_argcheck(L, *fd >= 0, 1, "the descriptor is closed");
    lua_pushinteger(L, *fd);
    return 1;
}

static const luaL_Reg descriptor_methods[] = {
    {"close", descriptor_close},
    {"fileno", descriptor_fileno},
    {NULL, NULL},
};

int *sdme_lua_push_descriptor(lua_State *L)
{
    int *fd = lua_newuserdatauv(L, sizeof *fd, 0);

    *fd = -1;
    sdme_lua_class(L, descriptor_class, descriptor_methods, descriptor_close);
    luaL_setmetatable(L, descriptor_class);
    return fd;
}

int sdme_lua_push_poll(lua_State *L, int fd, double timeout)
{
    if (fd < 0) {
        lua_pushnil(L);
        lua_pushnil(L);
    } else {
        lua_pushinteger(L, fd);
        lua_pushliteral(L, "r");
    }
    if (timeout < 0)
        return 2;
    lua_pushnumber(L, timeout);
    return 3;
}

static int to_fd(lua_State *L, int index)
{
    lua_Integer fd = luaL_checkinteger(L, index);

    if (fd < 0 || fd > INT32_MAX)
        luaL_error(L, "%I is no descriptor", fd);
    return (int) fd;
}

static int fd_by_method(lua_State *L, int index)
{
    lua_pushvalue(L, index);
    lua_call(L, 1, 1);
    int fd = to_fd(L, -1);
    lua_pop(L, 1);
    return fd;
}

int sdme_lua_check_fd(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (lua_isinteger(L, index))
        return to_fd(L, index);
    luaL_Stream *stream = luaL_testudata(L, index, LUA_FILEHANDLE);
    if (stream) {
        if (!stream->closef)
            luaL_error(L, "the file is closed");
        return fileno(stream->f);
    }
    if (lua_isuserdata(L, index) && luaL_getmetafield(L, index, "__index") == LUA_TTABLE) {
        if (lua_getfield(L, -1, "fileno") == LUA_TFUNCTION) {
            lua_remove(L, -2);
            return fd_by_method(L, index);
        }
        lua_pop(L, 2);
    }
    return luaL_error(L, "descriptor expected, got %s", luaL_typename(L, index));
}

void sdme_lua_set_interrupt(lua_State *L, struct sdme_interrupt *interrupt)
{
    lua_pushlightuserdata(L, interrupt);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &interrupt_key);
}

struct sdme_interrupt *sdme_lua_interrupt(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &interrupt_key);
    struct sdme_interrupt *interrupt = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return interrupt;
}

struct sdme_cancel *sdme_lua_cancel(lua_State *L)
{
    struct sdme_interrupt *interrupt = sdme_lua_interrupt(L);

    return interrupt ? &interrupt->cancel : NULL;
}

int sdme_lua_take_interrupt(lua_State *L)
{
    struct sdme_interrupt *interrupt = sdme_lua_interrupt(L);
    uint64_t count;

    if (!interrupt || !sdme_cancelled(&interrupt->cancel))
        return 0;
    atomic_store(&interrupt->cancel.requested, 0);
    if (read(interrupt->fd, &count, sizeof count) < 0 && errno != EAGAIN)
        return 0;
    return interrupt->signal;
}
