/* SPDX-License-Identifier: MIT */
#include "../runtime/digest.h"

#include "../runtime/path.h"
#include "file.h"

static const char digest_class[] = "sdme.digest";

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

/*
 * file(path | descriptor[, algorithm="sha256"[, {root=, follow=true}]]) -> hex, size in bytes
 * A path must lead to a regular file; a descriptor is read from where it is.
 */
static int digest_file(lua_State *L)
{
    static const char *const known[] = {"root", "follow", NULL};
    const char *algorithm = luaL_optstring(L, 2, "sha256");
    bool is_path = lua_type(L, 1) == LUA_TSTRING;
    int source = is_path ? -1 : sdme_lua_check_fd(L, 1);
    struct sdme_lua_location at = {.path = "the descriptor"};
    struct sdme_error error = {0};
    uint64_t size;

    if (is_path)
        at = sdme_lua_check_location(L, 1, 3, known, true);
    struct sdme_digest **digest = push_digest(L);
    int *fd = sdme_lua_push_descriptor(L);
    if (is_path && sdme_path_open_regular(at.root, at.path, at.follow, fd, NULL, &error) < 0)
        return sdme_lua_fail(L, &error);
    if (sdme_digest_new(algorithm, digest, &error) < 0 ||
        sdme_digest_update_file(*digest, is_path ? *fd : source, at.path, sdme_lua_cancel(L), &size,
                                &error) < 0)
        return sdme_lua_fail(L, &error);
    int count = push_value(L, *digest, true);
    *fd = sdme_close(*fd);
    if (count == 1)
        lua_pushinteger(L, (lua_Integer) size);
    return count == 1 ? 2 : count;
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

static const luaL_Reg digest_functions[] = {
    {"file", digest_file},
    {"new", digest_new},
    {"random", digest_random},
    {NULL, NULL},
};

int sdme_lua_open_digest(lua_State *L)
{
    sdme_lua_class(L, digest_class, digest_methods, digest_close);
    luaL_newlib(L, digest_functions);
    return 1;
}
