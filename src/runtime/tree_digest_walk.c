/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>

#include "path.h"
#include "pool.h"
#include "tree_digest.h"
#include "walk.h"

/* A directory: what is left out of it, and where it is. */
struct node {
    const struct sdme_path_set *excluded;
    struct sdme_tree_digest_path path;
    struct node *next;
};

struct reading {
    const struct sdme_tree_copy *options;
    struct sdme_tree_digest *digest;
    struct node root;
    struct node *nodes; /* which live as long as the walk */
    atomic_ullong size;
    atomic_ullong files;
    atomic_ullong directories;
};

static unsigned int exclusion(const struct sdme_path_set *set)
{
    return set ? set->marks : 0;
}

static int fail(struct sdme_error *error, int code, const char *path, const char *name)
{
    if (code == -EBUSY)
        return sdme_fail_as(error, EBUSY, "read %s/%s: it changed meanwhile", path, name);
    return sdme_fail(error, code, "read %s/%s", path, name);
}

/* Adds what is open; a file must not change while it is read. */
static int add(struct reading *reading, const struct sdme_tree_digest_entry *entry,
               struct sdme_error *error)
{
    struct statx now;

    int code = sdme_tree_digest_add(reading->digest, entry, error);
    if (code < 0)
        return code;
    if (S_ISDIR(entry->file->stx_mode)) {
        atomic_fetch_add(&reading->directories, 1);
        return 0;
    }
    code = sdme_tree_stat(entry->fd, &now);
    if (code >= 0 && !sdme_tree_is_same(entry->file, &now))
        code = -EBUSY;
    if (code < 0)
        return fail(error, code, entry->path, entry->shown);
    atomic_fetch_add(&reading->files, 1);
    atomic_fetch_add(&reading->size, entry->file->stx_size);
    return 0;
}

/* @label: the name within the tree. */
static int read_file(struct reading *reading, const struct sdme_walk_directory *directory,
                     const struct node *node, const char *name, const char *label,
                     unsigned char type, struct sdme_error *error)
{
    int flags = type == DT_REG ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH;
    _cleanup_close_ int fd =
        sdme_walk_open(directory->fd, name, flags, reading->options->crosses_mounts);
    struct statx file;

    if (fd == -EXDEV) /* a file that something is mounted on */
        return 0;
    int code = fd < 0 ? fd : sdme_tree_stat(fd, &file);
    if (code >= 0 && (IFTODT(file.stx_mode) != type || type == DT_DIR))
        code = -EBUSY;
    if (code < 0)
        return fail(error, code == -ENOENT ? -EBUSY : code, directory->path, name);
    struct sdme_tree_digest_entry entry = {
        .directory = &node->path,
        .name = label,
        .fd = fd,
        .file = &file,
        .content_fd = fd,
        .path = directory->path,
        .shown = name,
    };
    return add(reading, &entry, error);
}

static int digest_file(void *context, const struct sdme_walk_directory *directory, const char *name,
                       unsigned char type, struct sdme_error *error)
{
    const struct node *node = directory->data;

    if (exclusion(sdme_path_set_find(node->excluded, name)) & SDME_TREE_EXCLUDE)
        return 0;
    return read_file(context, directory, node, name, name, type, error);
}

static int read_directory(struct reading *reading, const struct sdme_tree_digest_path *path, int fd,
                          const char *shown, struct sdme_error *error)
{
    struct statx file;
    int code = sdme_tree_stat(fd, &file);

    if (code < 0)
        return sdme_fail(error, code, "read %s", shown);
    struct sdme_tree_digest_entry entry = {
        .directory = path,
        .name = "",
        .fd = fd,
        .file = &file,
        .content_fd = -1,
        .path = shown,
        .shown = ".",
    };
    return add(reading, &entry, error);
}

/* A directory without what is in it. */
static int read_empty(struct reading *reading, const struct sdme_walk_directory *parent,
                      const char *name, int fd, struct sdme_error *error)
{
    const struct node *node = parent->data;
    struct sdme_tree_digest_path path;
    int code = sdme_tree_digest_descend(reading->digest, &node->path, name, &path, error);

    return code < 0 ? code : read_directory(reading, &path, fd, parent->path, error);
}

static int enter(void *context, const struct sdme_walk_directory *parent, const char *name,
                 struct sdme_walk_directory *directory, struct sdme_error *error)
{
    struct reading *reading = context;
    const struct node *above = parent->data;
    const struct sdme_path_set *excluded = sdme_path_set_find(above->excluded, name);

    if (exclusion(excluded) & SDME_TREE_EXCLUDE)
        return SDME_WALK_SKIP;
    if (exclusion(excluded) & SDME_TREE_EXCLUDE_CONTENT) {
        int code = read_empty(reading, parent, name, directory->fd, error);
        return code < 0 ? code : SDME_WALK_SKIP;
    }
    struct node *node = malloc(sizeof *node);
    if (!node)
        return sdme_fail(error, ENOMEM, "read %s/%s", parent->path, name);
    node->excluded = excluded;
    node->next = reading->nodes;
    reading->nodes = node;
    directory->data = node;
    return sdme_tree_digest_descend(reading->digest, &above->path, name, &node->path, error);
}

static int read_mount_point(void *context, const struct sdme_walk_directory *parent,
                            const char *name, struct sdme_error *error)
{
    const struct node *node = parent->data;
    _cleanup_close_ int fd = -1;

    if (exclusion(sdme_path_set_find(node->excluded, name)) & SDME_TREE_EXCLUDE)
        return 0;
    fd = openat(parent->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return sdme_fail(error, errno, "read %s/%s", parent->path, name);
    return read_empty(context, parent, name, fd, error);
}

static int finish(void *context, const struct sdme_walk_directory *directory,
                  struct sdme_error *error)
{
    const struct node *node = directory->data;

    return read_directory(context, &node->path, directory->fd, directory->path, error);
}

static int read_tree(struct reading *reading, int fd, const char *source, struct sdme_error *error)
{
    const struct sdme_tree_copy *options = reading->options;
    struct sdme_walk walk = {
        .enter = enter,
        .file = digest_file,
        .mount = read_mount_point,
        .finish = finish,
        .context = reading,
        .data = &reading->root,
        .crosses_mounts = options->crosses_mounts,
        .threads = options->threads ? options->threads : sdme_pool_threads(),
        .cancel = options->cancel,
    };

    int code = sdme_walk(&walk, fd, -1, source, error);
    if (code >= 0)
        code = read_directory(reading, &reading->root.path, fd, source, error);
    while (reading->nodes) {
        struct node *node = reading->nodes;

        reading->nodes = node->next;
        free(node);
    }
    return code;
}

static int read_single(struct reading *reading, int source_root, const char *source,
                       struct sdme_error *error)
{
    _cleanup_close_ int parent_fd = -1;
    char name[NAME_MAX + 1], path[PATH_MAX];
    struct stat file;

    int code = sdme_path_open_parent(source_root, source, &parent_fd, name, error);
    if (code < 0)
        return code;
    snprintf(path, sizeof path, "%s", source);
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    if (fstatat(parent_fd, name, &file, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
        return sdme_fail(error, errno, "read %s", source);
    struct sdme_walk_directory directory = {
        .fd = parent_fd, .target_fd = -1, .path = slash ? path : "."};
    return read_file(reading, &directory, &reading->root, name, "",
                     (unsigned char) IFTODT(file.st_mode), error);
}

int sdme_tree_digest(int source_root, const char *source, const struct sdme_tree_copy *options,
                     char ret_hex[SDME_DIGEST_HEX], struct sdme_tree_size *ret_size,
                     struct sdme_error *error)
{
    struct reading reading = {.options = options, .root.excluded = options->exclude};
    _cleanup_close_ int fd = -1;

    int code = sdme_shift_check(&options->metadata.shift, error);
    if (code >= 0)
        code = sdme_tree_digest_new(&options->metadata, options->cancel, &reading.digest, error);
    if (code < 0)
        return code;
    code = sdme_path_open(source_root, source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, error);
    if (code >= 0)
        code = read_tree(&reading, fd, source, error);
    else if (code == -ENOTDIR || code == -ELOOP)
        code = read_single(&reading, source_root, source, error);
    if (code >= 0)
        code = sdme_tree_digest_value(reading.digest, ret_hex, error);
    sdme_tree_digest_free(reading.digest);
    if (code < 0)
        return code;
    *ret_size = (struct sdme_tree_size){
        .size = atomic_load(&reading.size),
        .files = atomic_load(&reading.files),
        .directories = atomic_load(&reading.directories),
    };
    return 0;
}
