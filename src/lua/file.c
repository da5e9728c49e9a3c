/* SPDX-License-Identifier: MIT */
#include "../runtime/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "../runtime/attribute.h"
#include "../runtime/directory.h"
#include "file.h"

static const char names_class[] = "sdme.file.names";

enum {
    READ_MAX = 1024 * 1024,
    READ_STEP = 4096,
};

struct sdme_lua_location sdme_lua_check_location(lua_State *L, int index, int options,
                                                 const char *const *known, bool follow)
{
    struct sdme_lua_location location = {
        .path = sdme_lua_check_text(L, index),
        .root = SDME_NO_ROOT,
        .follow = follow,
    };

    if (lua_isnoneornil(L, options)) {
        lua_settop(L, options - 1);
        lua_newtable(L); /* so that options are read in one way, whether there are any or not */
        return location;
    }
    sdme_lua_options(L, options, known);
    location.root = sdme_lua_option_fd(L, options, "root", SDME_NO_ROOT);
    location.follow = sdme_lua_option_boolean(L, options, "follow", follow);
    return location;
}

uid_t sdme_lua_check_id(lua_State *L, lua_Integer id, const char *what)
{
    if (id < -1 || id >= UINT32_MAX)
        luaL_error(L, "%s: %I is no user or group number", what, id);
    return (uid_t) id;
}

static struct sdme_file_options check_making(lua_State *L, int options, mode_t mode)
{
    return (struct sdme_file_options){
        .mode = sdme_lua_option_mode(L, options, "mode", mode),
        .uid = sdme_lua_check_id(L, sdme_lua_option_integer(L, options, "uid", -1), "uid"),
        .gid = sdme_lua_check_id(L, sdme_lua_option_integer(L, options, "gid", -1), "gid"),
        .sync = sdme_lua_option_boolean(L, options, "sync", true),
        .exclusive = sdme_lua_option_boolean(L, options, "exclusive", false),
    };
}

/* read(path[, {max=1 MiB, root=, follow=true}]) -> string; regular files only */
static int file_read(lua_State *L)
{
    static const char *const known[] = {"max", "root", "follow", NULL};
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, true);
    lua_Integer max = sdme_lua_option_integer(L, 2, "max", READ_MAX);
    struct sdme_error error = {0};
    struct stat file;
    luaL_Buffer buffer;
    size_t total = 0;

    luaL_argcheck(L, max >= 0, 2, "max is negative");
    int *fd = sdme_lua_push_descriptor(L);
    if (sdme_path_open_regular(at.root, at.path, at.follow, fd, &file, &error) < 0)
        return sdme_lua_fail(L, &error);
    /* One byte more than there should be shows the end at once. Files in /proc say 0. */
    size_t step = file.st_size > 0 && file.st_size <= max ? (size_t) file.st_size + 1 : READ_STEP;
    luaL_buffinit(L, &buffer);
    for (;;) {
        char *space = luaL_prepbuffsize(&buffer, step);
        size_t count;

        if (sdme_file_read(*fd, space, step, &count, at.path, &error) < 0)
            return sdme_lua_fail(L, &error);
        luaL_addsize(&buffer, count);
        total += count;
        if (total > (size_t) max) {
            sdme_fail_as(&error, EFBIG, "read %s: more than %lld bytes", at.path, (long long) max);
            return sdme_lua_fail(L, &error);
        }
        if (count < step)
            break;
    }
    luaL_pushresult(&buffer);
    *fd = sdme_close(*fd);
    return 1;
}

/*
 * write(path, data[, {mode="0644", uid=, gid=, sync=true, exclusive=false, root=}]) -> true
 * All of it or nothing, whatever happens.
 */
static int file_write(lua_State *L)
{
    static const char *const known[] = {"mode", "uid", "gid", "sync", "exclusive", "root", NULL};
    size_t size;
    const char *data = luaL_checklstring(L, 2, &size);
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 3, known, false);
    struct sdme_file_options options = check_making(L, 3, 0644);
    struct sdme_error error = {0};

    int code = sdme_file_write(at.root, at.path, data, size, &options, &error);
    return sdme_lua_done(L, code, &error);
}

/* mkdir(path[, {mode="0755", uid=, gid=, parents=false, root=}]) -> true */
static int file_mkdir(lua_State *L)
{
    static const char *const known[] = {"mode", "uid", "gid", "parents", "root", NULL};
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, false);
    struct sdme_file_options options = check_making(L, 2, 0755);
    bool parents = sdme_lua_option_boolean(L, 2, "parents", false);
    struct sdme_error error = {0};

    int code = sdme_file_make_directory(at.root, at.path, parents, &options, &error);
    return sdme_lua_done(L, code, &error);
}

/* symlink(target, path[, {replace=false, uid=, gid=, root=}]) -> true */
static int file_symlink(lua_State *L)
{
    static const char *const known[] = {"replace", "uid", "gid", "root", NULL};
    const char *target = sdme_lua_check_text(L, 1);
    struct sdme_lua_location at = sdme_lua_check_location(L, 2, 3, known, false);
    struct sdme_file_options options = check_making(L, 3, 0);
    struct sdme_error error = {0};

    options.exclusive = !sdme_lua_option_boolean(L, 3, "replace", false);
    int code = sdme_file_make_symlink(at.root, at.path, target, &options, &error);
    return sdme_lua_done(L, code, &error);
}

/*
 * mknod(path, type[, {major=0, minor=0, mode="0600", uid=, gid=, root=}]) -> true
 * with type "character", "block", "fifo" or "socket"
 */
static int file_mknod(lua_State *L)
{
    static const char *const known[] = {"major", "minor", "mode", "uid", "gid", "root", NULL};
    mode_t type = sdme_file_type_number(luaL_checkstring(L, 2));
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 3, known, false);
    struct sdme_file_options options = check_making(L, 3, 0600);
    lua_Integer major_number = sdme_lua_option_integer(L, 3, "major", 0);
    lua_Integer minor_number = sdme_lua_option_integer(L, 3, "minor", 0);
    struct sdme_error error = {0};

    luaL_argcheck(L, S_ISCHR(type) || S_ISBLK(type) || S_ISFIFO(type) || S_ISSOCK(type), 2,
                  "'character', 'block', 'fifo' or 'socket' expected");
    /* 12 and 20 bits, see MKDEV in the kernel */
    luaL_argcheck(L, major_number >= 0 && major_number < 1 << 12, 3, "major is not in 0..4095");
    luaL_argcheck(L, minor_number >= 0 && minor_number < 1 << 20, 3, "minor is not in 0..1048575");
    int code = sdme_file_make_node(
        at.root, at.path, type, makedev((unsigned int) major_number, (unsigned int) minor_number),
        &options, &error);
    return sdme_lua_done(L, code, &error);
}

/* whiteout(path[, {root=}]) -> true: to overlayfs, nothing is there */
static int file_whiteout(lua_State *L)
{
    static const char *const known[] = {"root", NULL};
    static const struct sdme_file_options options = {
        .uid = SDME_KEEP_OWNER,
        .gid = SDME_KEEP_OWNER,
    };
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, false);
    struct sdme_error error = {0};

    int code = sdme_file_make_node(at.root, at.path, S_IFCHR, makedev(0, 0), &options, &error);
    return sdme_lua_done(L, code, &error);
}

/* remove(path[, {root=}]) -> true: one file or empty directory */
static int file_remove(lua_State *L)
{
    static const char *const known[] = {"root", NULL};
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, false);
    struct sdme_error error = {0};

    return sdme_lua_done(L, sdme_file_remove(at.root, at.path, &error), &error);
}

/* rename(from, to[, {replace=true, exchange=false, sync=false, root=}]) -> true */
static int file_rename(lua_State *L)
{
    static const char *const known[] = {"replace", "exchange", "sync", "root", NULL};
    const char *to = sdme_lua_check_text(L, 2);
    struct sdme_lua_location from = sdme_lua_check_location(L, 1, 3, known, false);
    bool replace = sdme_lua_option_boolean(L, 3, "replace", true);
    bool exchange = sdme_lua_option_boolean(L, 3, "exchange", false);
    bool sync = sdme_lua_option_boolean(L, 3, "sync", false);
    unsigned int flags = exchange ? RENAME_EXCHANGE : replace ? 0 : RENAME_NOREPLACE;
    struct sdme_error error = {0};

    luaL_argcheck(L, replace || !exchange, 3, "exchange replaces");
    int code = sdme_file_rename(from.root, from.path, to, flags, sync, &error);
    return sdme_lua_done(L, code, &error);
}

/* nameless(path[, {root=}]) -> descriptor to read and write: a file for where the path would be */
static int file_nameless(lua_State *L)
{
    static const char *const known[] = {"root", NULL};
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, false);
    struct sdme_error error = {0};

    int *fd = sdme_lua_push_descriptor(L);
    if (sdme_file_open_nameless(at.root, at.path, fd, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

/* link(descriptor, path[, {replace=false, sync=false, root=}]) -> true: its name, if it has none */
static int file_link(lua_State *L)
{
    static const char *const known[] = {"replace", "sync", "root", NULL};
    int fd = sdme_lua_check_fd(L, 1);
    struct sdme_lua_location at = sdme_lua_check_location(L, 2, 3, known, false);
    bool replace = sdme_lua_option_boolean(L, 3, "replace", false);
    bool sync = sdme_lua_option_boolean(L, 3, "sync", false);
    struct sdme_error error = {0};

    return sdme_lua_done(L, sdme_file_link(fd, at.root, at.path, replace, sync, &error), &error);
}

/* readlink(path[, {root=}]) -> the target as it is written */
static int file_readlink(lua_State *L)
{
    static const char *const known[] = {"root", NULL};
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, false);
    struct sdme_error error = {0};
    char target[PATH_MAX];

    if (sdme_file_read_link(at.root, at.path, target, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_pushstring(L, target);
    return 1;
}

/* open(path[, {root=, follow=true}]) -> descriptor to read from; regular files only */
static int file_open(lua_State *L)
{
    static const char *const known[] = {"root", "follow", NULL};
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, true);
    struct sdme_error error = {0};
    struct stat file;

    int *fd = sdme_lua_push_descriptor(L);
    if (sdme_path_open_regular(at.root, at.path, at.follow, fd, &file, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

/* open_directory(path[, {root=, follow=true}]) -> descriptor */
static int file_open_directory(lua_State *L)
{
    static const char *const known[] = {"root", "follow", NULL};
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, true);
    int flags = O_RDONLY | O_DIRECTORY | (at.follow ? 0 : O_NOFOLLOW);
    struct sdme_error error = {0};

    int *fd = sdme_lua_push_descriptor(L);
    if (sdme_path_open(at.root, at.path, flags, 0, fd, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

static int names_free(lua_State *L)
{
    sdme_names_free(luaL_checkudata(L, 1, names_class));
    return 0;
}

/* list(path[, {root=, follow=true}]) -> the names, sorted; { [name] = type } */
static int file_list(lua_State *L)
{
    static const char *const known[] = {"root", "follow", NULL};
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, true);
    int flags = O_RDONLY | O_DIRECTORY | (at.follow ? 0 : O_NOFOLLOW);
    struct sdme_error error = {0};

    struct sdme_names *names = lua_newuserdatauv(L, sizeof *names, 0);
    *names = (struct sdme_names){0};
    luaL_setmetatable(L, names_class);
    int *fd = sdme_lua_push_descriptor(L);
    if (sdme_path_open(at.root, at.path, flags, 0, fd, &error) < 0 ||
        sdme_names_read(*fd, at.path, names, &error) < 0)
        return sdme_lua_fail(L, &error);
    *fd = sdme_close(*fd);
    sdme_names_sort(names);
    lua_createtable(L, (int) names->count, 0);
    lua_createtable(L, 0, (int) names->count);
    for (size_t i = 0; i < names->count; i++) {
        lua_pushstring(L, names->entries[i].name);
        lua_pushvalue(L, -1);
        lua_rawseti(L, -4, (lua_Integer) i + 1);
        lua_pushstring(L, sdme_file_type((mode_t) DTTOIF(names->entries[i].type)));
        lua_rawset(L, -3);
    }
    sdme_names_free(names);
    return 2;
}

/* sync(path[, {root=}]) -> true: all of the filesystem that the directory is on */
static int file_sync(lua_State *L)
{
    static const char *const known[] = {"root", NULL};
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, true);
    struct sdme_error error = {0};

    return sdme_lua_done(L, sdme_file_sync(at.root, at.path, &error), &error);
}

static const luaL_Reg file_functions[] = {
    {"flush", sdme_lua_file_flush},
    {"write_out", sdme_lua_file_write_out},
    {"link", file_link},
    {"list", file_list},
    {"mkdir", file_mkdir},
    {"mknod", file_mknod},
    {"nameless", file_nameless},
    {"open", file_open},
    {"open_directory", file_open_directory},
    {"read", file_read},
    {"readlink", file_readlink},
    {"remove", file_remove},
    {"rename", file_rename},
    {"symlink", file_symlink},
    {"sync", file_sync},
    {"whiteout", file_whiteout},
    {"write", file_write},
    {NULL, NULL},
};

int sdme_lua_open_file(lua_State *L)
{
    static const luaL_Reg no_methods[] = {{NULL, NULL}};

    sdme_lua_class(L, names_class, no_methods, names_free);
    sdme_lua_file_flush_class(L);
    luaL_newlib(L, file_functions);
    luaL_setfuncs(L, sdme_lua_file_attribute_functions, 0);
    return 1;
}
