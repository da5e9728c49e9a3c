/* SPDX-License-Identifier: MIT */
#include "../runtime/job.h"
#include "../runtime/path.h"
#include "../runtime/write_out.h"

#include <fcntl.h>
#include <unistd.h>

#include "file.h"

static const char flush_class[] = "sdme.file.flush";

struct flush {
    struct sdme_job *job;
    int fd;
};

/* What the kernel has begun can't be cancelled. */
static int write_out(void *data, const struct sdme_cancel *cancel, struct sdme_error *error)
{
    const struct flush *flush = data;

    (void) cancel;
    return syncfs(flush->fd) < 0 ? sdme_fail(error, errno, "sync the filesystem") : 0;
}

/* pending:close(): waits until it has ended */
static int flush_close(lua_State *L)
{
    struct flush *flush = luaL_checkudata(L, 1, flush_class);

    sdme_job_close(flush->job);
    *flush = (struct flush){.fd = sdme_close(flush->fd)};
    return 0;
}

static int flush_poll(lua_State *L)
{
    struct flush *flush = luaL_checkudata(L, 1, flush_class);

    if (!flush->job)
        return 0;
    lua_pushinteger(L, sdme_job_fd(flush->job));
    lua_pushliteral(L, "r");
    return 2;
}

static int flush_step(lua_State *L)
{
    struct flush *flush = luaL_checkudata(L, 1, flush_class);
    struct sdme_error error = {0};

    luaL_argcheck(L, flush->job, 1, "it is closed");
    int code = sdme_job_step(flush->job, &error);
    lua_pushboolean(L, code != 0);
    if (code == 0)
        return 1;
    flush_close(L);
    if (code < 0)
        return 1 + sdme_lua_fail(L, &error);
    lua_pushboolean(L, true);
    return 2;
}

/* flush(path[, {root=}]) -> pending: true */
int sdme_lua_file_flush(lua_State *L)
{
    static const char *const known[] = {"root", NULL};
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, true);
    struct flush *flush = lua_newuserdatauv(L, sizeof *flush, 0);
    struct sdme_error error = {0};

    *flush = (struct flush){.fd = -1};
    luaL_setmetatable(L, flush_class);
    int code = sdme_path_open(at.root, at.path, O_RDONLY | O_DIRECTORY, 0, &flush->fd, &error);
    if (code >= 0)
        code = sdme_job_start(write_out, flush, &flush->job, &error);
    return code < 0 ? sdme_lua_fail(L, &error) : 1;
}

/* write_out(path, names, mark[, {root=}]) -> true */
int sdme_lua_file_write_out(lua_State *L)
{
    static const char *const known[] = {"root", NULL};
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 4, known, true);
    const char *mark = sdme_lua_check_text(L, 3);
    _cleanup_close_ int fd = -1;
    struct sdme_error error = {0};

    luaL_checktype(L, 2, LUA_TTABLE);
    char **names = sdme_lua_strings(L, 2, "names");
    int code = sdme_path_open(at.root, at.path, O_RDONLY | O_DIRECTORY, 0, &fd, &error);
    if (code >= 0)
        code = sdme_write_out(fd, (const char *const *) names, mark, &error);
    if (code < 0)
        return sdme_lua_fail(L, &error);
    lua_pushboolean(L, true);
    return 1;
}

void sdme_lua_file_flush_class(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"close", flush_close}, {"poll", flush_poll}, {"step", flush_step}, {NULL, NULL}};

    sdme_lua_class(L, flush_class, methods, flush_close);
}
