/* SPDX-License-Identifier: MIT */
#include "../runtime/archive_pack.h"

#include <fcntl.h>

#include "../runtime/job.h"
#include "archive.h"

static const char pack_class[] = "sdme.archive.pack";

enum {
    IDS = 65536, /* of a user namespace */
};

/* Its user value is the array of excluded paths. */
struct pack {
    struct sdme_archive_pack options;
    struct sdme_archive_progress progress;
    struct sdme_archive_packed packed;
    int root;
    int output;
    struct sdme_job *job;
};

static int work(void *data, const struct sdme_cancel *cancel, struct sdme_error *error)
{
    struct pack *pack = data;

    pack->options.output.cancel = cancel;
    return sdme_archive_pack(&pack->options, &pack->progress, &pack->packed, error);
}

static int pack_close(lua_State *L)
{
    struct pack *pack = luaL_checkudata(L, 1, pack_class);

    sdme_job_close(pack->job);
    pack->job = NULL;
    pack->root = sdme_close(pack->root);
    pack->output = sdme_close(pack->output);
    return 0;
}

static int pack_poll(lua_State *L)
{
    struct pack *pack = luaL_checkudata(L, 1, pack_class);

    if (!pack->job)
        return 0;
    lua_pushinteger(L, sdme_job_fd(pack->job));
    lua_pushliteral(L, "r");
    return 2;
}

static void set_digest(lua_State *L, const char *key, const char *hex)
{
    lua_pushfstring(L, "sha256:%s", hex);
    lua_setfield(L, -2, key);
}

static void set_integer(lua_State *L, const char *key, uint64_t value)
{
    lua_pushinteger(L, (lua_Integer) value);
    lua_setfield(L, -2, key);
}

static int pack_step(lua_State *L)
{
    struct pack *pack = luaL_checkudata(L, 1, pack_class);
    struct sdme_error error = {0};

    luaL_argcheck(L, pack->job, 1, "the pack is closed");
    int code = sdme_job_step(pack->job, &error);
    lua_pushboolean(L, code != 0);
    if (code == 0)
        return 1;
    pack_close(L);
    if (code < 0)
        return 1 + sdme_lua_fail(L, &error);
    lua_createtable(L, 0, 4);
    set_digest(L, "digest", pack->packed.written.digest);
    set_digest(L, "diff_id", pack->packed.written.diff_id);
    set_integer(L, "size", pack->packed.written.size);
    set_integer(L, "entries", pack->packed.entries);
    return 2;
}

/* pack:progress() -> bytes of the archive so far, before compression, and its entries */
static int pack_progress(lua_State *L)
{
    struct pack *pack = luaL_checkudata(L, 1, pack_class);

    lua_pushinteger(L, (lua_Integer) atomic_load(&pack->progress.size));
    lua_pushinteger(L, (lua_Integer) atomic_load(&pack->progress.entries));
    return 2;
}

static lua_Integer check_range(lua_State *L, const char *key, lua_Integer fallback, lua_Integer max)
{
    lua_Integer value = sdme_lua_option_integer(L, 1, key, fallback);

    if (value < 0 || value > max)
        luaL_error(L, "option '%s': %I is not in 0..%I", key, value, max);
    return value;
}

static int check_fd(lua_State *L, const char *key)
{
    int fd = sdme_lua_option_fd(L, 1, key, -1);

    if (fd < 0)
        luaL_error(L, "option '%s' is missing", key);
    return fd;
}

static struct sdme_archive_pack check_options(lua_State *L)
{
    static const char *const known[] = {"root",    "output", "compression",    "level",
                                        "threads", "shift",  "whiteouts",      "modified",
                                        "exclude", "sync",   "one_filesystem", NULL};
    sdme_lua_options(L, 1, known);
    lua_Integer base = check_range(L, "shift", 0, UINT32_MAX - IDS);
    struct sdme_archive_pack options = {
        .root_fd = check_fd(L, "root"),
        .output =
            {
                .fd = check_fd(L, "output"),
                .compression = sdme_lua_option_string(L, 1, "compression", "none"),
                .level = (int) check_range(L, "level", 0, 99),
                .threads = (unsigned int) check_range(L, "threads", 0, 64),
                .sync = sdme_lua_option_boolean(L, 1, "sync", false),
            },
        .shift = {.from = (uint32_t) base, .to = 0, .count = base ? IDS : 0},
        .whiteouts = sdme_lua_option_boolean(L, 1, "whiteouts", false),
        .clamps = lua_getfield(L, 1, "modified") != LUA_TNIL,
        .modified = sdme_lua_option_integer(L, 1, "modified", 0),
        .crosses_mounts = !sdme_lua_option_boolean(L, 1, "one_filesystem", true),
    };
    lua_pop(L, 1);
    return options;
}

static int duplicate(int fd, int *ret_fd, const char *what, struct sdme_error *error)
{
    *ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return *ret_fd < 0 ? sdme_fail(error, errno, "%s", what) : 0;
}

/*
 * pack{ root=, output=, compression="none", level=, threads=, shift=, whiteouts=false, modified=,
 * exclude={}, sync=false, one_filesystem=true } -> pending: { digest=, diff_id=, size=, entries= }
 */
static int archive_pack(lua_State *L)
{
    struct sdme_error error = {0};

    lua_settop(L, 1);
    struct sdme_archive_pack options = check_options(L);
    struct pack *pack = lua_newuserdatauv(L, sizeof *pack, 3);
    *pack = (struct pack){.options = options, .root = -1, .output = -1};
    luaL_setmetatable(L, pack_class);
    lua_getfield(L, 1, "compression"); /* the thread uses the string */
    lua_setiuservalue(L, 2, 1);
    if (lua_getfield(L, 1, "exclude") != LUA_TNIL) {
        pack->options.exclude = (const char *const *) sdme_lua_strings(L, -1, "option 'exclude'");
        lua_setiuservalue(L, 2, 2);
        lua_setiuservalue(L, 2, 3);
    }
    lua_settop(L, 2);
    if (duplicate(options.root_fd, &pack->root, "root", &error) < 0 ||
        duplicate(options.output.fd, &pack->output, "output", &error) < 0)
        return sdme_lua_fail(L, &error);
    pack->options.root_fd = pack->root;
    pack->options.output.fd = pack->output;
    if (sdme_job_start(work, pack, &pack->job, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

static const luaL_Reg pack_methods[] = {
    {"close", pack_close}, {"poll", pack_poll}, {"progress", pack_progress},
    {"step", pack_step},   {NULL, NULL},
};

const luaL_Reg sdme_lua_archive_pack_functions[] = {
    {"pack", archive_pack},
    {NULL, NULL},
};

void sdme_lua_archive_pack_class(lua_State *L)
{
    sdme_lua_class(L, pack_class, pack_methods, pack_close);
}
