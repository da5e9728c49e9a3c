/* SPDX-License-Identifier: MIT */
#include "../runtime/mount.h"

#include <fcntl.h>

#include "binding.h"

/* clone(path[, {recursive=, map_owners = userns, read_only=, inert=}]) -> descriptor */
static int mount_clone(lua_State *L)
{
    static const char *const options[] = {"recursive", "map_owners", "read_only", "inert", NULL};
    const char *path = sdme_lua_check_text(L, 1);
    struct sdme_error error = {0};

    lua_settop(L, 2);
    if (lua_isnil(L, 2)) {
        lua_newtable(L);
        lua_replace(L, 2);
    }
    sdme_lua_options(L, 2, options);
    bool recursive = sdme_lua_option_boolean(L, 2, "recursive", false);
    bool inert = sdme_lua_option_boolean(L, 2, "inert", false);
    bool read_only = sdme_lua_option_boolean(L, 2, "read_only", inert);
    int userns = sdme_lua_option_fd(L, 2, "map_owners", -1);
    int *fd = sdme_lua_push_descriptor(L);
    int code = sdme_mount_clone(path, recursive, fd, &error);

    if (code == 0 && userns >= 0)
        code = sdme_mount_map_owners(*fd, userns, path, &error);
    if (code == 0 && read_only)
        code = sdme_mount_restrict(*fd, inert, &error);
    return code < 0 ? sdme_lua_fail(L, &error) : 1;
}

static const char *check_option_name(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TSTRING)
        luaL_error(L, "mount options are named, but there is one at [%s]",
                   luaL_tolstring(L, index, NULL));
    return sdme_lua_check_text(L, index);
}

/* `options`: { key = "value" or true }, as an array that it pushes; its strings are the table's. */
static const struct sdme_mount_option *option_options(lua_State *L, int index)
{
    struct sdme_mount_option *list;
    size_t count = 0;

    if (lua_getfield(L, index, "options") == LUA_TNIL) {
        lua_newtable(L);
        lua_replace(L, -2);
    }
    luaL_checktype(L, -1, LUA_TTABLE);
    int table = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        count++;
    list = lua_newuserdatauv(L, (count + 1) * sizeof *list, 0);
    list[count].key = NULL;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        struct sdme_mount_option *option = &list[--count];

        option->key = check_option_name(L, -2);
        if (lua_type(L, -1) != LUA_TSTRING && !(lua_isboolean(L, -1) && lua_toboolean(L, -1)))
            luaL_error(L, "mount option '%s': string or true expected, got %s", option->key,
                       luaL_typename(L, -1));
        option->value = lua_isboolean(L, -1) ? NULL : sdme_lua_check_text(L, -1);
        lua_pop(L, 1);
    }
    return list;
}

/* filesystem{ type=, source=, options={}, read_only=true, inert=true } -> descriptor */
static int mount_filesystem(lua_State *L)
{
    static const char *const known[] = {"type", "source", "options", "read_only", "inert", NULL};
    struct sdme_error error = {0};

    lua_settop(L, 1);
    sdme_lua_options(L, 1, known);
    struct sdme_mount_filesystem filesystem = {
        .type = sdme_lua_option_string(L, 1, "type", NULL),
        .source = sdme_lua_option_string(L, 1, "source", NULL),
        .read_only = sdme_lua_option_boolean(L, 1, "read_only", true),
        .inert = sdme_lua_option_boolean(L, 1, "inert", true),
        .options = option_options(L, 1),
    };
    luaL_argcheck(L, filesystem.type && filesystem.source, 1, "no type or no source");
    int *fd = sdme_lua_push_descriptor(L);
    if (sdme_mount_filesystem(&filesystem, fd, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

/* attach(mount, target): target is a path, or a descriptor that was opened with care */
static int mount_attach(lua_State *L)
{
    int mount = sdme_lua_check_fd(L, 1);
    struct sdme_error error = {0};

    if (lua_type(L, 2) != LUA_TSTRING)
        return sdme_lua_done(L, sdme_mount_attach(mount, sdme_lua_check_fd(L, 2), "it", &error),
                             &error);
    const char *path = sdme_lua_check_text(L, 2);
    _cleanup_close_ int target = open(path, O_PATH | O_CLOEXEC);
    int code = target < 0 ? sdme_fail(&error, errno, "mount on %s", path)
                          : sdme_mount_attach(mount, target, path, &error);
    return sdme_lua_done(L, code, &error);
}

/* unshare(): a mount namespace of our own, for a process that is about to become another */
static int mount_unshare(lua_State *L)
{
    struct sdme_error error = {0};
    int code = sdme_mount_unshare(&error);

    return sdme_lua_done(L, code, &error);
}

static void set_string(lua_State *L, const char *key, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, key);
}

/* Runs protected below sdme_mount_list(), which a longjmp would leave half-way. */
static int push_mount(lua_State *L)
{
    const struct sdme_mount *mount = lua_touserdata(L, 2);

    lua_createtable(L, 0, 6);
    lua_pushinteger(L, mount->id);
    lua_setfield(L, -2, "id");
    lua_pushinteger(L, mount->parent);
    lua_setfield(L, -2, "parent");
    set_string(L, "root", mount->root);
    set_string(L, "target", mount->target);
    set_string(L, "options", mount->options);
    set_string(L, "type", mount->type);
    set_string(L, "source", mount->source);
    lua_rawseti(L, 1, luaL_len(L, 1) + 1);
    return 0;
}

static int add_mount(const struct sdme_mount *mount, void *context)
{
    lua_State *L = context;

    lua_pushcfunction(L, push_mount);
    lua_pushvalue(L, 1);
    lua_pushlightuserdata(L, (void *) (uintptr_t) mount);
    return lua_pcall(L, 2, 0, 0) == LUA_OK ? 0 : -ENOMEM;
}

/* list() -> { {id=, parent=, root=, target=, options=, type=, source=}, ... } */
static int mount_list(lua_State *L)
{
    struct sdme_error error = {0};

    lua_settop(L, 0);
    lua_newtable(L);
    int code = sdme_mount_list(add_mount, L, &error);
    if (code == -ENOMEM && !error.code)
        return lua_error(L);
    return code < 0 ? sdme_lua_fail(L, &error) : 1;
}

static const luaL_Reg mount_functions[] = {
    {"attach", mount_attach}, {"clone", mount_clone}, {"filesystem", mount_filesystem},
    {"list", mount_list},     {"unshare", mount_unshare}, {NULL, NULL},
};

int sdme_lua_open_mount(lua_State *L)
{
    luaL_newlib(L, mount_functions);
    return 1;
}
