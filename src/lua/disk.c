/* SPDX-License-Identifier: MIT */
#include "../runtime/disk.h"

#include "../runtime/disk_journal.h"
#include "../runtime/loop.h"
#include "binding.h"

static const char loop_class[] = "sdme.disk.loop";
static const char result_class[] = "sdme.disk.result";

static void set_text(lua_State *L, const char *key, const char *value)
{
    if (!*value)
        return;
    lua_pushstring(L, value);
    lua_setfield(L, -2, key);
}

static void set_integer(lua_State *L, const char *key, uint64_t value)
{
    lua_pushinteger(L, (lua_Integer) value);
    lua_setfield(L, -2, key);
}

/* Sets `filesystem` of the table at the top, if one was found. */
static void set_filesystem(lua_State *L, const struct sdme_disk_filesystem *filesystem)
{
    if (!*filesystem->type)
        return;
    lua_createtable(L, 0, 4);
    set_text(L, "type", filesystem->type);
    set_text(L, "usage", filesystem->usage);
    set_text(L, "label", filesystem->label);
    set_text(L, "uuid", filesystem->uuid);
    lua_setfield(L, -2, "filesystem");
}

static void push_partition(lua_State *L, const struct sdme_disk_partition *partition, bool is_gpt)
{
    lua_createtable(L, 0, 8);
    set_integer(L, "number", (uint64_t) partition->number);
    set_integer(L, "offset", partition->offset);
    set_integer(L, "size", partition->size);
    set_integer(L, "flags", partition->flags);
    if (is_gpt)
        set_text(L, "type", partition->type);
    else
        set_integer(L, "type", partition->id);
    set_text(L, "name", partition->name);
    set_text(L, "uuid", partition->uuid);
    set_filesystem(L, &partition->filesystem);
}

static void push_disk(lua_State *L, const struct sdme_disk *disk)
{
    lua_createtable(L, 0, 6);
    set_text(L, "table", disk->table);
    set_text(L, "id", disk->id);
    set_integer(L, "sector_size", disk->sector_size);
    set_filesystem(L, &disk->filesystem);
    lua_createtable(L, (int) disk->count, 0);
    for (size_t i = 0; i < disk->count; i++) {
        push_partition(L, &disk->partitions[i], disk->table[0] == 'g');
        lua_rawseti(L, -2, (lua_Integer) i + 1);
    }
    lua_setfield(L, -2, "partitions");
    lua_createtable(L, (int) disk->records.count, 0);
    for (size_t i = 0; i < disk->records.count; i++) {
        lua_pushinteger(L, (lua_Integer) disk->records.offsets[i]);
        lua_rawseti(L, -2, (lua_Integer) i + 1);
    }
    lua_setfield(L, -2, "records");
}

static int result_close(lua_State *L)
{
    sdme_disk_free(luaL_checkudata(L, 1, result_class));
    return 0;
}

static uint64_t option_bytes(lua_State *L, int index, const char *key)
{
    lua_Integer value = sdme_lua_option_integer(L, index, key, 0);

    if (value < 0)
        luaL_error(L, "option '%s': %I is less than nothing", key, value);
    return (uint64_t) value;
}

static unsigned int option_sector_size(lua_State *L, int index)
{
    lua_Integer value = sdme_lua_option_integer(L, index, "sector_size", 0);

    if (value != 0 && value != 512 && value != 4096)
        luaL_error(L, "option 'sector_size': %I is neither 512 nor 4096", value);
    return (unsigned int) value;
}

/*
 * probe(disk[, {offset=0, size=, sector_size=, table=true, filesystems=true}]) ->
 * { table=, id=, sector_size=, partitions={ {number=, offset=, size=, type=, name=, uuid=, flags=,
 * filesystem=}, ... }, filesystem={type=, label=, uuid=, usage=}, records={ offsets } }
 */
static int disk_probe(lua_State *L)
{
    static const char *const known[] = {"offset", "size",        "sector_size",
                                        "table",  "filesystems", NULL};
    int fd = sdme_lua_check_fd(L, 1);
    struct sdme_error error = {0};

    lua_settop(L, 2);
    if (lua_isnil(L, 2)) {
        lua_newtable(L);
        lua_replace(L, 2);
    }
    sdme_lua_options(L, 2, known);
    struct sdme_disk_probe probe = {
        .offset = option_bytes(L, 2, "offset"),
        .size = option_bytes(L, 2, "size"),
        .sector_size = option_sector_size(L, 2),
        .no_table = !sdme_lua_option_boolean(L, 2, "table", true),
        .no_filesystems = !sdme_lua_option_boolean(L, 2, "filesystems", true),
    };
    struct sdme_disk *disk = lua_newuserdatauv(L, sizeof *disk, 0);
    *disk = (struct sdme_disk){.partitions = NULL};
    luaL_setmetatable(L, result_class);
    if (sdme_disk_probe(fd, &probe, disk, &error) < 0)
        return sdme_lua_fail(L, &error);
    push_disk(L, disk);
    sdme_disk_free(disk);
    return 1;
}

/* size(disk) -> bytes in a regular file or block device */
static int disk_size(lua_State *L)
{
    struct sdme_error error = {0};
    uint64_t size;

    if (sdme_disk_size(sdme_lua_check_fd(L, 1), &size, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_pushinteger(L, (lua_Integer) size);
    return 1;
}

/* needs_replay(disk, { type=, offset=0, size= }) -> boolean */
static int disk_needs_replay(lua_State *L)
{
    static const char *const known[] = {"type", "offset", "size", NULL};
    int fd = sdme_lua_check_fd(L, 1);
    struct sdme_error error = {0};
    bool needed;

    lua_settop(L, 2);
    sdme_lua_options(L, 2, known);
    const char *type = sdme_lua_option_string(L, 2, "type", NULL);
    uint64_t offset = option_bytes(L, 2, "offset"), size = option_bytes(L, 2, "size");
    luaL_argcheck(L, type, 2, "no type");
    luaL_argcheck(L, offset + size <= INT64_MAX, 2, "beyond what a file may have");
    if (sdme_disk_needs_replay(fd, offset, size, type, &needed, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_pushboolean(L, needed);
    return 1;
}

/* resize(disk, bytes) -> true: a regular file; what is added is a hole */
static int disk_resize(lua_State *L)
{
    int fd = sdme_lua_check_fd(L, 1);
    lua_Integer size = luaL_checkinteger(L, 2);
    struct sdme_error error = {0};

    luaL_argcheck(L, size >= 0, 2, "less than nothing");
    return sdme_lua_done(L, sdme_disk_resize(fd, (uint64_t) size, &error), &error);
}

/* sync(disk) -> true: what was written to the file is on the disk */
static int disk_sync(lua_State *L)
{
    struct sdme_error error = {0};

    return sdme_lua_done(L, sdme_disk_sync(sdme_lua_check_fd(L, 1), &error), &error);
}

static int check_loop(lua_State *L)
{
    const int *fd = luaL_checkudata(L, 1, loop_class);

    luaL_argcheck(L, *fd >= 0, 1, "the loop device is closed");
    return *fd;
}

static int loop_fileno(lua_State *L)
{
    lua_pushinteger(L, check_loop(L));
    return 1;
}

static int loop_path(lua_State *L)
{
    struct sdme_error error = {0};
    char path[32];

    if (sdme_loop_path(check_loop(L), path, sizeof path, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_pushstring(L, path);
    return 1;
}

/* loop:close(): a mount of it keeps the device */
static int loop_close(lua_State *L)
{
    int *fd = luaL_checkudata(L, 1, loop_class);

    *fd = sdme_close(*fd);
    return 0;
}

/* attach{ file=, offset=0, size=, sector_size=512, read_only=true } -> loop */
static int disk_attach(lua_State *L)
{
    static const char *const known[] = {"file", "offset", "size", "sector_size", "read_only", NULL};
    struct sdme_error error = {0};

    lua_settop(L, 1);
    sdme_lua_options(L, 1, known);
    struct sdme_loop options = {
        .file_fd = sdme_lua_option_fd(L, 1, "file", -1),
        .offset = option_bytes(L, 1, "offset"),
        .size = option_bytes(L, 1, "size"),
        .sector_size = option_sector_size(L, 1),
        .read_only = sdme_lua_option_boolean(L, 1, "read_only", true),
    };
    luaL_argcheck(L, options.file_fd >= 0, 1, "no file");
    int *fd = lua_newuserdatauv(L, sizeof *fd, 0);
    *fd = -1;
    luaL_setmetatable(L, loop_class);
    if (sdme_loop_attach(&options, fd, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

static const luaL_Reg loop_methods[] = {
    {"close", loop_close},
    {"fileno", loop_fileno},
    {"path", loop_path},
    {NULL, NULL},
};

static const luaL_Reg result_methods[] = {{NULL, NULL}};

static const luaL_Reg disk_functions[] = {
    {"attach", disk_attach},
    {"needs_replay", disk_needs_replay},
    {"probe", disk_probe},
    {"resize", disk_resize},
    {"size", disk_size},
    {"sync", disk_sync},
    {NULL, NULL},
};

int sdme_lua_open_disk(lua_State *L)
{
    sdme_lua_class(L, loop_class, loop_methods, loop_close);
    sdme_lua_class(L, result_class, result_methods, result_close);
    luaL_newlib(L, disk_functions);
    return 1;
}
