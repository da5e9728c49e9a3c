/* SPDX-License-Identifier: MIT */
#include "difference.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/xattr.h>

#include "attribute.h"
#include "path.h"
#include "walk.h"

enum {
    READ_AT_ONCE = 32 * 1024,
};

int sdme_file_at_open(int fd, const char *name, struct sdme_file_at *ret_file)
{
    struct sdme_file_at file = {.fd = sdme_walk_open(fd, name, O_PATH, false)};

    if (file.fd < 0)
        return file.fd;
    if (statx(file.fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &file.stat) < 0) {
        int code = -errno;

        sdme_close(file.fd);
        return code;
    }
    *ret_file = file;
    return 0;
}

static int open_content(const struct sdme_file_at *file)
{
    struct sdme_path_of_fd path = sdme_path_of_fd(file->fd);
    int fd = open(path.text, O_RDONLY | O_CLOEXEC | O_NOATIME);

    if (fd < 0 && errno == EPERM) /* O_NOATIME is for the owner; see open(2) */
        fd = open(path.text, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* pread(2) of all that there is, up to @size. */
static ssize_t read_at(int fd, char *buffer, size_t size, off_t offset)
{
    size_t done = 0;

    while (done < size) {
        ssize_t count = pread(fd, buffer + done, size - done, offset + (off_t) done);

        if (count < 0)
            return -errno;
        if (count == 0)
            break;
        done += (size_t) count;
    }
    return (ssize_t) done;
}

/* 1 if the contents differ. */
static int compare_content(const struct sdme_difference *difference,
                           const struct sdme_file_at *first, const struct sdme_file_at *second)
{
    _cleanup_close_ int a = open_content(first), b = open_content(second);
    char left[READ_AT_ONCE], right[READ_AT_ONCE];
    off_t offset = 0;

    if (a < 0 || b < 0)
        return a < 0 ? a : b;
    for (;;) {
        ssize_t left_count = read_at(a, left, sizeof left, offset);
        ssize_t right_count = read_at(b, right, sizeof right, offset);

        if (left_count < 0 || right_count < 0)
            return (int) (left_count < 0 ? left_count : right_count);
        if (left_count != right_count || memcmp(left, right, (size_t) left_count) != 0)
            return 1;
        if (left_count == 0)
            return 0;
        if (sdme_cancelled(difference->cancel))
            return -ECANCELED;
        offset += left_count;
    }
}

static int compare_targets(const struct sdme_file_at *first, const struct sdme_file_at *second)
{
    char left[PATH_MAX], right[PATH_MAX];
    ssize_t left_length = readlinkat(first->fd, "", left, sizeof left);
    ssize_t right_length = readlinkat(second->fd, "", right, sizeof right);

    if (left_length < 0 || right_length < 0)
        return -errno;
    return left_length != right_length || memcmp(left, right, (size_t) left_length) != 0;
}

static size_t count_names(const struct sdme_attribute_names *names)
{
    size_t count = 0;

    for (size_t i = 0; i < names->size; i += strlen(names->names + i) + 1)
        count += sdme_attribute_is_kept(names->names + i);
    return count;
}

/* 1 if the values of @name differ, or the second has none. */
static int compare_value(const struct sdme_shift *shift, int first, int second, const char *name)
{
    _cleanup_free_ char *values = malloc((size_t) 2 * SDME_ATTRIBUTE_MAX);

    if (!values)
        return -ENOMEM;
    char *other = values + SDME_ATTRIBUTE_MAX;
    ssize_t length = getxattr(sdme_path_of_fd(first).text, name, values, SDME_ATTRIBUTE_MAX);
    ssize_t other_length = getxattr(sdme_path_of_fd(second).text, name, other, SDME_ATTRIBUTE_MAX);
    if (length < 0 || other_length < 0)
        return 1;
    size_t size = (size_t) length;
    if (sdme_shift_attribute(shift, name, values, &size, SDME_ATTRIBUTE_MAX) < 0)
        return 1;
    return size != (size_t) other_length || memcmp(values, other, size) != 0;
}

static int compare_named(const struct sdme_shift *shift, const struct sdme_file_at *first,
                         const struct sdme_file_at *second,
                         const struct sdme_attribute_names *names)
{
    int code = 0;

    for (size_t i = 0; code == 0 && i < names->size; i += strlen(names->names + i) + 1)
        if (sdme_attribute_is_kept(names->names + i))
            code = compare_value(shift, first->fd, second->fd, names->names + i);
    return code;
}

/* 1 if the attributes differ. */
static int compare_attributes(const struct sdme_shift *shift, const struct sdme_file_at *first,
                              const struct sdme_file_at *second)
{
    struct sdme_attribute_names names, other;

    int code = sdme_attribute_names_read(first->fd, &names);
    if (code < 0)
        return code;
    code = sdme_attribute_names_read(second->fd, &other);
    if (code < 0) {
        sdme_attribute_names_free(&names);
        return code;
    }
    code = count_names(&names) != count_names(&other);
    if (code == 0)
        code = compare_named(shift, first, second, &names);
    sdme_attribute_names_free(&names);
    sdme_attribute_names_free(&other);
    return code;
}

static bool is_same_time(const struct statx *a, const struct statx *b)
{
    return a->stx_mtime.tv_sec == b->stx_mtime.tv_sec &&
           a->stx_mtime.tv_nsec == b->stx_mtime.tv_nsec;
}

/* What statx(2) tells. */
static int compare_stat(const struct sdme_difference *difference, const struct statx *a,
                        const struct statx *b)
{
    const struct sdme_shift *shift = &difference->shift;
    int differs = 0;

    if ((a->stx_mode ^ b->stx_mode) & 07777)
        differs |= SDME_DIFFERS_MODE;
    if (sdme_shift_id(shift, a->stx_uid) != b->stx_uid ||
        sdme_shift_id(shift, a->stx_gid) != b->stx_gid)
        differs |= SDME_DIFFERS_OWNER;
    if (!S_ISDIR(a->stx_mode) && !is_same_time(a, b))
        differs |= SDME_DIFFERS_TIME;
    if (S_ISREG(a->stx_mode) && a->stx_size != b->stx_size)
        differs |= SDME_DIFFERS_CONTENT;
    if ((S_ISCHR(a->stx_mode) || S_ISBLK(a->stx_mode)) &&
        (a->stx_rdev_major != b->stx_rdev_major || a->stx_rdev_minor != b->stx_rdev_minor))
        differs |= SDME_DIFFERS_CONTENT;
    return differs;
}

int sdme_difference(const struct sdme_difference *difference, const struct sdme_file_at *first,
                    const struct sdme_file_at *second)
{
    mode_t type = first->stat.stx_mode & S_IFMT;
    int found = 0;

    if (type != (second->stat.stx_mode & S_IFMT))
        return SDME_DIFFERS_TYPE;
    int differs = compare_stat(difference, &first->stat, &second->stat);
    if (type == S_IFREG && !difference->same_content && !(differs & SDME_DIFFERS_CONTENT) &&
        first->stat.stx_size > 0)
        found = compare_content(difference, first, second);
    if (found > 0)
        differs |= SDME_DIFFERS_CONTENT;
    if (found >= 0 && type == S_IFLNK) {
        found = compare_targets(first, second);
        differs |= found > 0 ? SDME_DIFFERS_TARGET : 0;
    }
    if (found >= 0) {
        found = compare_attributes(&difference->shift, first, second);
        differs |= found > 0 ? SDME_DIFFERS_ATTRIBUTES : 0;
    }
    return found < 0 ? found : differs;
}
