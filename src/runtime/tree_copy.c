/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "directory.h"
#include "path.h"
#include "pool.h"
#include "tree.h"
#include "tree_content.h"
#include "tree_digest.h"
#include "walk.h"

/* What the walk has for each directory. */
struct node {
    const struct sdme_path_set *excluded; /* what is left out of it */
    struct sdme_tree_digest_path digest_path;
    bool was_there; /* its counterpart, before the copy */
    struct node *next;
    char target[]; /* merging: the path of its counterpart; "" where that is too long for a path */
};

struct copy {
    const struct sdme_tree_copy *options;
    int target_root;
    const char *target;
    struct node *nodes; /* which live as long as the walk */
    uid_t uid;          /* what we make is ours at first */
    gid_t gid;
    dev_t target_device;
    ino_t target_inode;
    struct sdme_tree_content content;
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
    int fd = openat(target_fd, target, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

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
    if (code == -EISDIR)
        return sdme_fail_as(error, EISDIR, "copy %s/%s: a directory is in its place", path, name);
    return sdme_fail(error, code, "copy %s/%s", path, name);
}

/* Has a file that is there already make room for its successor. */
static int make_room(int target_fd, const char *target)
{
    struct stat there;

    if (fstatat(target_fd, target, &there, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (S_ISDIR(there.st_mode))
        return -EISDIR;
    return unlinkat(target_fd, target, 0) < 0 ? -errno : 0;
}

/* What is copied, and where to. */
struct item {
    const struct sdme_walk_directory *directory;
    const char *name;
    const char *label; /* within the tree: "" for what is all of it */
    const char *target;
    struct statx file;
};

static int digest_item(const struct copy *copy, const struct item *item, int in, int content_fd,
                       struct sdme_error *error)
{
    const struct node *node = item->directory->data;
    struct sdme_tree_digest_entry entry = {
        .directory = &node->digest_path,
        .name = item->label,
        .fd = in,
        .file = &item->file,
        .content_fd = content_fd,
        .path = item->directory->path,
        .shown = item->name,
    };

    return copy->options->digest ? sdme_tree_digest_add(copy->options->digest, &entry, error) : 0;
}

/* Makes it what the source is. What was written is what is digested. */
static int fill(struct copy *copy, const struct item *item, int in, int out,
                struct sdme_error *error)
{
    const char *path = item->directory->path;
    int code = 0;

    if (S_ISREG(item->file.stx_mode))
        code = sdme_tree_content_copy(&copy->content, in, out, &item->file);
    if (code < 0)
        return fail_copy(error, code, path, item->name);
    code = digest_item(copy, item, in, out, error);
    if (code < 0)
        return code;
    return sdme_tree_metadata_copy(&copy->options->metadata, in, out, &item->file, copy->uid,
                                   copy->gid, path, item->name, error);
}

/* Copies the open file @in, which isn't a directory, to a new name. */
static int copy_open_file(struct copy *copy, const struct item *item, int in,
                          struct sdme_error *error)
{
    const struct node *node = item->directory->data;
    const struct statx *file = &item->file;
    bool linked = file->stx_nlink > 1 && copy->links_fd >= 0;
    struct link_key key = link_key(file);
    _cleanup_close_ int out = -1;
    int target_fd = item->directory->target_fd;

    int code = node->was_there ? make_room(target_fd, item->target) : 0;
    if (code >= 0 && linked)
        code = link_known(copy, key.text, target_fd, item->target);
    if (code > 0) /* whoever copies it may not have come to its end yet */
        return digest_item(copy, item, in, in, error);
    if (code >= 0)
        code = S_ISREG(file->stx_mode) ? make_regular(target_fd, item->target, &out)
                                       : make_special(in, file, target_fd, item->target, &out);
    if (code < 0)
        return fail_copy(error, code, item->directory->path, item->name);
    code = linked ? register_link(copy, key.text, target_fd, item->target) : 0;
    if (code > 0)
        return digest_item(copy, item, in, in, error);
    if (code < 0)
        fail_copy(error, code, item->directory->path, item->name);
    else
        code = fill(copy, item, in, out, error);
    if (code < 0)
        unlinkat(target_fd, item->target, 0);
    atomic_fetch_add(&copy->files, 1);
    atomic_fetch_add(&copy->size, file->stx_size);
    return code;
}

static int copy_entry(struct copy *copy, struct item *item, unsigned char type,
                      struct sdme_error *error)
{
    const struct sdme_walk_directory *directory = item->directory;
    int flags = type == DT_REG ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH;
    _cleanup_close_ int in =
        sdme_walk_open(directory->fd, item->name, flags, copy->options->crosses_mounts);

    if (in == -EXDEV) /* a file that something is mounted on */
        return 0;
    int code = in < 0 ? in : sdme_tree_stat(in, &item->file);
    if (code >= 0 && (IFTODT(item->file.stx_mode) != type || type == DT_DIR))
        code = -EBUSY;
    if (code < 0)
        return fail_copy(error, code == -ENOENT ? -EBUSY : code, directory->path, item->name);
    return copy_open_file(copy, item, in, error);
}

/* What is said about a name in the paths to leave out. */
static unsigned int exclusion(const struct sdme_path_set *set)
{
    return set ? set->marks : 0;
}

static const struct sdme_path_set *find_excluded(const struct sdme_walk_directory *directory,
                                                 const char *name)
{
    const struct node *node = directory->data;

    return sdme_path_set_find(node->excluded, name);
}

static int copy_file(void *context, const struct sdme_walk_directory *directory, const char *name,
                     unsigned char type, struct sdme_error *error)
{
    struct item item = {.directory = directory, .name = name, .label = name, .target = name};

    if (exclusion(find_excluded(directory, name)) & SDME_TREE_EXCLUDE)
        return 0;
    return copy_entry(context, &item, type, error);
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

/* Opens the directory that is there already; a symlink to one leads nowhere but in the root. */
static int open_existing(const struct copy *copy, int parent_fd, const char *name,
                         const char *target, int *ret_fd, bool *ret_is_apart)
{
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int code = fd < 0 ? -errno : 0;

    if (code == -ENOTDIR || code == -ELOOP) {
        code = *target
                   ? sdme_path_open(copy->target_root, target, O_RDONLY | O_DIRECTORY, 0, &fd, NULL)
                   : -ENAMETOOLONG;
        *ret_is_apart = true;
    }
    if (code >= 0)
        *ret_fd = fd;
    return code;
}

static int digest_directory(const struct copy *copy, const struct sdme_tree_digest_path *path,
                            int in, const struct statx *file, const char *shown,
                            struct sdme_error *error)
{
    struct sdme_tree_digest_entry entry = {
        .directory = path,
        .name = "",
        .fd = in,
        .file = file,
        .content_fd = -1,
        .path = shown,
    };

    return copy->options->digest ? sdme_tree_digest_add(copy->options->digest, &entry, error) : 0;
}

static int descend(const struct copy *copy, const struct sdme_walk_directory *parent,
                   const char *name, struct sdme_tree_digest_path *ret_path,
                   struct sdme_error *error)
{
    const struct node *above = parent->data;

    if (!copy->options->digest)
        return 0;
    return sdme_tree_digest_descend(copy->options->digest, &above->digest_path, name, ret_path,
                                    error);
}

/* Makes a directory that is as @in, but for what is in it. */
static int make_empty(struct copy *copy, int in, const struct sdme_walk_directory *parent,
                      const char *name, struct sdme_error *error)
{
    _cleanup_close_ int out = -1;
    struct sdme_tree_digest_path path;
    struct statx file;

    int code = sdme_tree_stat(in, &file);
    if (code >= 0)
        code = open_target(parent->target_fd, name, &out);
    bool was_there = code == -EEXIST && copy->options->merge;
    if (code < 0 && !was_there)
        return sdme_fail(error, code, "copy %s/%s", parent->path, name);
    atomic_fetch_add(&copy->directories, 1);
    code = descend(copy, parent, name, &path, error);
    if (code >= 0)
        code = digest_directory(copy, &path, in, &file, parent->path, error);
    if (code < 0 || was_there)
        return code;
    return sdme_tree_metadata_copy(&copy->options->metadata, in, out, &file, copy->uid, copy->gid,
                                   parent->path, name, error);
}

/* The node of a directory whose counterpart is @target, or @name in that. */
static struct node *new_node(struct copy *copy, const struct sdme_path_set *excluded,
                             const char *target, const char *name)
{
    bool is_path = copy->options->merge && *target;
    size_t size = is_path ? strlen(target) + strlen(name) + 2 : 1;

    if (size > PATH_MAX)
        size = 1;
    struct node *node = calloc(1, sizeof *node + size);
    if (!node)
        return NULL;
    if (size > 1)
        stpcpy(stpcpy(stpcpy(node->target, target), *name ? "/" : ""), name);
    node->excluded = excluded;
    node->next = copy->nodes;
    copy->nodes = node;
    return node;
}

static void free_nodes(struct copy *copy)
{
    while (copy->nodes) {
        struct node *node = copy->nodes;

        copy->nodes = node->next;
        free(node);
    }
}

static int enter_target(struct copy *copy, const struct sdme_walk_directory *parent,
                        const char *name, struct node *node, struct sdme_walk_directory *directory,
                        struct sdme_error *error)
{
    int code = open_target(parent->target_fd, name, &directory->target_fd);

    if (code == -EEXIST && copy->options->merge) {
        node->was_there = true;
        code = open_existing(copy, parent->target_fd, name, node->target, &directory->target_fd,
                             &directory->is_apart);
        if (code == -ENOTDIR)
            return sdme_fail_as(error, ENOTDIR, "copy %s/%s: something else is in its place",
                                parent->path, name);
    }
    if (code < 0)
        return sdme_fail(error, code, "copy %s/%s", parent->path, name);
    atomic_fetch_add(&copy->directories, 1);
    return 0;
}

static int enter_directory(void *context, const struct sdme_walk_directory *parent,
                           const char *name, struct sdme_walk_directory *directory,
                           struct sdme_error *error)
{
    struct copy *copy = context;
    const struct node *above = parent->data;
    const struct sdme_path_set *excluded = find_excluded(parent, name);

    if (exclusion(excluded) & SDME_TREE_EXCLUDE)
        return SDME_WALK_SKIP;
    if (exclusion(excluded) & SDME_TREE_EXCLUDE_CONTENT) {
        int made = make_empty(copy, directory->fd, parent, name, error);
        return made < 0 ? made : SDME_WALK_SKIP;
    }
    if (directory->device == copy->target_device && directory->inode == copy->target_inode)
        return sdme_fail_as(error, EINVAL, "copy %s/%s: it is the copy itself", parent->path, name);
    struct node *node = new_node(copy, excluded, above->target, name);
    if (!node)
        return sdme_fail(error, ENOMEM, "copy %s/%s", parent->path, name);
    directory->data = node;
    int code = descend(copy, parent, name, &node->digest_path, error);
    return code < 0 ? code : enter_target(copy, parent, name, node, directory, error);
}

static int finish_directory(void *context, const struct sdme_walk_directory *directory,
                            struct sdme_error *error)
{
    const struct copy *copy = context;
    const struct node *node = directory->data;
    struct statx file;

    int code = sdme_tree_stat(directory->fd, &file);
    if (code < 0)
        return sdme_fail(error, code, "copy %s", directory->path);
    code = digest_directory(copy, &node->digest_path, directory->fd, &file, directory->path, error);
    if (code < 0 || node->was_there)
        return code;
    return sdme_tree_metadata_copy(&copy->options->metadata, directory->fd, directory->target_fd,
                                   &file, copy->uid, copy->gid, directory->path, ".", error);
}

/* What can be seen of a mount point is the root of what is mounted, so that is what is taken. */
static int copy_mount_point(void *context, const struct sdme_walk_directory *parent,
                            const char *name, struct sdme_error *error)
{
    _cleanup_close_ int in = -1;

    if (exclusion(find_excluded(parent, name)) & SDME_TREE_EXCLUDE)
        return 0;
    in = openat(parent->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (in < 0)
        return sdme_fail(error, errno, "copy %s/%s", parent->path, name);
    return make_empty(context, in, parent, name, error);
}

static int note_target(struct copy *copy, int fd)
{
    struct stat target;

    if (fstat(fd, &target) < 0)
        return -errno;
    copy->target_device = target.st_dev;
    copy->target_inode = target.st_ino;
    return 0;
}

/* The directory may have got a group, a setgid bit and ACLs from its parent, and would pass them on
 * to all that is made in it. */
static int disinherit(struct copy *copy, int fd)
{
    fremovexattr(fd, "system.posix_acl_default");
    fremovexattr(fd, "system.posix_acl_access");
    if (fchown(fd, copy->uid, copy->gid) < 0 || fchmod(fd, 0700) < 0)
        return -errno;
    return note_target(copy, fd);
}

static int walk_below(struct copy *copy, struct node *node, int source_fd, const char *source,
                      int target_fd, struct sdme_error *error)
{
    const struct sdme_tree_copy *options = copy->options;
    struct sdme_walk_directory root = {
        .fd = source_fd,
        .target_fd = target_fd,
        .path = source,
        .data = node,
    };
    struct sdme_walk walk = {
        .enter = enter_directory,
        .file = copy_file,
        .mount = copy_mount_point,
        .finish = finish_directory,
        .context = copy,
        .data = node,
        .crosses_mounts = options->crosses_mounts,
        .threads = options->threads ? options->threads : sdme_pool_threads(),
        .cancel = options->cancel,
    };

    int code = sdme_walk(&walk, source_fd, target_fd, source, error);
    if (code >= 0)
        code = sdme_tree_remove(target_fd, copy->links_name.text, NULL, error);
    copy->links_fd = sdme_close(copy->links_fd);
    return code < 0 ? code : finish_directory(copy, &root, error);
}

static int copy_below(struct copy *copy, int source_fd, const char *source, int target_fd,
                      bool was_there, struct sdme_error *error)
{
    struct node *node = new_node(copy, copy->options->exclude, copy->target, "");

    if (!node)
        return sdme_fail(error, ENOMEM, "copy %s", source);
    node->was_there = was_there;
    copy->links_name = sdme_path_temporary();
    int code = open_target(target_fd, copy->links_name.text, &copy->links_fd);
    if (code < 0)
        sdme_fail(error, code, "copy %s", source);
    else
        code = walk_below(copy, node, source_fd, source, target_fd, error);
    free_nodes(copy);
    return code;
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
        code = copy_below(copy, source_fd, source, target_fd, false, error);
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
    code = copy_below(copy, source_fd, source, target_fd, false, error);
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
    struct node node = {.was_there = copy->options->merge};
    struct sdme_walk_directory directory = {
        .fd = source_fd,
        .target_fd = target_fd,
        .data = &node,
        .path = slash ? path : ".",
    };
    struct item item = {.directory = &directory, .name = name, .label = "", .target = target};
    return copy_entry(copy, &item, (unsigned char) IFTODT(file.st_mode), error);
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

/* Copies a directory to what may be there already. */
static int copy_merge(struct copy *copy, int source_fd, const char *source, int target_root,
                      const char *target, struct sdme_error *error)
{
    _cleanup_close_ int target_fd = -1;

    int code = sdme_path_open(target_root, target, O_RDONLY | O_DIRECTORY, 0, &target_fd, error);
    if (code == -ENOENT)
        return copy_new(copy, SDME_NO_ROOT, source_fd, source, target_root, target, error);
    if (code >= 0)
        code = note_target(copy, target_fd);
    if (code < 0)
        return code;
    atomic_fetch_add(&copy->directories, 1);
    return copy_below(copy, source_fd, source, target_fd, true, error);
}

int sdme_tree_copy(int source_root, const char *source, int target_root, const char *target,
                   const struct sdme_tree_copy *options, struct sdme_tree_size *ret_size,
                   struct sdme_error *error)
{
    struct copy copy = {
        .options = options,
        .target_root = target_root,
        .target = target,
        .uid = geteuid(),
        .gid = getegid(),
        .content.cancel = options->cancel,
        .links_fd = -1,
    };
    _cleanup_close_ int source_fd = -1;

    int code = sdme_shift_check(&options->metadata.shift, error);
    if (code < 0)
        return code;
    code = sdme_path_open(source_root, source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &source_fd,
                          error);
    if (code >= 0 && options->into)
        code = copy_into(&copy, source_fd, source, target_root, target, error);
    else if (code >= 0 && options->merge)
        code = copy_merge(&copy, source_fd, source, target_root, target, error);
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
