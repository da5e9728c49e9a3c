/* SPDX-License-Identifier: MIT */
#include "tree_metadata.h"

#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#include "attribute.h"
#include "path.h"
#include "util.h"

static mode_t directory_mode(mode_t mode)
{
    mode &= 0777;
    return mode | ((mode & 0444) >> 2);
}

struct sdme_tree_landing sdme_tree_landing(const struct sdme_tree_metadata *metadata,
                                           const struct statx *file)
{
    mode_t type = file->stx_mode & S_IFMT, mode = file->stx_mode & 07777;
    struct sdme_tree_landing landing = {
        .uid =
            metadata->sets_owner ? metadata->uid : sdme_shift_id(&metadata->shift, file->stx_uid),
        .gid =
            metadata->sets_owner ? metadata->gid : sdme_shift_id(&metadata->shift, file->stx_gid),
    };

    if (type == S_IFLNK)
        mode = 0777;
    else if (metadata->sets_mode)
        mode = type == S_IFDIR ? directory_mode(metadata->mode) : metadata->mode;
    else if (metadata->sets_owner && type != S_IFDIR)
        mode &= ~(mode_t) (S_ISUID | S_ISGID);
    landing.mode = type | mode;
    return landing;
}

bool sdme_tree_metadata_keeps(const struct sdme_tree_metadata *metadata, const char *attribute)
{
    static const char overlay[] = "trusted.overlay.", acl[] = "system.posix_acl_";

    if (metadata->overlay && !strncmp(attribute, overlay, strlen(overlay)))
        return true;
    if ((metadata->sets_owner || metadata->sets_mode) && !strncmp(attribute, acl, strlen(acl)))
        return false;
    if (metadata->sets_owner && !strcmp(attribute, "security.capability"))
        return false;
    return sdme_attribute_is_kept(attribute);
}

int sdme_tree_metadata_read(const struct sdme_tree_metadata *metadata, int fd,
                            const char *attribute, void *value, size_t *ret_size)
{
    ssize_t length = getxattr(sdme_path_of_fd(fd).text, attribute, value, SDME_ATTRIBUTE_MAX);

    if (length < 0)
        return -errno;
    size_t size = (size_t) length;
    int code = sdme_shift_attribute(&metadata->shift, attribute, value, &size, SDME_ATTRIBUTE_MAX);
    if (code < 0)
        return code;
    *ret_size = size;
    return 0;
}

static int copy_attribute(const struct sdme_tree_metadata *metadata, int in, int out,
                          const char *name)
{
    _cleanup_free_ char *value = malloc(SDME_ATTRIBUTE_MAX);
    size_t size = 0;

    if (!value)
        return -ENOMEM;
    int code = sdme_tree_metadata_read(metadata, in, name, value, &size);
    if (code < 0)
        return code == -ENODATA ? 0 : code;
    return setxattr(sdme_path_of_fd(out).text, name, value, size, 0) < 0 ? -errno : 0;
}

static int copy_attributes(const struct sdme_tree_metadata *metadata, int in, int out,
                           const char *path, const char *name, struct sdme_error *error)
{
    struct sdme_attribute_names names;
    int code = sdme_attribute_names_read(in, &names);

    if (code < 0)
        return sdme_fail(error, code, "list the attributes of %s/%s", path, name);
    for (size_t i = 0; code >= 0 && i < names.size; i += strlen(names.names + i) + 1) {
        const char *attribute = names.names + i;

        if (!sdme_tree_metadata_keeps(metadata, attribute))
            continue;
        code = copy_attribute(metadata, in, out, attribute);
        if (code < 0)
            sdme_fail(error, code, "copy %s of %s/%s", attribute, path, name);
    }
    sdme_attribute_names_free(&names);
    return code;
}

static int set_mode(int fd, mode_t mode)
{
    if (S_ISLNK(mode) || fchmod(fd, mode & 07777) == 0)
        return 0;
    if (errno == EBADF && chmod(sdme_path_of_fd(fd).text, mode & 07777) == 0) /* O_PATH */
        return 0;
    return -errno;
}

static int set_times(const struct sdme_tree_metadata *metadata, int fd, const struct statx *file)
{
    struct timespec times[2] = {
        {.tv_sec = file->stx_atime.tv_sec, .tv_nsec = file->stx_atime.tv_nsec},
        {.tv_sec = file->stx_mtime.tv_sec, .tv_nsec = file->stx_mtime.tv_nsec},
    };

    if (metadata->sets_time)
        times[0] = times[1] = metadata->time;
    return utimensat(fd, "", times, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/*
 * The order matters: a new owner takes setuid bits and capabilities away, an ACL changes the mode,
 * and all of them change the times.
 */
int sdme_tree_metadata_copy(const struct sdme_tree_metadata *metadata, int in, int out,
                            const struct statx *file, uid_t uid, gid_t gid, const char *path,
                            const char *name, struct sdme_error *error)
{
    struct sdme_tree_landing landing = sdme_tree_landing(metadata, file);

    if ((landing.uid != uid || landing.gid != gid) &&
        fchownat(out, "", landing.uid, landing.gid, AT_EMPTY_PATH) < 0)
        return sdme_fail(error, errno, "change the owner of the copy of %s/%s", path, name);
    int code = copy_attributes(metadata, in, out, path, name, error);
    if (code < 0)
        return code;
    code = set_mode(out, landing.mode);
    if (code >= 0)
        code = set_times(metadata, out, file);
    return code < 0 ? sdme_fail(error, code, "change the copy of %s/%s", path, name) : 0;
}

int sdme_tree_stat(int fd, struct statx *ret_file)
{
    return statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, ret_file) < 0 ? -errno : 0;
}

static bool is_same_time(const struct statx_timestamp *a, const struct statx_timestamp *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool sdme_tree_is_same(const struct statx *before, const struct statx *now)
{
    return before->stx_size == now->stx_size && is_same_time(&before->stx_mtime, &now->stx_mtime) &&
           is_same_time(&before->stx_ctime, &now->stx_ctime);
}
