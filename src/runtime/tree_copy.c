/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "attribute.h"
#include "directory.h"
#include "path.h"
#include "pool.h"
#include "tree.h"
#include "walk.h"

enum {
    SMALL = 64 * 1024, /* up to here, read and write are quicker than copy_file_range(2) */
    RANGE_AT_ONCE = 16 * 1024 * 1024,
};

struct copy {
    const struct sdme_tree_copy *options;
    uid_t uid; /* what we make is ours at first */
    gid_t gid;
    dev_t target_device;
    ino_t target_inode;
    atomic_bool no_clone; /* learned: FICLONE, copy_file_range(2) don't work between these two */
    atomic_bool no_range;
    atomic_ullong size;
    atomic_ullong files;
    atomic_ullong directories;

    /*
     * A hidden directory in the target. Every file that has more than one name gets one more in
     * it, made of its device and inode numbers in the source, by which the next name finds it.
     */
    int links_fd;
    struct sdme_path_temporary links_name;
};

struct link_key {
    char text[40];
};

static struct link_key link_key(const struct statx *file)
{
    struct link_key key;

    snprintf(key.text, sizeof key.text, "%x-%x-%" PRIx64, file->stx_dev_major, file->stx_dev_minor,
             (uint64_t) file->stx_ino);
    return key;
}

static int stat_fd(int fd, struct statx *ret_file)
{
    return statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, ret_file) < 0 ? -errno : 0;
}

static int copy_through_buffer(int in, int out, uint64_t length)
{
    char buffer[SMALL];

    while (length > 0) {
        ssize_t count = read(in, buffer, length < sizeof buffer ? length : sizeof buffer);

        if (count == 0)
            return -EBUSY;
        if (count < 0)
            return -errno;
        for (ssize_t done = 0; done < count;) {
            ssize_t written = write(out, buffer + done, (size_t) (count - done));

            if (written < 0)
                return -errno;
            done += written;
        }
        length -= (uint64_t) count;
    }
    return 0;
}

/* Copies @length bytes from where the descriptors are; -EBUSY if the file ends before. */
static int copy_range(struct copy *copy, int in, int out, uint64_t length)
{
    while (length > SMALL && !atomic_load(&copy->no_range)) {
        ssize_t count = copy_file_range(in, NULL, out, NULL,
                                        length < RANGE_AT_ONCE ? length : RANGE_AT_ONCE, 0);

        if (sdme_cancelled(copy->options->cancel))
            return -ECANCELED;
        if (count == 0)
            return -EBUSY;
        if (count > 0)
            length -= (uint64_t) count;
        else if (errno == EXDEV || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)
            atomic_store(&copy->no_range, true);
        else if (errno != EINTR)
            return -errno;
    }
    for (; length > RANGE_AT_ONCE; length -= RANGE_AT_ONCE) {
        int code = copy_through_buffer(in, out, RANGE_AT_ONCE);

        if (code < 0)
            return code;
        if (sdme_cancelled(copy->options->cancel))
            return -ECANCELED;
    }
    return copy_through_buffer(in, out, length);
}

static int copy_with_holes(struct copy *copy, int in, int out, off_t size)
{
    for (off_t at = 0; at < size;) {
        off_t data = lseek(in, at, SEEK_DATA);

        if (data < 0 && errno == ENXIO)
            break;
        off_t hole = data < 0 ? -1 : lseek(in, data, SEEK_HOLE);
        if (data < 0 || hole < 0)
            return -errno;
        if (hole > size)
            hole = size;
        if (data >= hole)
            break;
        if (lseek(in, data, SEEK_SET) < 0 || lseek(out, data, SEEK_SET) < 0)
            return -errno;
        int code = copy_range(copy, in, out, (uint64_t) (hole - data));
        if (code < 0)
            return code;
        at = hole;
    }
    return ftruncate(out, size) < 0 ? -errno : 0;
}

static bool clone_file(struct copy *copy, int in, int out)
{
    if (atomic_load(&copy->no_clone))
        return false;
    if (ioctl(out, FICLONE, in) == 0)
        return true;
    if (errno == EOPNOTSUPP || errno == EXDEV || errno == ENOTTY || errno == ENOSYS)
        atomic_store(&copy->no_clone, true);
    return false;
}

static bool is_same(const struct statx *a, const struct statx *b)
{
    return a->stx_size == b->stx_size && a->stx_mtime.tv_sec == b->stx_mtime.tv_sec &&
           a->stx_mtime.tv_nsec == b->stx_mtime.tv_nsec &&
           a->stx_ctime.tv_sec == b->stx_ctime.tv_sec &&
           a->stx_ctime.tv_nsec == b->stx_ctime.tv_nsec;
}

/* -EBUSY if the file changes meanwhile. */
static int copy_content(struct copy *copy, int in, int out, const struct statx *file)
{
    struct statx now;
    int code = 0;

    if (file->stx_size == 0 || clone_file(copy, in, out))
        code = 0;
    else if (file->stx_blocks * 512 < file->stx_size)
        code = copy_with_holes(copy, in, out, (off_t) file->stx_size);
    else
        code = copy_range(copy, in, out, file->stx_size);
    if (code < 0)
        return code;
    code = stat_fd(in, &now);
    if (code < 0)
        return code;
    return is_same(file, &now) ? 0 : -EBUSY;
}

static bool is_copied(const struct copy *copy, const char *name)
{
    static const char overlay[] = "trusted.overlay.";

    if (copy->options->overlay && !strncmp(name, overlay, strlen(overlay)))
        return true;
    return sdme_attribute_is_kept(name);
}

static int copy_one_attribute(const struct copy *copy, const char *in, const char *out,
                              const char *name)
{
    _cleanup_free_ char *value = malloc(SDME_ATTRIBUTE_MAX);

    if (!value)
        return -ENOMEM;
    ssize_t length = getxattr(in, name, value, SDME_ATTRIBUTE_MAX);
    if (length < 0)
        return errno == ENODATA ? 0 : -errno;
    size_t size = (size_t) length;
    int code = sdme_shift_attribute(&copy->options->shift, name, value, &size, SDME_ATTRIBUTE_MAX);
    if (code < 0)
        return code;
    return setxattr(out, name, value, size, 0) < 0 ? -errno : 0;
}

static int copy_attributes(const struct copy *copy, int in, int out, const char *path,
                           const char *name, struct sdme_error *error)
{
    struct sdme_attribute_names names;
    int code = sdme_attribute_names_read(in, &names);

    if (code < 0)
        return sdme_fail(error, code, "list the attributes of %s/%s", path, name);
    for (size_t i = 0; code >= 0 && i < names.size; i += strlen(names.names + i) + 1) {
        const char *attribute = names.names + i;

        if (!is_copied(copy, attribute))
            continue;
        code = copy_one_attribute(copy, sdme_path_of_fd(in).text, sdme_path_of_fd(out).text,
                                  attribute);
        if (code < 0)
            sdme_fail(error, code, "copy %s of %s/%s", attribute, path, name);
    }
    sdme_attribute_names_free(&names);
    return code;
}

static int set_mode(int fd, const struct statx *file)
{
    if (S_ISLNK(file->stx_mode) || fchmod(fd, file->stx_mode & 07777) == 0)
        return 0;
    if (errno == EBADF && chmod(sdme_path_of_fd(fd).text, file->stx_mode & 07777) == 0) /* O_PATH */
        return 0;
    return -errno;
}

static int set_times(int fd, const struct statx *file)
{
    const struct timespec times[2] = {
        {.tv_sec = file->stx_atime.tv_sec, .tv_nsec = file->stx_atime.tv_nsec},
        {.tv_sec = file->stx_mtime.tv_sec, .tv_nsec = file->stx_mtime.tv_nsec},
    };

    return utimensat(fd, "", times, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/*
 * Makes @out what @in is, apart from the content. The order matters: a new owner takes setuid bits
 * and capabilities away, an ACL changes the mode, and all of them change the times.
 */
static int copy_metadata(const struct copy *copy, int in, int out, const struct statx *file,
                         const char *path, const char *name, struct sdme_error *error)
{
    uid_t uid = sdme_shift_id(&copy->options->shift, file->stx_uid);
    gid_t gid = sdme_shift_id(&copy->options->shift, file->stx_gid);

    if ((uid != copy->uid || gid != copy->gid) && fchownat(out, "", uid, gid, AT_EMPTY_PATH) < 0)
        return sdme_fail(error, errno, "change the owner of the copy of %s/%s", path, name);
    int code = copy_attributes(copy, in, out, path, name, error);
    if (code < 0)
        return code;
    code = set_mode(out, file);
    if (code >= 0)
        code = set_times(out, file);
    return code < 0 ? sdme_fail(error, code, "change the copy of %s/%s", path, name) : 0;
}

/* Gives a file that was copied already one more name: 1, or 0 if it wasn't. */
static int link_known(const struct copy *copy, const char *key, int target_fd, const char *target)
{
    if (linkat(copy->links_fd, key, target_fd, target, 0) == 0)
        return 1;
    return errno == ENOENT ? 0 : -errno;
}

/*
 * Lets the next name of a new file find it. Another thread may have copied it at the same time: the
 * first one stays, and 1 is returned.
 */
static int register_link(const struct copy *copy, const char *key, int target_fd,
                         const char *target)
{
    if (linkat(target_fd, target, copy->links_fd, key, 0) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    if (unlinkat(target_fd, target, 0) < 0)
        return -errno;
    return link_known(copy, key, target_fd, target);
}

static int make_regular(int target_fd, const char *target, int *ret_fd)
{
    int fd = openat(target_fd, target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

static int make_special(int in, const struct statx *file, int target_fd, const char *target,
                        int *ret_fd)
{
    if (S_ISLNK(file->stx_mode)) {
        char link[PATH_MAX];
        ssize_t length = readlinkat(in, "", link, sizeof link - 1);

        if (length < 0)
            return -errno;
        link[length] = '\0';
        if (symlinkat(link, target_fd, target) < 0)
            return -errno;
    } else {
        dev_t device = makedev(file->stx_rdev_major, file->stx_rdev_minor);

        if (mknodat(target_fd, target, file->stx_mode & S_IFMT, device) < 0)
            return -errno;
    }
    int fd = openat(target_fd, target, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        int code = -errno;

        unlinkat(target_fd, target, 0);
        return code;
    }
    *ret_fd = fd;
    return 0;
}

static int fail_copy(struct sdme_error *error, int code, const char *path, const char *name)
{
    if (code == -EBUSY)
        return sdme_fail_as(error, EBUSY, "copy %s/%s: it changed meanwhile", path, name);
    return sdme_fail(error, code, "copy %s/%s", path, name);
}

/* Copies the open file @in, which isn't a directory, to a new name @target. */
static int copy_open_file(struct copy *copy, const struct sdme_walk_directory *directory,
                          const char *name, int in, const struct statx *file, const char *target,
                          struct sdme_error *error)
{
    bool linked = file->stx_nlink > 1 && copy->links_fd >= 0;
    struct link_key key = link_key(file);
    _cleanup_close_ int out = -1;
    int target_fd = directory->target_fd;

    int code = linked ? link_known(copy, key.text, target_fd, target) : 0;
    if (code > 0)
        return 0;
    if (code >= 0)
        code = S_ISREG(file->stx_mode) ? make_regular(target_fd, target, &out)
                                       : make_special(in, file, target_fd, target, &out);
    if (code < 0)
        return fail_copy(error, code, directory->path, name);
    code = linked ? register_link(copy, key.text, target_fd, target) : 0;
    if (code > 0)
        return 0;
    if (code >= 0 && S_ISREG(file->stx_mode))
        code = copy_content(copy, in, out, file);
    if (code < 0)
        fail_copy(error, code, directory->path, name);
    else
        code = copy_metadata(copy, in, out, file, directory->path, name, error);
    if (code < 0)
        unlinkat(target_fd, target, 0);
    atomic_fetch_add(&copy->files, 1);
    atomic_fetch_add(&copy->size, file->stx_size);
    return code;
}

static int copy_entry(struct copy *copy, const struct sdme_walk_directory *directory,
                      const char *name, unsigned char type, const char *target,
                      struct sdme_error *error)
{
    int flags = type == DT_REG ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH;
    _cleanup_close_ int in =
        sdme_walk_open(directory->fd, name, flags, copy->options->crosses_mounts);
    struct statx file;

    if (in == -EXDEV) /* a file that something is mounted on */
        return 0;
    int code = in < 0 ? in : stat_fd(in, &file);
    if (code >= 0 && (IFTODT(file.stx_mode) != type || type == DT_DIR))
        code = -EBUSY;
    if (code < 0)
        return fail_copy(error, code == -ENOENT ? -EBUSY : code, directory->path, name);
    return copy_open_file(copy, directory, name, in, &file, target, error);
}

/* What is said about a name in the paths to leave out. */
static unsigned int exclusion(const struct sdme_path_set *set)
{
    return set ? set->marks : 0;
}

static int copy_file(void *context, const struct sdme_walk_directory *directory, const char *name,
                     unsigned char type, struct sdme_error *error)
{
    if (exclusion(sdme_path_set_find(directory->data, name)) & SDME_TREE_EXCLUDE)
        return 0;
    return copy_entry(context, directory, name, type, name, error);
}

static int open_target(int parent_fd, const char *name, int *ret_fd)
{
    int fd;

    if (mkdirat(parent_fd, name, 0700) < 0)
        return -errno;
    fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        int code = -errno;

        unlinkat(parent_fd, name, AT_REMOVEDIR);
        return code;
    }
    *ret_fd = fd;
    return 0;
}

/* Makes a directory that is as @in, but for what is in it. */
static int make_empty(struct copy *copy, int in, const struct sdme_walk_directory *parent,
                      const char *name, struct sdme_error *error)
{
    _cleanup_close_ int out = -1;
    struct statx file;

    int code = stat_fd(in, &file);
    if (code >= 0)
        code = open_target(parent->target_fd, name, &out);
    if (code < 0)
        return sdme_fail(error, code, "copy %s/%s", parent->path, name);
    atomic_fetch_add(&copy->directories, 1);
    return copy_metadata(copy, in, out, &file, parent->path, name, error);
}

static int enter_directory(void *context, const struct sdme_walk_directory *parent,
                           const char *name, struct sdme_walk_directory *directory,
                           struct sdme_error *error)
{
    struct copy *copy = context;
    const struct sdme_path_set *excluded = sdme_path_set_find(parent->data, name);

    if (exclusion(excluded) & SDME_TREE_EXCLUDE)
        return SDME_WALK_SKIP;
    if (exclusion(excluded) & SDME_TREE_EXCLUDE_CONTENT) {
        int made = make_empty(copy, directory->fd, parent, name, error);
        return made < 0 ? made : SDME_WALK_SKIP;
    }
    directory->data = excluded;
    if (directory->device == copy->target_device && directory->inode == copy->target_inode)
        return sdme_fail_as(error, EINVAL, "copy %s/%s: it is the copy itself", parent->path, name);
    int code = open_target(parent->target_fd, name, &directory->target_fd);
    if (code < 0)
        return sdme_fail(error, code, "copy %s/%s", parent->path, name);
    atomic_fetch_add(&copy->directories, 1);
    return 0;
}

static int finish_directory(void *context, const struct sdme_walk_directory *directory,
                            struct sdme_error *error)
{
    struct statx file;

    int code = stat_fd(directory->fd, &file);
    if (code < 0)
        return sdme_fail(error, code, "copy %s", directory->path);
    return copy_metadata(context, directory->fd, directory->target_fd, &file, directory->path, ".",
                         error);
}

/* What can be seen of a mount point is the root of what is mounted, so that is what is taken. */
static int copy_mount_point(void *context, const struct sdme_walk_directory *parent,
                            const char *name, struct sdme_error *error)
{
    _cleanup_close_ int in = -1;

    if (exclusion(sdme_path_set_find(parent->data, name)) & SDME_TREE_EXCLUDE)
        return 0;
    in = openat(parent->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (in < 0)
        return sdme_fail(error, errno, "copy %s/%s", parent->path, name);
    return make_empty(context, in, parent, name, error);
}

/* The directory may have got a group, a setgid bit and ACLs from its parent, and would pass them on
 * to all that is made in it. */
static int disinherit(struct copy *copy, int fd)
{
    struct stat made;

    fremovexattr(fd, "system.posix_acl_default");
    fremovexattr(fd, "system.posix_acl_access");
    if (fchown(fd, copy->uid, copy->gid) < 0 || fchmod(fd, 0700) < 0 || fstat(fd, &made) < 0)
        return -errno;
    copy->target_device = made.st_dev;
    copy->target_inode = made.st_ino;
    return 0;
}

static int copy_below(struct copy *copy, int source_fd, const char *source, int target_fd,
                      struct sdme_error *error)
{
    const struct sdme_tree_copy *options = copy->options;
    struct sdme_walk_directory root = {.fd = source_fd, .target_fd = target_fd, .path = source};
    struct sdme_walk walk = {
        .enter = enter_directory,
        .file = copy_file,
        .mount = copy_mount_point,
        .finish = finish_directory,
        .context = copy,
        .data = options->exclude,
        .crosses_mounts = options->crosses_mounts,
        .threads = options->threads ? options->threads : sdme_pool_threads(),
        .cancel = options->cancel,
    };

    copy->links_name = sdme_path_temporary();
    int code = open_target(target_fd, copy->links_name.text, &copy->links_fd);
    if (code < 0)
        return sdme_fail(error, code, "copy %s", source);
    code = sdme_walk(&walk, source_fd, target_fd, source, error);
    if (code >= 0)
        code = sdme_tree_remove(target_fd, copy->links_name.text, NULL, error);
    copy->links_fd = sdme_close(copy->links_fd);
    return code < 0 ? code : finish_directory(copy, &root, error);
}

static int copy_directory(struct copy *copy, int source_fd, const char *source, int parent_fd,
                          const char *name, const char *target, struct sdme_error *error)
{
    _cleanup_close_ int target_fd = -1;

    int code = open_target(parent_fd, name, &target_fd);
    if (code < 0)
        return sdme_fail(error, code, "make directory %s", target);
    atomic_fetch_add(&copy->directories, 1);
    code = disinherit(copy, target_fd);
    if (code < 0)
        sdme_fail(error, code, "make directory %s", target);
    else
        code = copy_below(copy, source_fd, source, target_fd, error);
    if (code < 0) {
        target_fd = sdme_close(target_fd); /* removing takes descriptors too */
        sdme_tree_remove(parent_fd, name, NULL, NULL);
    }
    return code;
}

/* Removes what is in a directory, as far as that can be. */
static void empty(int fd, const char *path)
{
    struct sdme_names names;

    if (sdme_names_read(fd, path, &names, NULL) < 0)
        return;
    for (size_t i = 0; i < names.count; i++)
        sdme_tree_remove(fd, names.entries[i].name, NULL, NULL);
    sdme_names_free(&names);
}

static int copy_into(struct copy *copy, int source_fd, const char *source, int target_root,
                     const char *target, struct sdme_error *error)
{
    _cleanup_close_ int target_fd = -1;
    struct sdme_names names;

    int code = sdme_path_open(target_root, target, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                              &target_fd, error);
    if (code >= 0)
        code = sdme_names_read(target_fd, target, &names, error);
    if (code < 0)
        return code;
    bool is_empty = names.count == 0;
    sdme_names_free(&names);
    if (!is_empty)
        return sdme_fail(error, ENOTEMPTY, "copy into %s", target);
    code = disinherit(copy, target_fd);
    if (code < 0)
        return sdme_fail(error, code, "copy into %s", target);
    atomic_fetch_add(&copy->directories, 1);
    code = copy_below(copy, source_fd, source, target_fd, error);
    if (code < 0)
        empty(target_fd, target);
    return code;
}

static int copy_single(struct copy *copy, int source_root, const char *source, int target_fd,
                       const char *target, struct sdme_error *error)
{
    _cleanup_close_ int source_fd = -1;
    char name[NAME_MAX + 1], path[PATH_MAX];
    struct stat file;

    int code = sdme_path_open_parent(source_root, source, &source_fd, name, error);
    if (code < 0)
        return code;
    if (fstatat(source_fd, name, &file, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
        return sdme_fail(error, errno, "copy %s", source);
    snprintf(path, sizeof path, "%s", source);
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    struct sdme_walk_directory directory = {
        .fd = source_fd,
        .target_fd = target_fd,
        .path = slash ? path : ".",
    };
    return copy_entry(copy, &directory, name, (unsigned char) IFTODT(file.st_mode), target, error);
}

/* Copies to a name that is free. */
static int copy_new(struct copy *copy, int source_root, int source_fd, const char *source,
                    int target_root, const char *target, struct sdme_error *error)
{
    _cleanup_close_ int parent_fd = -1;
    char name[NAME_MAX + 1];

    int code = sdme_path_open_parent(target_root, target, &parent_fd, name, error);
    if (code < 0)
        return code;
    if (source_fd < 0)
        return copy_single(copy, source_root, source, parent_fd, name, error);
    return copy_directory(copy, source_fd, source, parent_fd, name, target, error);
}

int sdme_tree_copy(int source_root, const char *source, int target_root, const char *target,
                   const struct sdme_tree_copy *options, struct sdme_tree_size *ret_size,
                   struct sdme_error *error)
{
    struct copy copy = {.options = options, .uid = geteuid(), .gid = getegid(), .links_fd = -1};
    _cleanup_close_ int source_fd = -1;

    int code = sdme_shift_check(&options->shift, error);
    if (code < 0)
        return code;
    code = sdme_path_open(source_root, source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &source_fd,
                          error);
    if (code >= 0 && options->into)
        code = copy_into(&copy, source_fd, source, target_root, target, error);
    else if (code >= 0 || (!options->into && (code == -ENOTDIR || code == -ELOOP)))
        code = copy_new(&copy, source_root, source_fd, source, target_root, target, error);
    if (code < 0)
        return code;
    *ret_size = (struct sdme_tree_size){
        .size = atomic_load(&copy.size),
        .files = atomic_load(&copy.files),
        .directories = atomic_load(&copy.directories),
    };
    return 0;
}
