/* SPDX-License-Identifier: MIT */
#include "../runtime/tree.h"

#include "../runtime/attribute.h"
#include "../runtime/path.h"
#include "../runtime/tree_compare.h"
#include "file.h"
#include "tree.h"

static const char set_class[] = "sdme.tree.paths";
static const char changes_class[] = "sdme.tree.changes";

void sdme_lua_push_tree_size(lua_State *L, const struct sdme_tree_size *size)
{
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, (lua_Integer) size->size);
    lua_setfield(L, -2, "size");
    lua_pushinteger(L, (lua_Integer) size->files);
    lua_setfield(L, -2, "files");
    lua_pushinteger(L, (lua_Integer) size->directories);
    lua_setfield(L, -2, "directories");
}

static uint32_t check_range(lua_State *L, int index, const char *key, lua_Integer fallback)
{
    lua_Integer value = sdme_lua_option_integer(L, index, key, fallback);

    if (value < 0 || value > UINT32_MAX)
        luaL_error(L, "option '%s': %I is no user or group number", key, value);
    return (uint32_t) value;
}

/* { from=0, to=, count=65536 } */
static struct sdme_shift check_shift(lua_State *L, int index)
{
    return (struct sdme_shift){
        .from = check_range(L, index, "from", 0),
        .to = check_range(L, index, "to", 0),
        .count = check_range(L, index, "count", 65536),
    };
}

unsigned int sdme_lua_option_threads(lua_State *L, int index)
{
    lua_Integer threads = sdme_lua_option_integer(L, index, "threads", 0);

    if (threads < 0 || threads > 64)
        luaL_error(L, "option 'threads': %I is not in 0..64", threads);
    return (unsigned int) threads;
}

struct sdme_shift sdme_lua_option_shift(lua_State *L, int index)
{
    static const char *const known[] = {"from", "to", "count", NULL};
    struct sdme_shift shift = {0};

    if (lua_getfield(L, index, "shift") != LUA_TNIL) {
        sdme_lua_options(L, -1, known);
        shift = check_shift(L, lua_gettop(L));
    }
    lua_pop(L, 1);
    return shift;
}

static int set_close(lua_State *L)
{
    struct sdme_path_set **set = luaL_checkudata(L, 1, set_class);

    sdme_path_set_free(*set);
    *set = NULL;
    return 0;
}

struct sdme_path_set **sdme_lua_push_path_set(lua_State *L)
{
    struct sdme_path_set **set = lua_newuserdatauv(L, sizeof *set, 0);

    *set = NULL;
    luaL_setmetatable(L, set_class);
    return set;
}

int sdme_lua_add_paths(lua_State *L, int index, const char *key, unsigned int mark,
                       struct sdme_path_set **set, struct sdme_error *error)
{
    int code = 0;

    if (lua_getfield(L, index, key) == LUA_TNIL)
        return 0;
    char **paths = sdme_lua_strings(L, -1, key);
    if (!*set)
        code = sdme_path_set_new(set, error);
    for (; code >= 0 && *paths; paths++)
        code = sdme_path_set_add(*set, *paths, mark, error);
    return code;
}

/* remove(path[, {root=}]) -> true: the path and all below it */
static int tree_remove(lua_State *L)
{
    static const char *const known[] = {"root", NULL};
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, false);
    struct sdme_error error = {0};

    int code = sdme_tree_remove(at.root, at.path, sdme_lua_cancel(L), &error);
    return sdme_lua_done(L, code, &error);
}

/* measure(path[, {root=}]) -> { size=, allocated=, files=, directories= } of a directory */
static int tree_measure(lua_State *L)
{
    static const char *const known[] = {"root", NULL};
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, true);
    struct sdme_tree_size size;
    struct sdme_error error = {0};

    if (sdme_tree_measure(at.root, at.path, sdme_lua_cancel(L), &size, &error) < 0)
        return sdme_lua_fail(L, &error);
    sdme_lua_push_tree_size(L, &size);
    lua_pushinteger(L, (lua_Integer) size.allocated);
    lua_setfield(L, -2, "allocated");
    return 1;
}

/* clamp(path, latest[, {root=}]) -> how many files were newer than these seconds, and aren't now */
static int tree_clamp(lua_State *L)
{
    static const char *const known[] = {"root", NULL};
    lua_Integer latest = luaL_checkinteger(L, 2);
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 3, known, true);
    struct sdme_error error = {0};
    uint64_t changed;

    if (sdme_tree_clamp(at.root, at.path, latest, sdme_lua_cancel(L), &changed, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_pushinteger(L, (lua_Integer) changed);
    return 1;
}

/* shift(path, {from=0, to=, count=65536, threads=, root=}) -> how many files were changed */
static int tree_shift(lua_State *L)
{
    static const char *const known[] = {"from", "to", "count", "threads", "root", NULL};
    struct sdme_error error = {0};
    uint64_t changed;

    luaL_checktype(L, 2, LUA_TTABLE);
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, true);
    struct sdme_shift_tree options = {
        .shift = check_shift(L, 2),
        .threads = sdme_lua_option_threads(L, 2),
        .cancel = sdme_lua_cancel(L),
    };
    if (sdme_shift_tree(at.root, at.path, &options, &changed, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_pushinteger(L, (lua_Integer) changed);
    return 1;
}

static int changes_close(lua_State *L)
{
    sdme_tree_changes_free(luaL_checkudata(L, 1, changes_class));
    return 0;
}

static void set_size(lua_State *L, const char *key, uint64_t size)
{
    lua_pushinteger(L, (lua_Integer) size);
    lua_setfield(L, -2, key);
}

static void set_what(lua_State *L, int differs)
{
    static const struct {
        int bit;
        const char *name;
    } names[] = {
        {SDME_DIFFERS_TYPE, "type"},     {SDME_DIFFERS_CONTENT, "content"},
        {SDME_DIFFERS_MODE, "mode"},     {SDME_DIFFERS_OWNER, "owner"},
        {SDME_DIFFERS_TIME, "time"},     {SDME_DIFFERS_ATTRIBUTES, "attributes"},
        {SDME_DIFFERS_TARGET, "target"},
    };

    lua_newtable(L);
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        if (!(differs & names[i].bit))
            continue;
        lua_pushboolean(L, true);
        lua_setfield(L, -2, names[i].name);
    }
    lua_setfield(L, -2, "what");
}

static void push_change(lua_State *L, const struct sdme_tree_change *change)
{
    lua_createtable(L, 0, 6);
    lua_pushstring(L, change->path);
    lua_setfield(L, -2, "path");
    lua_pushlstring(L, &change->change, 1);
    lua_setfield(L, -2, "change");
    lua_pushstring(L, sdme_file_type(change->mode));
    lua_setfield(L, -2, "type");
    if (change->from) {
        lua_pushstring(L, change->from);
        lua_setfield(L, -2, "from");
    }
    if (change->change == 'M')
        set_what(L, change->differs);
    if (!S_ISREG(change->mode))
        return;
    if (change->change != 'D')
        set_size(L, "size", change->size);
    if (change->change != 'A')
        set_size(L, "lower_size", change->lower_size);
}

/*
 * compare{ lower=, upper=, shift=, paths=, hidden=, threads= } -> { { path=, change="A"|"M"|"D",
 * type=, what={content=, mode=, owner=, time=, attributes=, target=, type=}, size=, lower_size=,
 * from= }, ... }
 */
static int tree_compare(lua_State *L)
{
    static const char *const known[] = {"lower",  "upper",   "shift", "paths",
                                        "hidden", "threads", NULL};
    struct sdme_error error = {0};

    lua_settop(L, 1);
    sdme_lua_options(L, 1, known);
    struct sdme_tree_compare compare = {
        .lower_fd = sdme_lua_option_fd(L, 1, "lower", -1),
        .upper_fd = sdme_lua_option_fd(L, 1, "upper", -1),
        .shift = sdme_lua_option_shift(L, 1),
        .threads = sdme_lua_option_threads(L, 1),
        .cancel = sdme_lua_cancel(L),
    };
    luaL_argcheck(L, compare.lower_fd >= 0 && compare.upper_fd >= 0, 1, "no lower or no upper");
    struct sdme_path_set **set = sdme_lua_push_path_set(L);
    compare.all = lua_getfield(L, 1, "paths") == LUA_TNIL;
    if (sdme_lua_add_paths(L, 1, "paths", SDME_COMPARE_WANTED, set, &error) < 0 ||
        sdme_lua_add_paths(L, 1, "hidden", SDME_COMPARE_HIDDEN, set, &error) < 0)
        return sdme_lua_fail(L, &error);
    compare.paths = *set;
    struct sdme_tree_changes *changes = lua_newuserdatauv(L, sizeof *changes, 0);
    *changes = (struct sdme_tree_changes){0};
    luaL_setmetatable(L, changes_class);
    if (sdme_tree_compare(&compare, changes, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_createtable(L, (int) changes->count, 0);
    for (size_t i = 0; i < changes->count; i++) {
        push_change(L, &changes->list[i]);
        lua_rawseti(L, -2, (lua_Integer) i + 1);
    }
    sdme_tree_changes_free(changes);
    return 1;
}

static const luaL_Reg no_methods[] = {{NULL, NULL}};

static const luaL_Reg tree_functions[] = {
    {"clamp", tree_clamp},
    {"compare", tree_compare},
    {"digest", sdme_lua_tree_digest},
    {"copy", sdme_lua_tree_copy},
    {"measure", tree_measure},
    {"remove", tree_remove},
    {"shift", tree_shift},
    {NULL, NULL},
};

int sdme_lua_open_tree(lua_State *L)
{
    sdme_lua_class(L, set_class, no_methods, set_close);
    sdme_lua_tree_digest_class(L);
    sdme_lua_class(L, changes_class, no_methods, changes_close);
    luaL_newlib(L, tree_functions);
    return 1;
}
