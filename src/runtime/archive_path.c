/* SPDX-License-Identifier: MIT */
#include "archive_path.h"

#include <string.h>

#include "util.h"

static int add_component(struct sdme_archive_path *path, const char *name, size_t size,
                         size_t max_size, struct sdme_error *error)
{
    size_t start = path->size > 0 ? path->size + 1 : 0;

    if (size == 2 && !memcmp(name, "..", 2))
        return sdme_fail_as(error, SDME_EFORMAT, "its path has '..' in it");
    if (memchr(name, '\0', size))
        return sdme_fail_as(error, SDME_EFORMAT, "its path has a NUL byte in it");
    if (size > NAME_MAX)
        return sdme_fail_as(error, ENAMETOOLONG, "its path has a name of more than %d bytes",
                            NAME_MAX);
    if (start + size > max_size)
        return sdme_fail_as(error, ENAMETOOLONG,
                            "its path is longer than %zu bytes, the limit on paths", max_size);
    if (start > 0)
        path->text[path->size] = '/';
    memcpy(path->text + start, name, size);
    path->name = start;
    path->size = start + size;
    path->text[path->size] = '\0';
    return 0;
}

int sdme_archive_path_clean(const char *raw, size_t size, size_t max_size, size_t max_depth,
                            struct sdme_archive_path *ret_path, struct sdme_error *error)
{
    const char *end = raw + size;
    size_t depth = 0;

    ret_path->size = ret_path->name = 0;
    ret_path->text[0] = '\0';
    if (size == 0)
        return sdme_fail_as(error, SDME_EFORMAT, "it has no name");
    if (max_size > PATH_MAX - 1)
        max_size = PATH_MAX - 1;
    while (raw < end) {
        const char *slash = memchr(raw, '/', (size_t) (end - raw));
        size_t length = (size_t) ((slash ? slash : end) - raw);

        if (length > 0 && !(length == 1 && *raw == '.')) {
            int code = add_component(ret_path, raw, length, max_size, error);
            if (code < 0)
                return code;
            if (++depth > max_depth)
                return sdme_fail_as(error, ENAMETOOLONG,
                                    "it is more than %zu directories deep, the limit on depth",
                                    max_depth);
        }
        raw += length + (slash ? 1 : 0);
    }
    return 0;
}

static bool has_prefix(const char *name, const char *prefix)
{
    return !strncmp(name, prefix, strlen(prefix));
}

enum sdme_archive_mark sdme_archive_path_mark(const struct sdme_archive_path *path)
{
    const char *name = path->text + path->name, *target = name + strlen(SDME_WHITEOUT_PREFIX);
    const char *start = path->text;

    for (; start < name; start = strchr(start, '/') + 1) {
        if (has_prefix(start, SDME_WHITEOUT_PREFIX SDME_WHITEOUT_PREFIX))
            return SDME_MARK_IGNORED;
        if (has_prefix(start, SDME_WHITEOUT_PREFIX))
            return SDME_MARK_BROKEN;
    }
    if (!has_prefix(name, SDME_WHITEOUT_PREFIX))
        return SDME_MARK_NONE;
    if (!strcmp(target, ".wh..opq"))
        return SDME_MARK_OPAQUE;
    if (has_prefix(target, SDME_WHITEOUT_PREFIX))
        return SDME_MARK_IGNORED;
    if (!*target || !strcmp(target, ".") || !strcmp(target, ".."))
        return SDME_MARK_BROKEN;
    return SDME_MARK_WHITEOUT;
}
