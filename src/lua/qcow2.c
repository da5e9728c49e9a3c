/* SPDX-License-Identifier: MIT */
#include "../runtime/qcow2.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../runtime/job.h"
#include "binding.h"

static const char image_class[] = "sdme.qcow2.image";
static const char conversion_class[] = "sdme.qcow2.conversion";

enum {
    READ_MAX = 16 * 1024 * 1024,
    THREADS_MAX = 64,
    CLUSTER_DEFAULT = 64 * 1024,
};

/* An extraction or a creation under way, with all that its thread uses. */
struct conversion {
    struct sdme_job *job; /* NULL: closed */
    struct sdme_qcow2 *image;
    char *name;
    int input;
    int output;
    struct sdme_qcow2_progress progress;
    struct sdme_qcow2_extract extract;
    struct sdme_qcow2_extracted extracted;
    struct sdme_qcow2_create create;
    uint64_t created;
};

static struct sdme_qcow2 *check_image(lua_State *L)
{
    struct sdme_qcow2 **image = luaL_checkudata(L, 1, image_class);

    luaL_argcheck(L, *image, 1, "the image is closed");
    return *image;
}

/* image:close() */
static int image_close(lua_State *L)
{
    struct sdme_qcow2 **image = luaL_checkudata(L, 1, image_class);

    sdme_qcow2_unref(*image);
    *image = NULL;
    return 0;
}

static int require_fd(lua_State *L, int index, const char *key)
{
    int fd = sdme_lua_option_fd(L, index, key, -1);

    if (fd < 0)
        luaL_error(L, "option '%s': descriptor expected", key);
    return fd;
}

/* open{ file=, name=, backing= } -> image */
static int qcow2_open(lua_State *L)
{
    static const char *const known[] = {"file", "name", "backing", NULL};
    struct sdme_error error = {0};

    lua_settop(L, 1);
    sdme_lua_options(L, 1, known);
    int fd = require_fd(L, 1, "file");
    const char *name = sdme_lua_option_string(L, 1, "name", "the image");
    int directory = sdme_lua_option_fd(L, 1, "backing", SDME_QCOW2_NO_BACKING);
    struct sdme_qcow2 **image = lua_newuserdatauv(L, sizeof *image, 0);
    *image = NULL;
    luaL_setmetatable(L, image_class);
    if (sdme_qcow2_open(fd, name, directory, image, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

static void set_integer(lua_State *L, const char *key, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, key);
}

static void set_boolean(lua_State *L, const char *key, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, key);
}

static void set_string(lua_State *L, const char *key, const char *value)
{
    lua_pushstring(L, value); /* nil for NULL */
    lua_setfield(L, -2, key);
}

/* image:info() -> { version=, size=, cluster_size=, compression=, ... } */
static int image_info(lua_State *L)
{
    const struct sdme_qcow2_info *info = sdme_qcow2_info(check_image(L));

    lua_createtable(L, 0, 12);
    set_integer(L, "version", info->version);
    set_integer(L, "size", (lua_Integer) info->size);
    set_integer(L, "cluster_size", info->cluster_size);
    set_integer(L, "refcount_bits", info->refcount_bits);
    set_string(L, "compression", info->compression == SDME_QCOW2_ZSTD ? "zstd" : "zlib");
    set_string(L, "backing_file", info->backing_file);
    set_string(L, "backing_format", info->backing_format);
    set_integer(L, "snapshots", info->snapshots);
    set_boolean(L, "dirty", info->dirty);
    set_boolean(L, "corrupt", info->corrupt);
    set_boolean(L, "lazy_refcounts", info->lazy_refcounts);
    set_boolean(L, "extended_l2", info->extended_l2);
    return 1;
}

/* image:read(offset, size) -> bytes, fewer at the end of the disk */
static int image_read(lua_State *L)
{
    struct sdme_qcow2 *image = check_image(L);
    lua_Integer offset = luaL_checkinteger(L, 2), size = luaL_checkinteger(L, 3);
    struct sdme_error error = {0};
    size_t count = 0;
    luaL_Buffer buffer;

    luaL_argcheck(L, offset >= 0, 2, "it is negative");
    luaL_argcheck(L, size >= 0 && size <= READ_MAX, 3, "not in 0..16777216");
    char *bytes = luaL_buffinitsize(L, &buffer, (size_t) size);
    if (sdme_qcow2_read(image, (uint64_t) offset, bytes, (size_t) size, &count, &error) < 0)
        return sdme_lua_fail(L, &error);
    luaL_pushresultsize(&buffer, count);
    return 1;
}

static struct conversion *push_conversion(lua_State *L)
{
    struct conversion *conversion = lua_newuserdatauv(L, sizeof *conversion, 0);

    memset(conversion, 0, sizeof *conversion);
    conversion->input = conversion->output = -1;
    luaL_setmetatable(L, conversion_class);
    return conversion;
}

/* conversion:close(): cancels it, and what it has written is gone */
static int conversion_close(lua_State *L)
{
    struct conversion *conversion = luaL_checkudata(L, 1, conversion_class);

    sdme_job_close(conversion->job);
    sdme_qcow2_unref(conversion->image);
    free(conversion->name);
    conversion->job = NULL;
    conversion->image = NULL;
    conversion->name = NULL;
    conversion->input = sdme_close(conversion->input);
    conversion->output = sdme_close(conversion->output);
    return 0;
}

static int conversion_poll(lua_State *L)
{
    struct conversion *conversion = luaL_checkudata(L, 1, conversion_class);

    if (!conversion->job)
        return 0;
    lua_pushinteger(L, sdme_job_fd(conversion->job));
    lua_pushliteral(L, "r");
    return 2;
}

static int conversion_step(lua_State *L)
{
    struct conversion *conversion = luaL_checkudata(L, 1, conversion_class);
    struct sdme_error error = {0};

    luaL_argcheck(L, conversion->job, 1, "the conversion is closed");
    bool is_extraction = conversion->image;
    int code = sdme_job_step(conversion->job, &error);
    lua_pushboolean(L, code != 0);
    if (code == 0)
        return 1;
    conversion_close(L);
    if (code < 0)
        return 1 + sdme_lua_fail(L, &error);
    lua_createtable(L, 0, 2);
    if (is_extraction) {
        set_integer(L, "written", (lua_Integer) conversion->extracted.written);
        set_integer(L, "holes", (lua_Integer) conversion->extracted.holes);
    } else {
        set_integer(L, "size", (lua_Integer) conversion->created);
    }
    return 2;
}

/* conversion:progress() -> bytes of the disk done, bytes in all */
static int conversion_progress(lua_State *L)
{
    struct conversion *conversion = luaL_checkudata(L, 1, conversion_class);

    lua_pushinteger(L, (lua_Integer) atomic_load(&conversion->progress.done));
    lua_pushinteger(L, (lua_Integer) atomic_load(&conversion->progress.total));
    return 2;
}

static int duplicate(int fd, int *ret_fd, struct sdme_error *error)
{
    *ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return *ret_fd < 0 ? sdme_fail(error, errno, "keep descriptor %d", fd) : 0;
}

static uint64_t option_bytes(lua_State *L, const char *key, lua_Integer fallback)
{
    lua_Integer value = sdme_lua_option_integer(L, 2, key, fallback);

    if (value < 0)
        luaL_error(L, "option '%s' is negative", key);
    return (uint64_t) value;
}

static unsigned int option_threads(lua_State *L)
{
    lua_Integer threads = sdme_lua_option_integer(L, 2, "threads", 0);

    if (threads < 0 || threads > THREADS_MAX)
        luaL_error(L, "option 'threads': %I is not in 0..%d", threads, THREADS_MAX);
    return (unsigned int) threads;
}

static int run_extract(void *data, const struct sdme_cancel *cancel, struct sdme_error *error)
{
    struct conversion *conversion = data;

    conversion->extract.cancel = cancel;
    return sdme_qcow2_extract(conversion->image, &conversion->extract, &conversion->extracted,
                              error);
}

/* image:extract{ output=, offset=0, size=, output_offset=, threads= } -> conversion */
static int image_extract(lua_State *L)
{
    static const char *const known[] = {"output",        "offset",  "size",
                                        "output_offset", "threads", NULL};
    struct sdme_qcow2 *image = check_image(L);
    struct sdme_error error = {0};

    lua_settop(L, 2);
    sdme_lua_options(L, 2, known);
    int output = require_fd(L, 2, "output");
    uint64_t disk = sdme_qcow2_info(image)->size, offset = option_bytes(L, "offset", 0);
    uint64_t rest = offset < disk ? disk - offset : 0;
    struct sdme_qcow2_extract extract = {
        .offset = offset,
        .size = option_bytes(L, "size", (lua_Integer) rest),
        .output_offset = option_bytes(L, "output_offset", (lua_Integer) offset),
        .threads = option_threads(L),
    };
    struct conversion *conversion = push_conversion(L);
    extract.progress = &conversion->progress;
    if (duplicate(output, &conversion->output, &error) < 0)
        return sdme_lua_fail(L, &error);
    extract.output = conversion->output;
    conversion->image = sdme_qcow2_ref(image);
    conversion->extract = extract;
    if (sdme_job_start(run_extract, conversion, &conversion->job, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

static enum sdme_qcow2_compression option_compression(lua_State *L)
{
    const char *name = sdme_lua_option_string(L, 2, "compression", NULL);

    if (!name)
        return SDME_QCOW2_PLAIN;
    if (!strcmp(name, "zlib"))
        return SDME_QCOW2_ZLIB;
    if (strcmp(name, "zstd") != 0)
        luaL_error(L, "option 'compression': zlib or zstd expected, got %s", name);
    return SDME_QCOW2_ZSTD;
}

static int run_create(void *data, const struct sdme_cancel *cancel, struct sdme_error *error)
{
    struct conversion *conversion = data;

    conversion->create.cancel = cancel;
    return sdme_qcow2_create(&conversion->create, &conversion->created, error);
}

static lua_Integer file_size(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 ? status.st_size : 0;
}

/* The options of create{}, at index 2. */
static struct sdme_qcow2_create read_create(lua_State *L)
{
    int input = require_fd(L, 2, "input");
    lua_Integer cluster_size = sdme_lua_option_integer(L, 2, "cluster_size", CLUSTER_DEFAULT);
    lua_Integer level = sdme_lua_option_integer(L, 2, "level", 0);

    if (cluster_size < 0 || cluster_size > UINT32_MAX)
        luaL_error(L, "option 'cluster_size': %I is no size of clusters", cluster_size);
    if (level < 0 || level > INT8_MAX)
        luaL_error(L, "option 'level': %I is no level", level);
    return (struct sdme_qcow2_create){
        .input = input,
        .input_name = "the disk",
        .output = require_fd(L, 2, "output"),
        .size = option_bytes(L, "size", file_size(input)),
        .cluster_size = (uint32_t) cluster_size,
        .compression = option_compression(L),
        .level = (int) level,
        .threads = option_threads(L),
    };
}

/* create{ input=, output=, name=, size=, compression=, level=, cluster_size=65536, threads= }
 * -> conversion */
static int qcow2_create(lua_State *L)
{
    static const char *const known[] = {"input",        "output",  "name",  "size", "compression",
                                        "cluster_size", "threads", "level", NULL};
    struct sdme_error error = {0};

    lua_settop(L, 1);
    sdme_lua_options(L, 1, known);
    lua_pushvalue(L, 1); /* at 2, where the options of both conversions are */
    struct sdme_qcow2_create create = read_create(L);
    const char *name = sdme_lua_option_string(L, 1, "name", "the image");
    struct conversion *conversion = push_conversion(L);
    conversion->name = strdup(name);
    if (!conversion->name) {
        sdme_fail(&error, ENOMEM, "write %s", name);
        return sdme_lua_fail(L, &error);
    }
    if (duplicate(create.input, &conversion->input, &error) < 0 ||
        duplicate(create.output, &conversion->output, &error) < 0)
        return sdme_lua_fail(L, &error);
    create.input = conversion->input;
    create.output = conversion->output;
    create.output_name = conversion->name;
    create.progress = &conversion->progress;
    conversion->create = create;
    if (sdme_job_start(run_create, conversion, &conversion->job, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

static const luaL_Reg image_methods[] = {
    {"close", image_close}, {"extract", image_extract}, {"info", image_info}, {"read", image_read},
    {NULL, NULL},
};

static const luaL_Reg conversion_methods[] = {
    {"close", conversion_close},
    {"poll", conversion_poll},
    {"progress", conversion_progress},
    {"step", conversion_step},
    {NULL, NULL},
};

static const luaL_Reg qcow2_functions[] = {
    {"create", qcow2_create},
    {"open", qcow2_open},
    {NULL, NULL},
};

int sdme_lua_open_qcow2(lua_State *L)
{
    sdme_lua_class(L, image_class, image_methods, image_close);
    sdme_lua_class(L, conversion_class, conversion_methods, conversion_close);
    luaL_newlib(L, qcow2_functions);
    return 1;
}
