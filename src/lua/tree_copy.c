/* SPDX-License-Identifier: MIT */
#include "../runtime/tree_digest.h"

#include "../runtime/path.h"
#include "file.h"
#include "tree.h"

static const char digest_class[] = "sdme.tree.digest";

static int digest_close(lua_State *L)
{
    struct sdme_tree_digest **digest = luaL_checkudata(L, 1, digest_class);

    sdme_tree_digest_free(*digest);
    *digest = NULL;
    return 0;
}

/* `shift`, `overlay`, `uid` and `gid`, `mode`, `time`: what becomes of metadata. */
static struct sdme_tree_metadata check_metadata(lua_State *L, int options)
{
    lua_Integer uid = sdme_lua_option_integer(L, options, "uid", -1);
    lua_Integer gid = sdme_lua_option_integer(L, options, "gid", -1);
    struct sdme_tree_metadata metadata = {
        .shift = sdme_lua_option_shift(L, options),
        .overlay = sdme_lua_option_boolean(L, options, "overlay", false),
        .sets_owner = uid >= 0 || gid >= 0,
        .uid = sdme_lua_check_id(L, uid, "uid"),
        .gid = sdme_lua_check_id(L, gid, "gid"),
        .mode = sdme_lua_option_mode(L, options, "mode", 0),
        .time.tv_sec = (time_t) sdme_lua_option_integer(L, options, "time", 0),
    };

    if ((uid < 0) != (gid < 0))
        luaL_error(L, "options 'uid' and 'gid' go together");
    metadata.sets_mode = lua_getfield(L, options, "mode") != LUA_TNIL;
    metadata.sets_time = lua_getfield(L, options, "time") != LUA_TNIL;
    lua_pop(L, 2);
    return metadata;
}

/* What is left out. Leaves the set, and what its paths come from, on the stack. */
static int check_excluded(lua_State *L, int options, const struct sdme_path_set **ret_set,
                          struct sdme_error *error)
{
    struct sdme_path_set **set = sdme_lua_push_path_set(L);
    int code = sdme_lua_add_paths(L, options, "exclude", SDME_TREE_EXCLUDE, set, error);

    if (code >= 0)
        code = sdme_lua_add_paths(L, options, "exclude_content", SDME_TREE_EXCLUDE_CONTENT, set,
                                  error);
    *ret_set = *set;
    return code;
}

/* Makes an options table of what is missing at @index, the last one. */
static void need_options(lua_State *L, int index, const char *const *known)
{
    lua_settop(L, index);
    if (lua_isnil(L, index)) {
        lua_newtable(L);
        lua_replace(L, index);
    }
    sdme_lua_options(L, index, known);
}

static void push_result(lua_State *L, const struct sdme_tree_size *size, const char *digest)
{
    sdme_lua_push_tree_size(L, size);
    if (!*digest)
        return;
    lua_pushstring(L, digest);
    lua_setfield(L, -2, "digest");
}

/*
 * copy(source, target[, {source_root=, target_root=, shift={from=0, to=, count=65536},
 * overlay=false, uid=, gid=, mode=, time=, one_filesystem=true, exclude=, exclude_content=,
 * into=false, merge=false, digest=false, threads=}]) -> { size=, files=, directories=, digest= }
 */
int sdme_lua_tree_copy(lua_State *L)
{
    static const char *const known[] = {
        "source_root",    "target_root", "shift",           "overlay", "uid",   "gid",    "mode",
        "time",           "exclude",     "exclude_content", "into",    "merge", "digest", "threads",
        "one_filesystem", NULL};
    const char *source = sdme_lua_check_text(L, 1);
    const char *target = sdme_lua_check_text(L, 2);
    char hex[SDME_DIGEST_HEX] = "";
    struct sdme_error error = {0};
    struct sdme_tree_size size;

    need_options(L, 3, known);
    int source_root = sdme_lua_option_fd(L, 3, "source_root", SDME_NO_ROOT);
    int target_root = sdme_lua_option_fd(L, 3, "target_root", SDME_NO_ROOT);
    struct sdme_tree_copy options = {
        .metadata = check_metadata(L, 3),
        .crosses_mounts = !sdme_lua_option_boolean(L, 3, "one_filesystem", true),
        .into = sdme_lua_option_boolean(L, 3, "into", false),
        .merge = sdme_lua_option_boolean(L, 3, "merge", false),
        .threads = sdme_lua_option_threads(L, 3),
        .cancel = sdme_lua_cancel(L),
    };
    bool wants_digest = sdme_lua_option_boolean(L, 3, "digest", false);
    if (check_excluded(L, 3, &options.exclude, &error) < 0)
        return sdme_lua_fail(L, &error);
    struct sdme_tree_digest **digest = lua_newuserdatauv(L, sizeof *digest, 0);
    *digest = NULL;
    luaL_setmetatable(L, digest_class);
    int code = 0;
    if (wants_digest)
        code = sdme_tree_digest_new(&options.metadata, options.cancel, digest, &error);
    options.digest = *digest;
    if (code >= 0)
        code = sdme_tree_copy(source_root, source, target_root, target, &options, &size, &error);
    if (code >= 0 && wants_digest)
        code = sdme_tree_digest_value(*digest, hex, &error);
    sdme_tree_digest_free(*digest);
    *digest = NULL;
    if (code < 0)
        return sdme_lua_fail(L, &error);
    push_result(L, &size, hex);
    return 1;
}

/*
 * digest(source[, {root=, shift=, uid=, gid=, mode=, one_filesystem=true, exclude=,
 * exclude_content=, threads=}]) -> { size=, files=, directories=, digest= }: what a copy with these
 * options would be, whose owner doesn't count if it is given one
 */
int sdme_lua_tree_digest(lua_State *L)
{
    static const char *const known[] = {
        "root",           "shift",   "uid", "gid", "mode", "exclude", "exclude_content",
        "one_filesystem", "threads", NULL};
    const char *source = sdme_lua_check_text(L, 1);
    char hex[SDME_DIGEST_HEX];
    struct sdme_error error = {0};
    struct sdme_tree_size size;

    need_options(L, 2, known);
    int root = sdme_lua_option_fd(L, 2, "root", SDME_NO_ROOT);
    struct sdme_tree_copy options = {
        .metadata = check_metadata(L, 2),
        .crosses_mounts = !sdme_lua_option_boolean(L, 2, "one_filesystem", true),
        .threads = sdme_lua_option_threads(L, 2),
        .cancel = sdme_lua_cancel(L),
    };
    if (check_excluded(L, 2, &options.exclude, &error) < 0 ||
        sdme_tree_digest(root, source, &options, hex, &size, &error) < 0)
        return sdme_lua_fail(L, &error);
    push_result(L, &size, hex);
    return 1;
}

void sdme_lua_tree_digest_class(lua_State *L)
{
    static const luaL_Reg no_methods[] = {{NULL, NULL}};

    sdme_lua_class(L, digest_class, no_methods, digest_close);
}
