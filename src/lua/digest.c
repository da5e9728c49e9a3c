/* SPDX-License-Identifier: MIT */
#include "../runtime/digest.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../runtime/job.h"
#include "../runtime/path.h"
#include "file.h"

static const char digest_class[] = "sdme.digest";
static const char file_class[] = "sdme.digest.file";

enum {
    RANDOM_MAX = 1024 * 1024,
};

/* A digest that holds nothing yet, for the runtime to fill. */
static struct sdme_digest **push_digest(lua_State *L)
{
    struct sdme_digest **digest = lua_newuserdatauv(L, sizeof *digest, 0);

    *digest = NULL;
    luaL_setmetatable(L, digest_class);
    return digest;
}

static struct sdme_digest *check_digest(lua_State *L, int index)
{
    struct sdme_digest **digest = luaL_checkudata(L, index, digest_class);

    luaL_argcheck(L, *digest, index, "the digest is closed");
    return *digest;
}

/* digest:close() */
static int digest_close(lua_State *L)
{
    struct sdme_digest **digest = luaL_checkudata(L, 1, digest_class);

    sdme_digest_free(*digest);
    *digest = NULL;
    return 0;
}

/* new("sha256" | "sha512") -> digest */
static int digest_new(lua_State *L)
{
    const char *algorithm = luaL_checkstring(L, 1);
    struct sdme_error error = {0};

    if (sdme_digest_new(algorithm, push_digest(L), &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

/* digest:update(string) -> digest */
static int digest_update(lua_State *L)
{
    struct sdme_digest *digest = check_digest(L, 1);
    size_t size;
    const char *data = luaL_checklstring(L, 2, &size);
    struct sdme_error error = {0};

    if (sdme_digest_update(digest, data, size, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_settop(L, 1);
    return 1;
}

static int push_value(lua_State *L, struct sdme_digest *digest, bool hex)
{
    unsigned char value[SDME_DIGEST_MAX];
    char text[SDME_DIGEST_HEX];
    struct sdme_error error = {0};
    size_t size;

    if (sdme_digest_value(digest, value, &size, &error) < 0)
        return sdme_lua_fail(L, &error);
    sdme_digest_hex(value, size, text);
    lua_pushlstring(L, hex ? text : (const char *) value, hex ? 2 * size : size);
    return 1;
}

/* digest:hex() -> the digest of all data so far, in lower case; more may follow */
static int digest_hex(lua_State *L)
{
    return push_value(L, check_digest(L, 1), true);
}

/* digest:bytes() -> the same, as it is */
static int digest_bytes(lua_State *L)
{
    return push_value(L, check_digest(L, 1), false);
}

/* A file that is read in the background. */
struct file_digest {
    struct sdme_digest *digest;
    struct sdme_job *job;
    int fd;
    uint64_t size;
    char *path; /* for messages */
};

static int read_file(void *data, const struct sdme_cancel *cancel, struct sdme_error *error)
{
    struct file_digest *file = data;

    return sdme_digest_update_file(file->digest, file->fd, file->path, cancel, &file->size, error);
}

/* pending:close(): ends it if it goes on */
static int file_close(lua_State *L)
{
    struct file_digest *file = luaL_checkudata(L, 1, file_class);

    sdme_job_close(file->job);
    sdme_digest_free(file->digest);
    free(file->path);
    *file = (struct file_digest){.fd = sdme_close(file->fd)};
    return 0;
}

static int file_poll(lua_State *L)
{
    struct file_digest *file = luaL_checkudata(L, 1, file_class);

    if (!file->job)
        return 0;
    lua_pushinteger(L, sdme_job_fd(file->job));
    lua_pushliteral(L, "r");
    return 2;
}

static int file_step(lua_State *L)
{
    struct file_digest *file = luaL_checkudata(L, 1, file_class);
    struct sdme_error error = {0};

    luaL_argcheck(L, file->job, 1, "the digest is closed");
    int code = sdme_job_step(file->job, &error);
    lua_pushboolean(L, code != 0);
    if (code == 0)
        return 1;
    int count = code < 0 ? sdme_lua_fail(L, &error) : push_value(L, file->digest, true);
    if (count == 1)
        lua_pushinteger(L, (lua_Integer) file->size);
    file_close(L);
    return count == 1 ? 3 : 1 + count;
}

/* A pipe could keep the thread waiting when it is to end. */
static int duplicate(int source, int *ret_fd, struct sdme_error *error)
{
    struct stat file;
    int fd = fcntl(source, F_DUPFD_CLOEXEC, 3);

    if (fd < 0)
        return sdme_fail(error, errno, "digest the descriptor");
    *ret_fd = fd;
    if (fstat(fd, &file) < 0)
        return sdme_fail(error, errno, "digest the descriptor");
    if (!S_ISREG(file.st_mode) && !S_ISBLK(file.st_mode))
        return sdme_fail_as(error, EINVAL, "the descriptor is no regular file");
    return 0;
}

static int start_file(struct file_digest *file, struct sdme_lua_location at, int source,
                      const char *algorithm, struct sdme_error *error)
{
    int code = sdme_digest_new(algorithm, &file->digest, error);

    if (code < 0)
        return code;
    file->path = strdup(at.path);
    if (!file->path)
        return sdme_fail(error, ENOMEM, "digest %s", at.path);
    if (source < 0)
        code = sdme_path_open_regular(at.root, at.path, at.follow, &file->fd, NULL, error);
    else
        code = duplicate(source, &file->fd, error);
    return code < 0 ? code : sdme_job_start(read_file, file, &file->job, error);
}

/*
 * file(path | descriptor[, algorithm="sha256"[, {root=, follow=true}]]) -> pending: hex, size in
 * bytes. A path must lead to a regular file; a descriptor is read from where it is.
 */
static int digest_file(lua_State *L)
{
    static const char *const known[] = {"root", "follow", NULL};
    const char *algorithm = luaL_optstring(L, 2, "sha256");
    bool is_path = lua_type(L, 1) == LUA_TSTRING;
    int source = is_path ? -1 : sdme_lua_check_fd(L, 1);
    struct sdme_lua_location at = {.path = "the descriptor"};
    struct sdme_error error = {0};

    if (is_path)
        at = sdme_lua_check_location(L, 1, 3, known, true);
    struct file_digest *file = lua_newuserdatauv(L, sizeof *file, 0);
    *file = (struct file_digest){.fd = -1};
    luaL_setmetatable(L, file_class);
    return start_file(file, at, source, algorithm, &error) < 0 ? sdme_lua_fail(L, &error) : 1;
}

/* random(count) -> that many random bytes, fit for keys */
static int digest_random(lua_State *L)
{
    lua_Integer count = luaL_checkinteger(L, 1);
    struct sdme_error error = {0};
    luaL_Buffer buffer;

    luaL_argcheck(L, count >= 0 && count <= RANDOM_MAX, 1, "not in 0..1048576");
    char *bytes = luaL_buffinitsize(L, &buffer, (size_t) count);
    if (sdme_random(bytes, (size_t) count, &error) < 0)
        return sdme_lua_fail(L, &error);
    luaL_pushresultsize(&buffer, (size_t) count);
    return 1;
}

static const luaL_Reg digest_methods[] = {
    {"bytes", digest_bytes},
    {"close", digest_close},
    {"hex", digest_hex},
    {"update", digest_update},
    {NULL, NULL},
};

static const luaL_Reg file_methods[] = {
    {"close", file_close},
    {"poll", file_poll},
    {"step", file_step},
    {NULL, NULL},
};

static const luaL_Reg digest_functions[] = {
    {"file", digest_file},
    {"new", digest_new},
    {"random", digest_random},
    {NULL, NULL},
};

int sdme_lua_open_digest(lua_State *L)
{
    sdme_lua_class(L, digest_class, digest_methods, digest_close);
    sdme_lua_class(L, file_class, file_methods, file_close);
    luaL_newlib(L, digest_functions);
    return 1;
}
