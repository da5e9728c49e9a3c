/* SPDX-License-Identifier: MIT */
#include "../runtime/attribute.h"

#include <string.h>

#include "file.h"

static void set_integer(lua_State *L, const char *key, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, key);
}

/*
 * stat(path[, {root=, follow=false}]) -> { type=, size=, mode=, uid=, gid=, links=, inode=,
 * mtime=, mtime_nsec=, device=, mount=, and of a device node major=, minor= }
 */
static int file_stat(lua_State *L)
{
    static const char *const known[] = {"root", "follow", NULL};
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, false);
    struct sdme_error error = {0};
    struct statx file;

    if (sdme_file_stat(at.root, at.path, at.follow, &file, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_createtable(L, 0, 14);
    lua_pushstring(L, sdme_file_type(file.stx_mode));
    lua_setfield(L, -2, "type");
    set_integer(L, "size", (lua_Integer) file.stx_size);
    set_integer(L, "mode", file.stx_mode & 07777);
    set_integer(L, "uid", file.stx_uid);
    set_integer(L, "gid", file.stx_gid);
    set_integer(L, "links", file.stx_nlink);
    set_integer(L, "inode", (lua_Integer) file.stx_ino);
    set_integer(L, "mtime", file.stx_mtime.tv_sec);
    set_integer(L, "mtime_nsec", file.stx_mtime.tv_nsec);
    set_integer(L, "mount", (lua_Integer) file.stx_mnt_id);
    lua_pushfstring(L, "%d:%d", (int) file.stx_dev_major, (int) file.stx_dev_minor);
    lua_setfield(L, -2, "device");
    if (S_ISCHR(file.stx_mode) || S_ISBLK(file.stx_mode)) {
        set_integer(L, "major", file.stx_rdev_major);
        set_integer(L, "minor", file.stx_rdev_minor);
    }
    return 1;
}

/* exists(path[, {root=, follow=false}]) -> boolean | nil, message, code when it can't be told */
static int file_exists(lua_State *L)
{
    static const char *const known[] = {"root", "follow", NULL};
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, false);
    struct sdme_error error = {0};
    struct statx file;

    int code = sdme_file_stat(at.root, at.path, at.follow, &file, &error);
    if (code < 0 && code != -ENOENT && code != -ENOTDIR)
        return sdme_lua_fail(L, &error);
    lua_pushboolean(L, code >= 0);
    return 1;
}

/* chown(path, uid, gid[, {root=, follow=false}]) -> true; -1 keeps the one or the other */
static int file_chown(lua_State *L)
{
    static const char *const known[] = {"root", "follow", NULL};
    uid_t uid = sdme_lua_check_id(L, luaL_checkinteger(L, 2), "uid");
    gid_t gid = sdme_lua_check_id(L, luaL_checkinteger(L, 3), "gid");
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 4, known, false);
    struct sdme_error error = {0};

    int code = sdme_file_change_owner(at.root, at.path, at.follow, uid, gid, &error);
    return sdme_lua_done(L, code, &error);
}

/* chmod(path, mode[, {root=, follow=false}]) -> true */
static int file_chmod(lua_State *L)
{
    static const char *const known[] = {"root", "follow", NULL};
    mode_t mode = sdme_lua_check_mode(L, 2);
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 3, known, false);
    struct sdme_error error = {0};

    int code = sdme_file_change_mode(at.root, at.path, at.follow, mode, &error);
    return sdme_lua_done(L, code, &error);
}

/* set_attribute(path, name, value[, {root=, follow=false}]) -> true */
static int file_set_attribute(lua_State *L)
{
    static const char *const known[] = {"root", "follow", NULL};
    const char *name = sdme_lua_check_text(L, 2);
    size_t size;
    const char *value = luaL_checklstring(L, 3, &size);
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 4, known, false);
    struct sdme_error error = {0};

    int code = sdme_file_set_attribute(at.root, at.path, at.follow, name, value, size, &error);
    return sdme_lua_done(L, code, &error);
}

/* remove_attribute(path, name[, {root=, follow=false}]) -> true | nil, message, "ENODATA" */
static int file_remove_attribute(lua_State *L)
{
    static const char *const known[] = {"root", "follow", NULL};
    const char *name = sdme_lua_check_text(L, 2);
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 3, known, false);
    struct sdme_error error = {0};

    int code = sdme_file_remove_attribute(at.root, at.path, at.follow, name, &error);
    return sdme_lua_done(L, code, &error);
}

/* get_attribute(path, name[, {root=, follow=false}]) -> string | nil, message, "ENODATA" */
static int file_get_attribute(lua_State *L)
{
    static const char *const known[] = {"root", "follow", NULL};
    const char *name = sdme_lua_check_text(L, 2);
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 3, known, false);
    struct sdme_error error = {0};
    size_t size;

    char *value = lua_newuserdatauv(L, SDME_ATTRIBUTE_MAX, 0);
    if (sdme_file_get_attribute(at.root, at.path, at.follow, name, value, SDME_ATTRIBUTE_MAX, &size,
                                &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_pushlstring(L, value, size);
    return 1;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* list_attributes(path[, {root=, follow=false}]) -> the names, sorted */
static int file_list_attributes(lua_State *L)
{
    static const char *const known[] = {"root", "follow", NULL};
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, false);
    struct sdme_error error = {0};
    size_t size, count = 0;

    char *names = lua_newuserdatauv(L, SDME_ATTRIBUTE_MAX, 0);
    if (sdme_file_list_attributes(at.root, at.path, at.follow, names, SDME_ATTRIBUTE_MAX, &size,
                                  &error) < 0)
        return sdme_lua_fail(L, &error);
    const char **sorted = lua_newuserdatauv(L, (size + 1) * sizeof *sorted, 0);
    for (size_t i = 0; i < size; i += strlen(names + i) + 1)
        sorted[count++] = names + i;
    qsort(sorted, count, sizeof *sorted, compare_strings);
    lua_createtable(L, (int) count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushstring(L, sorted[i]);
        lua_rawseti(L, -2, (lua_Integer) i + 1);
    }
    return 1;
}

/* statfs(path[, {root=}]) -> { type = name or magic number, size=, free=, files_free= } */
static int file_statfs(lua_State *L)
{
    static const char *const known[] = {"root", NULL};
    struct sdme_lua_location at = sdme_lua_check_location(L, 1, 2, known, true);
    struct sdme_filesystem filesystem;
    struct sdme_error error = {0};

    if (sdme_file_filesystem(at.root, at.path, &filesystem, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_createtable(L, 0, 4);
    if (filesystem.type)
        lua_pushstring(L, filesystem.type);
    else
        lua_pushinteger(L, (lua_Integer) filesystem.magic);
    lua_setfield(L, -2, "type");
    set_integer(L, "size", (lua_Integer) filesystem.size);
    set_integer(L, "free", (lua_Integer) filesystem.free);
    set_integer(L, "files_free", (lua_Integer) filesystem.files_free);
    return 1;
}

const luaL_Reg sdme_lua_file_attribute_functions[] = {
    {"chmod", file_chmod},
    {"chown", file_chown},
    {"exists", file_exists},
    {"get_attribute", file_get_attribute},
    {"list_attributes", file_list_attributes},
    {"remove_attribute", file_remove_attribute},
    {"set_attribute", file_set_attribute},
    {"stat", file_stat},
    {"statfs", file_statfs},
    {NULL, NULL},
};
