/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <sys/stat.h>

#include "path.h"
#include "tree.h"
#include "walk.h"

struct clamp {
    time_t latest;
    uint64_t changed;
};

static int clamp_entry(struct clamp *clamp, int fd, const char *name, int flags)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = clamp->latest}};
    struct stat file;

    if (fstatat(fd, name, &file, flags) < 0)
        return -errno;
    if (file.st_mtim.tv_sec < clamp->latest ||
        (file.st_mtim.tv_sec == clamp->latest && file.st_mtim.tv_nsec == 0))
        return 0;
    if (utimensat(fd, name, times, flags) < 0)
        return -errno;
    clamp->changed++;
    return 0;
}

static int clamp_file(void *context, const struct sdme_walk_directory *directory, const char *name,
                      unsigned char type, struct sdme_error *error)
{
    int code = clamp_entry(context, directory->fd, name, AT_SYMLINK_NOFOLLOW);

    (void) type;
    return code < 0 ? sdme_fail(error, code, "set the time of %s/%s", directory->path, name) : 0;
}

static int clamp_directory(void *context, const struct sdme_walk_directory *parent,
                           const char *name, struct sdme_walk_directory *directory,
                           struct sdme_error *error)
{
    (void) directory;
    return clamp_file(context, parent, name, 0, error);
}

int sdme_tree_clamp(int root_fd, const char *path, int64_t latest, const struct sdme_cancel *cancel,
                    uint64_t *ret_changed, struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;
    struct clamp clamp = {.latest = latest};
    struct sdme_walk walk = {
        .enter = clamp_directory,
        .file = clamp_file,
        .context = &clamp,
        .cancel = cancel,
    };

    int code = sdme_path_open(root_fd, path, O_RDONLY | O_DIRECTORY, 0, &fd, error);
    if (code < 0)
        return code;
    code = clamp_entry(&clamp, fd, ".", 0);
    if (code < 0)
        return sdme_fail(error, code, "set the time of %s", path);
    code = sdme_walk(&walk, fd, -1, path, error);
    if (code >= 0)
        *ret_changed = clamp.changed;
    return code;
}
