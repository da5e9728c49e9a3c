/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "path.h"
#include "pool.h"
#include "walk.h"

/* A file with several names, which is counted once. */
struct linked {
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    uint64_t allocated;
};

struct measure {
    struct sdme_tree_size total;
    struct linked *linked;
    size_t count;
    size_t size;
};

static int compare_linked(const void *a, const void *b)
{
    const struct linked *first = a, *second = b;

    if (first->device != second->device)
        return first->device < second->device ? -1 : 1;
    return (first->inode > second->inode) - (first->inode < second->inode);
}

static int remember_linked(struct measure *measure, const struct statx *file)
{
    if (measure->count == measure->size) {
        size_t size = measure->size ? measure->size * 2 : 64;
        struct linked *linked = realloc(measure->linked, size * sizeof *linked);

        if (!linked)
            return -ENOMEM;
        measure->linked = linked;
        measure->size = size;
    }
    measure->linked[measure->count++] = (struct linked){
        .device = makedev(file->stx_dev_major, file->stx_dev_minor),
        .inode = file->stx_ino,
        .size = file->stx_size,
        .allocated = file->stx_blocks * 512,
    };
    return 0;
}

static void add_linked(struct measure *measure)
{
    if (measure->count > 0)
        qsort(measure->linked, measure->count, sizeof *measure->linked, compare_linked);
    for (size_t i = 0; i < measure->count; i++) {
        const struct linked *linked = &measure->linked[i];

        if (i > 0 && compare_linked(linked, linked - 1) == 0)
            continue;
        measure->total.size += linked->size;
        measure->total.allocated += linked->allocated;
        measure->total.files++;
    }
}

static int measure_file(void *context, const struct sdme_walk_directory *directory,
                        const char *name, unsigned char type, struct sdme_error *error)
{
    struct measure *measure = context;
    struct statx file;

    (void) type;
    if (statx(directory->fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS,
              &file) < 0)
        return errno == ENOENT ? 0 : sdme_fail(error, errno, "stat %s/%s", directory->path, name);
    if (file.stx_attributes & STATX_ATTR_MOUNT_ROOT)
        return 0;
    if (file.stx_nlink > 1) {
        int code = remember_linked(measure, &file);
        return code < 0 ? sdme_fail(error, code, "measure %s", directory->path) : 0;
    }
    measure->total.size += file.stx_size;
    measure->total.allocated += file.stx_blocks * 512;
    measure->total.files++;
    return 0;
}

static int measure_directory(void *context, const struct sdme_walk_directory *parent,
                             const char *name, struct sdme_walk_directory *directory,
                             struct sdme_error *error)
{
    struct measure *measure = context;
    struct stat file;

    if (fstat(directory->fd, &file) < 0)
        return sdme_fail(error, errno, "stat %s/%s", parent ? parent->path : "", name);
    measure->total.allocated += (uint64_t) file.st_blocks * 512;
    measure->total.directories++;
    return 0;
}

int sdme_tree_measure(int root_fd, const char *path, const struct sdme_cancel *cancel,
                      struct sdme_tree_size *ret_size, struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;
    struct measure measure = {0};
    struct sdme_walk walk = {
        .enter = measure_directory,
        .file = measure_file,
        .context = &measure,
        .tolerates_changes = true,
        .cancel = cancel,
    };

    int code = sdme_path_open(root_fd, path, O_RDONLY | O_DIRECTORY, 0, &fd, error);
    if (code < 0)
        return code;
    struct sdme_walk_directory top = {.fd = fd, .target_fd = -1};
    code = measure_directory(&measure, NULL, path, &top, error);
    if (code >= 0)
        code = sdme_walk(&walk, fd, -1, path, error);
    if (code >= 0) {
        add_linked(&measure);
        *ret_size = measure.total;
    }
    free(measure.linked);
    return code;
}

static void clear_flags(int fd)
{
    unsigned int flags;

    /* Whoever can't do this gets EPERM from what comes next. */
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 || !(flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)))
        return;
    flags &= ~(unsigned int) (FS_IMMUTABLE_FL | FS_APPEND_FL);
    ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static void clear_flags_of(int parent_fd, const char *name)
{
    _cleanup_close_ int handle = openat(parent_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat file;

    if (handle < 0 || fstat(handle, &file) < 0)
        return;
    if (!S_ISREG(file.st_mode) && !S_ISDIR(file.st_mode)) /* opening a device might do anything */
        return;
    _cleanup_close_ int fd = open(sdme_path_of_fd(handle).text, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0)
        clear_flags(fd);
}

/* unlinkat(2) that takes flags away which are in the way; 0 or a negative code. */
static int unlink_at(int parent_fd, const char *name, int flags)
{
    if (unlinkat(parent_fd, name, flags) == 0)
        return 0;
    if (errno != EPERM)
        return -errno;
    clear_flags(parent_fd); /* not of what the tree is in: that is an O_PATH descriptor */
    clear_flags_of(parent_fd, name);
    return unlinkat(parent_fd, name, flags) < 0 ? -errno : 0;
}

static int remove_file(void *context, const struct sdme_walk_directory *directory, const char *name,
                       unsigned char type, struct sdme_error *error)
{
    int code = unlink_at(directory->fd, name, 0);

    (void) context;
    (void) type;
    if (code >= 0 || code == -ENOENT)
        return 0;
    if (code == -EBUSY)
        return sdme_fail_as(error, EBUSY, "remove %s/%s: something is mounted on it",
                            directory->path, name);
    return sdme_fail(error, code, "remove %s/%s", directory->path, name);
}

static int remove_directory(void *context, const struct sdme_walk_directory *parent,
                            const char *name, struct sdme_error *error)
{
    int code = unlink_at(parent->fd, name, AT_REMOVEDIR);

    (void) context;
    if (code >= 0 || code == -ENOENT)
        return 0;
    return sdme_fail(error, code, "remove %s/%s", parent->path, name);
}

static int refuse_mount(void *context, const struct sdme_walk_directory *parent, const char *name,
                        struct sdme_error *error)
{
    (void) context;
    return sdme_fail_as(error, EBUSY, "remove %s/%s: something is mounted on it", parent->path,
                        name);
}

/*
 * Removing a file costs a filesystem about as much as making one, so that is done in several
 * threads first, and what is left are directories.
 */
static int remove_below(int fd, const char *path, const struct sdme_cancel *cancel,
                        struct sdme_error *error)
{
    struct sdme_walk walk = {
        .file = remove_file,
        .mount = refuse_mount,
        .tolerates_changes = true,
        .threads = sdme_pool_threads(),
        .cancel = cancel,
    };

    if (walk.threads > 1) {
        int code = sdme_walk(&walk, fd, -1, path, error);

        if (code < 0)
            return code;
    }
    walk.threads = 1;
    walk.leave = remove_directory;
    return sdme_walk(&walk, fd, -1, path, error);
}

int sdme_tree_remove(int root_fd, const char *path, const struct sdme_cancel *cancel,
                     struct sdme_error *error)
{
    _cleanup_close_ int parent_fd = -1, fd = -1;
    char name[NAME_MAX + 1];

    int code = sdme_path_open_parent(root_fd, path, &parent_fd, name, error);
    if (code < 0)
        return code;
    fd = sdme_walk_open(parent_fd, name, O_RDONLY | O_DIRECTORY, false);
    if (fd == -EXDEV)
        return sdme_fail_as(error, EBUSY, "remove %s: something is mounted on it", path);
    if (fd < 0 && fd != -ENOTDIR && fd != -ELOOP)
        return sdme_fail(error, fd, "remove %s", path);
    if (fd >= 0) {
        code = remove_below(fd, path, cancel, error);
        if (code < 0)
            return code;
    }
    code = unlink_at(parent_fd, name, fd >= 0 ? AT_REMOVEDIR : 0);
    return code < 0 ? sdme_fail(error, code, "remove %s", path) : 0;
}
