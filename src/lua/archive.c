/* SPDX-License-Identifier: MIT */
#include "../runtime/archive_unpack.h"

#include "../runtime/path.h"
#include "archive.h"

#include <fcntl.h>
#include <string.h>

static const char unpack_class[] = "sdme.archive.unpack";

/* A limit, of which a negative one is misuse. */
static uint64_t option_limit(lua_State *L, int index, const char *key, uint64_t standard,
                             uint64_t max)
{
    lua_Integer value = sdme_lua_option_integer(L, index, key, (lua_Integer) standard);

    if (value < 0 || (uint64_t) value > max)
        luaL_error(L, "option '%s': %I is not in 0..%I", key, value, (lua_Integer) max);
    return (uint64_t) value;
}

static struct sdme_archive_limits option_limits(lua_State *L, int index)
{
    static const char *const known[] = {"size", "entries", "ratio", "window",
                                        "path", "depth",   NULL};
    struct sdme_archive_limits limits = sdme_archive_limits_standard;

    if (lua_getfield(L, index, "limits") != LUA_TNIL) {
        sdme_lua_options(L, -1, known);
        limits.size = option_limit(L, -1, "size", limits.size, INT64_MAX);
        limits.entries = option_limit(L, -1, "entries", limits.entries, INT64_MAX);
        limits.ratio = option_limit(L, -1, "ratio", limits.ratio, INT64_MAX);
        limits.window = option_limit(L, -1, "window", limits.window, INT64_MAX);
        limits.path = (size_t) option_limit(L, -1, "path", limits.path, PATH_MAX - 1);
        limits.depth = (size_t) option_limit(L, -1, "depth", limits.depth, PATH_MAX);
    }
    lua_pop(L, 1);
    return limits;
}

/* A directory by its path or as a descriptor; what is opened for it is in @opened then. */
static int open_directory(lua_State *L, int *opened, int *ret_fd, struct sdme_error *error)
{
    if (lua_getfield(L, 1, "directory") != LUA_TSTRING) {
        *ret_fd = sdme_lua_check_fd(L, -1);
        return 0;
    }
    int code = sdme_path_open(SDME_NO_ROOT, sdme_lua_check_text(L, -1), O_RDONLY | O_DIRECTORY, 0,
                              opened, error);
    *ret_fd = *opened;
    return code;
}

/*
 * unpack{ input=, directory=, whiteouts=false, unmarked_end=false, undigested=false, compression=,
 * threads=, limits={size=, entries=, ratio=, window=, path=, depth=} } -> pending: { digest=,
 * diff_id=, compression=, consumed=, size=, entries=, whiteouts=, implied={path, ...} }
 */
static int archive_unpack(lua_State *L)
{
    static const char *const known[] = {"input",   "directory", "whiteouts",    "compression",
                                        "threads", "limits",    "unmarked_end", "undigested",
                                        NULL};
    struct sdme_error error = {0};

    lua_settop(L, 1);
    sdme_lua_options(L, 1, known);
    lua_getfield(L, 1, "input");
    struct sdme_unpack_options options = {
        .input = sdme_lua_check_fd(L, -1),
        .compression = sdme_lua_option_string(L, 1, "compression", NULL),
        .whiteouts = sdme_lua_option_boolean(L, 1, "whiteouts", false),
        .unmarked_end = sdme_lua_option_boolean(L, 1, "unmarked_end", false),
        .undigested = sdme_lua_option_boolean(L, 1, "undigested", false),
        .threads = (unsigned int) option_limit(L, 1, "threads", 0, 3),
        .limits = option_limits(L, 1),
    };
    struct sdme_unpack **unpack = lua_newuserdatauv(L, sizeof *unpack, 0);
    *unpack = NULL;
    luaL_setmetatable(L, unpack_class);
    int *opened = sdme_lua_push_descriptor(L);
    int code = open_directory(L, opened, &options.directory, &error);
    if (code >= 0)
        code = sdme_unpack_start(&options, unpack, &error);
    *opened = sdme_close(*opened);
    if (code < 0)
        return sdme_lua_fail(L, &error);
    lua_settop(L, 3);
    return 1;
}

static struct sdme_unpack *check_unpack(lua_State *L)
{
    struct sdme_unpack **unpack = luaL_checkudata(L, 1, unpack_class);

    luaL_argcheck(L, *unpack, 1, "it is closed");
    return *unpack;
}

/* unpack:close(): what was unpacked stays */
static int unpack_close(lua_State *L)
{
    struct sdme_unpack **unpack = luaL_checkudata(L, 1, unpack_class);

    sdme_unpack_free(*unpack);
    *unpack = NULL;
    return 0;
}

static int unpack_poll(lua_State *L)
{
    struct sdme_unpack **unpack = luaL_checkudata(L, 1, unpack_class);

    if (!*unpack || sdme_unpack_descriptor(*unpack) < 0)
        return 0;
    lua_pushinteger(L, sdme_unpack_descriptor(*unpack));
    lua_pushliteral(L, "r");
    return 2;
}

static void set_digest(lua_State *L, const char *key, const char *hex)
{
    lua_pushfstring(L, "sha256:%s", hex);
    lua_setfield(L, -2, key);
}

static void set_count(lua_State *L, const char *key, uint64_t count)
{
    lua_pushinteger(L, (lua_Integer) count);
    lua_setfield(L, -2, key);
}

static void push_result(lua_State *L, const struct sdme_unpack_result *result)
{
    lua_createtable(L, 0, 8);
    if (result->digest[0])
        set_digest(L, "digest", result->digest);
    set_digest(L, "diff_id", result->diff_id);
    lua_pushstring(L, result->compression);
    lua_setfield(L, -2, "compression");
    set_count(L, "consumed", result->consumed);
    set_count(L, "size", result->size);
    set_count(L, "entries", result->entries);
    lua_pushboolean(L, result->whiteouts);
    lua_setfield(L, -2, "whiteouts");
    lua_newtable(L);
    for (size_t at = 0; at < result->implied_size; at += strlen(result->implied + at) + 1) {
        lua_pushstring(L, result->implied + at);
        lua_rawseti(L, -2, (lua_Integer) lua_rawlen(L, -2) + 1);
    }
    lua_setfield(L, -2, "implied");
}

static int unpack_step(lua_State *L)
{
    struct sdme_unpack *unpack = check_unpack(L);
    struct sdme_unpack_result result;
    struct sdme_error error = {0};

    int code = sdme_unpack_step(unpack, &result, &error);
    lua_pushboolean(L, code != 0);
    if (code == 0)
        return 1;
    if (code < 0)
        return 1 + sdme_lua_fail(L, &error);
    push_result(L, &result);
    return 2;
}

/* unpack:progress() -> bytes read, entries begun */
static int unpack_progress(lua_State *L)
{
    uint64_t consumed, entries;

    sdme_unpack_progress(check_unpack(L), &consumed, &entries);
    lua_pushinteger(L, (lua_Integer) consumed);
    lua_pushinteger(L, (lua_Integer) entries);
    return 2;
}

static const luaL_Reg unpack_methods[] = {
    {"close", unpack_close}, {"poll", unpack_poll}, {"progress", unpack_progress},
    {"step", unpack_step},   {NULL, NULL},
};

static const luaL_Reg archive_functions[] = {
    {"unpack", archive_unpack},
    {NULL, NULL},
};

int sdme_lua_open_archive(lua_State *L)
{
    sdme_lua_class(L, unpack_class, unpack_methods, unpack_close);
    sdme_lua_archive_pack_class(L);
    luaL_newlib(L, archive_functions);
    luaL_setfuncs(L, sdme_lua_archive_pack_functions, 0);
    return 1;
}
