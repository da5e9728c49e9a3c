/* SPDX-License-Identifier: MIT */
#include "archive_writer.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "path.h"
#include "path_set.h"
#include "tree.h"
#include "util.h"

static const char acl_access[] = "system.posix_acl_access";
static const char acl_default[] = SDME_ACL_DEFAULT;
static const char opaque[] = "trusted.overlay.opaque";

/*
 * The directory that entries are made in, mostly for several of them in a row. Whatever is made
 * changes its times, which it gets back when we leave it: so archives may have their directories in
 * any order, and nothing has to be remembered up to the end.
 */
struct current {
    int fd; /* -1: none */
    bool changed;
    bool gives_group; /* to what is made in it: it has the setgid bit */
    bool gives_acl;
    struct timespec times[2];
    size_t path_size;
    char path[PATH_MAX];
};

struct sdme_archive_writer {
    struct sdme_archive_writer_options options;
    struct current current;
    bool owns_as_root; /* what we make belongs to 0:0 */
    bool default_acls; /* some directory has one */
    bool replaced;     /* something that was there: paths may lead elsewhere now */
    bool saw_whiteout;
    uint64_t size;
    struct sdme_archive_pending *pending;
    struct sdme_path_set *implied; /* directories, with the marks below */
    unsigned int implied_count;
    struct sdme_archive_path path, link; /* of the entry */
};

enum {
    IMPLIED = 1, /* made because something lies in it */
    ENTRY = 2,   /* but there is an entry for it, too */
    IMPLIED_MAX = 1000,
};

int sdme_archive_writer_new(const struct sdme_archive_writer_options *options,
                            struct sdme_archive_writer **ret_writer, struct sdme_error *error)
{
    struct sdme_archive_writer *writer = calloc(1, sizeof *writer);

    if (!writer)
        return sdme_fail(error, ENOMEM, "unpack");
    writer->options = *options;
    writer->current.fd = -1;
    writer->owns_as_root = geteuid() == 0 && getegid() == 0;
    writer->default_acls = fgetxattr(options->root, acl_default, NULL, 0) > 0;
    int code = sdme_archive_pending_new(options->root, &writer->pending, error);
    if (code < 0) {
        free(writer);
        return code;
    }
    *ret_writer = writer;
    return 0;
}

void sdme_archive_writer_free(struct sdme_archive_writer *writer)
{
    if (!writer)
        return;
    sdme_close(writer->current.fd);
    sdme_path_set_free(writer->implied);
    sdme_archive_pending_free(writer->pending);
    free(writer);
}

uint64_t sdme_archive_writer_size(const struct sdme_archive_writer *writer)
{
    return writer->size;
}

bool sdme_archive_writer_saw_whiteout(const struct sdme_archive_writer *writer)
{
    return writer->saw_whiteout;
}

static int leave(struct sdme_archive_writer *writer, struct sdme_error *error)
{
    struct current *current = &writer->current;
    int code = 0;

    if (current->fd >= 0 && current->changed && futimens(current->fd, current->times) < 0)
        code = sdme_fail(error, errno, "set the times of '%s'", current->path);
    current->fd = sdme_close(current->fd);
    return code;
}

/* Makes an open directory the current one, its descriptor included, also if this fails. */
static int adopt(struct sdme_archive_writer *writer, int fd, const char *path, size_t size,
                 struct sdme_error *error)
{
    struct current *current = &writer->current;
    struct stat file;

    int code = leave(writer, error);
    if (code >= 0 && fstat(fd, &file) < 0)
        code = sdme_fail(error, errno, "stat '%s'", path);
    if (code < 0) {
        sdme_close(fd);
        return code;
    }
    current->fd = fd;
    current->changed = false;
    current->gives_group = file.st_mode & S_ISGID;
    current->gives_acl = writer->default_acls && fgetxattr(fd, acl_default, NULL, 0) > 0;
    current->times[0] = file.st_atim;
    current->times[1] = file.st_mtim;
    current->path_size = size;
    memcpy(current->path, path, size);
    current->path[size] = '\0';
    return 0;
}

/* Removes what is there, and says whether that was a whiteout. */
static int make_room(struct sdme_archive_writer *writer, int parent_fd, const char *name,
                     bool *ret_whiteout, struct sdme_error *error)
{
    struct stat file;

    if (fstatat(parent_fd, name, &file, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : sdme_fail(error, errno, "stat");
    *ret_whiteout = S_ISCHR(file.st_mode) && file.st_rdev == 0;
    writer->replaced = true;
    if (S_ISDIR(file.st_mode))
        return sdme_tree_remove(parent_fd, name, NULL, error);
    return unlinkat(parent_fd, name, 0) < 0 ? sdme_fail(error, errno, "replace what is there") : 0;
}

static int set_opaque(struct sdme_archive_writer *writer, const char *path,
                      struct sdme_error *error)
{
    return writer->options.set_trusted(writer->options.context, *path ? path : ".", opaque, "y", 1,
                                       error);
}

static int note_implied(struct sdme_archive_writer *writer, const char *path,
                        struct sdme_error *error)
{
    if (writer->implied_count == IMPLIED_MAX)
        return 0;
    if (writer->implied_count++ == 0) {
        int code = sdme_path_set_new(&writer->implied, error);
        if (code < 0)
            return code;
    }
    return sdme_path_set_add(writer->implied, path, IMPLIED, error);
}

/* There is an entry for the directory after all. Nothing is added to the set but marks. */
static int forget_implied(struct sdme_archive_writer *writer, struct sdme_error *error)
{
    const struct sdme_path_set *set = writer->implied;
    char path[PATH_MAX], *rest = path, *name;

    snprintf(path, sizeof path, "%s", writer->path.text);
    while (set && (name = strsep(&rest, "/")))
        set = sdme_path_set_find(set, name);
    return set ? sdme_path_set_add(writer->implied, writer->path.text, ENTRY, error) : 0;
}

/* A directory that the archive has files in, but didn't mention. */
static int make_implied(struct sdme_archive_writer *writer, int parent_fd, const char *path,
                        const char *name, struct sdme_error *error)
{
    bool was_whiteout = false;
    struct stat parent;

    if (fstat(parent_fd, &parent) < 0)
        return sdme_fail(error, errno, "stat the directory of '%s'", path);
    int code = make_room(writer, parent_fd, name, &was_whiteout, error);
    if (code < 0)
        return code;
    if (mkdirat(parent_fd, name, 0755) < 0)
        return sdme_fail(error, errno, "make directory '%s'", path);
    _cleanup_close_ int fd =
        openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const struct timespec times[2] = {parent.st_atim, parent.st_mtim};
    if (fd < 0 || fchown(fd, geteuid(), getegid()) < 0 ||
        (fremovexattr(fd, acl_access) < 0 && errno != ENODATA && errno != ENOTSUP) ||
        (fremovexattr(fd, acl_default) < 0 && errno != ENODATA && errno != ENOTSUP) ||
        fchmod(fd, 0755) < 0 || futimens(parent_fd, times) < 0)
        return sdme_fail(error, errno, "make directory '%s'", path);
    code = note_implied(writer, path, error);
    return code >= 0 && was_whiteout ? set_opaque(writer, path, error) : code;
}

static bool is_in_the_way(int code)
{
    return code == -ENOENT || code == -ENOTDIR || code == -ELOOP;
}

/* Opens a directory for the current one, and makes what is missing of its path. */
static int open_parents(struct sdme_archive_writer *writer, const char *path, size_t size,
                        int *ret_fd, struct sdme_error *error)
{
    int root = writer->options.root, flags = O_RDONLY | O_DIRECTORY;
    _cleanup_close_ int fd = -1;
    char prefix[PATH_MAX];

    int code = sdme_path_open(root, ".", flags, 0, &fd, error);
    for (size_t start = 0, end; code >= 0 && start < size; start = end + 1) {
        const char *slash = memchr(path + start, '/', size - start);
        int parent_fd = fd, next_fd = -1;

        end = slash ? (size_t) (slash - path) : size;
        memcpy(prefix, path, end);
        prefix[end] = '\0';
        code = sdme_path_open(root, prefix, flags, 0, &next_fd, error);
        if (is_in_the_way(code)) {
            code = make_implied(writer, parent_fd, prefix, prefix + start, error);
            if (code >= 0)
                code = sdme_path_open(root, prefix, flags, 0, &next_fd, error);
        }
        if (code >= 0) {
            sdme_close(fd);
            fd = next_fd;
        }
    }
    if (code >= 0)
        *ret_fd = sdme_take_fd(&fd);
    return code;
}

/* Makes the directory of the path the current one. */
static int enter(struct sdme_archive_writer *writer, const struct sdme_archive_path *path,
                 struct sdme_error *error)
{
    struct current *current = &writer->current;
    size_t size = path->name > 0 ? path->name - 1 : 0;
    char directory[PATH_MAX];
    int fd;

    if (current->fd >= 0 && current->path_size == size && !memcmp(current->path, path->text, size))
        return 0;
    int code = leave(writer, error);
    if (code < 0)
        return code;
    memcpy(directory, path->text, size);
    directory[size] = '\0';
    code = sdme_path_open(writer->options.root, size > 0 ? directory : ".", O_RDONLY | O_DIRECTORY,
                          0, &fd, error);
    if (is_in_the_way(code))
        code = open_parents(writer, directory, size, &fd, error);
    return code < 0 ? code : adopt(writer, fd, directory, size, error);
}

/* Of what was made, or was there, in the current directory; @fd is -1 for what can't be opened. */
static int set_metadata(struct sdme_archive_writer *writer, const struct sdme_tar_entry *entry,
                        int fd, const char *name, bool is_new, struct sdme_error *error)
{
    const struct current *current = &writer->current;
    struct sdme_archive_target target = {
        .fd = fd,
        .directory = current->fd,
        .name = name,
        .path = writer->path.text,
        .is_new = is_new,
        .is_roots = is_new && writer->owns_as_root && !current->gives_group,
        .inherits_acl = is_new && current->gives_acl,
        .set_trusted = writer->options.set_trusted,
        .context = writer->options.context,
        .pending = writer->pending,
    };

    int code = sdme_archive_set_metadata(&target, entry, error);
    writer->default_acls |= target.has_default_acl;
    return code;
}

static int write_all(int fd, const unsigned char *data, size_t size, uint64_t offset,
                     struct sdme_error *error)
{
    while (size > 0) {
        ssize_t count = pwrite(fd, data, size, (off_t) offset);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return sdme_fail(error, errno, "write");
        data += count;
        size -= (size_t) count;
        offset += (uint64_t) count;
    }
    return 0;
}

/* A file without holes is one extent. */
static int write_content(struct sdme_tar *tar, const struct sdme_tar_entry *entry, int fd,
                         struct sdme_error *error)
{
    const struct sdme_tar_extent whole = {0, entry->size};
    const struct sdme_tar_extent *extent = entry->is_sparse ? entry->extents : &whole;
    const struct sdme_tar_extent *end = extent + (entry->is_sparse ? entry->extent_count : 1);
    uint64_t done = 0; /* of the extent */
    const unsigned char *data = NULL;
    size_t size = 0;
    int code;

    if (entry->is_sparse && ftruncate(fd, (off_t) entry->size) < 0)
        return sdme_fail(error, errno, "write");
    while ((code = sdme_tar_data(tar, &data, &size, error)) > 0) {
        while (size > 0) {
            while (extent < end && done == extent->size) {
                extent++;
                done = 0;
            }
            if (extent == end)
                return sdme_fail_as(error, SDME_EFORMAT, "there is more data than the file has");
            uint64_t left = extent->size - done;
            size_t count = size < left ? size : (size_t) left;
            code = write_all(fd, data, count, extent->offset + done, error);
            if (code < 0)
                return code;
            data += count;
            size -= count;
            done += count;
        }
    }
    return code;
}

static int make_regular(struct sdme_archive_writer *writer, struct sdme_tar *tar,
                        const struct sdme_tar_entry *entry, const char *name,
                        struct sdme_error *error)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    bool was_whiteout;
    mode_t mode = entry->mode & 0777;
    int parent_fd = writer->current.fd;

    if (entry->size > writer->options.limits.size - writer->size)
        return sdme_fail_as(error, EFBIG,
                            "with its %llu bytes the files have more than %llu, the "
                            "limit on the size",
                            (unsigned long long) entry->size,
                            (unsigned long long) writer->options.limits.size);
    writer->size += entry->size;
    _cleanup_close_ int fd = openat(parent_fd, name, flags, mode);
    if (fd < 0 && errno == EEXIST) {
        int code = make_room(writer, parent_fd, name, &was_whiteout, error);
        if (code < 0)
            return code;
        fd = openat(parent_fd, name, flags, mode);
    }
    if (fd < 0)
        return sdme_fail(error, errno, "make it");
    int code = write_content(tar, entry, fd, error);
    return code < 0 ? code : set_metadata(writer, entry, fd, name, true, error);
}

static int make_node(const struct sdme_archive_writer *writer, const struct sdme_tar_entry *entry,
                     const char *name)
{
    int parent_fd = writer->current.fd;

    if (S_ISLNK(entry->type))
        return symlinkat(entry->link.data, parent_fd, name);
    return mknodat(parent_fd, name, entry->type | (entry->mode & 0777),
                   makedev(entry->major, entry->minor));
}

/* A symlink, a device, a fifo. */
static int make_special(struct sdme_archive_writer *writer, const struct sdme_tar_entry *entry,
                        const char *name, struct sdme_error *error)
{
    bool was_whiteout;

    if (S_ISLNK(entry->type) && (entry->link.size == 0 || entry->link.size >= PATH_MAX))
        return sdme_fail_as(error, SDME_EFORMAT, "it can't be a symlink to %zu bytes",
                            entry->link.size);
    if (S_ISCHR(entry->type) && entry->major == 0 && entry->minor == 0)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "a character device 0:0 would hide what is below "
                            "it in an overlay");
    int result = make_node(writer, entry, name);
    if (result < 0 && errno == EEXIST) {
        int code = make_room(writer, writer->current.fd, name, &was_whiteout, error);
        if (code < 0)
            return code;
        result = make_node(writer, entry, name);
    }
    if (result < 0)
        return sdme_fail(error, errno, "make it");
    return set_metadata(writer, entry, -1, name, true, error);
}

/* Gives an open directory what the entry says, and goes on in it. */
static int finish_directory(struct sdme_archive_writer *writer, const struct sdme_tar_entry *entry,
                            int fd, bool is_new, struct sdme_error *error)
{
    int code = set_metadata(writer, entry, fd, NULL, is_new, error);

    if (code < 0) {
        sdme_close(fd);
        return code;
    }
    return adopt(writer, fd, writer->path.text, writer->path.size, error);
}

static int make_directory(struct sdme_archive_writer *writer, const struct sdme_tar_entry *entry,
                          const char *name, struct sdme_error *error)
{
    int parent_fd = writer->current.fd, code = 0;
    bool was_whiteout = false, is_new = true;
    struct stat file;

    if (mkdirat(parent_fd, name, 0700) < 0) {
        if (errno != EEXIST)
            return sdme_fail(error, errno, "make it");
        if (fstatat(parent_fd, name, &file, AT_SYMLINK_NOFOLLOW) < 0)
            return sdme_fail(error, errno, "stat");
        is_new = !S_ISDIR(file.st_mode);
        if (is_new)
            code = make_room(writer, parent_fd, name, &was_whiteout, error);
        if (code >= 0 && is_new && mkdirat(parent_fd, name, 0700) < 0)
            code = sdme_fail(error, errno, "make it");
        if (code < 0)
            return code;
    }
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return sdme_fail(error, errno, "open it");
    code = finish_directory(writer, entry, fd, is_new, error);
    if (code >= 0 && !is_new)
        code = forget_implied(writer, error);
    if (code >= 0 && was_whiteout)
        code = set_opaque(writer, writer->path.text, error);
    return code;
}

static int change_top(struct sdme_archive_writer *writer, const struct sdme_tar_entry *entry,
                      struct sdme_error *error)
{
    int fd;

    if (!S_ISDIR(entry->type))
        return sdme_fail_as(error, SDME_EFORMAT, "the top of the tree can only be a directory");
    int code = leave(writer, error);
    if (code >= 0)
        code = sdme_path_open(writer->options.root, ".", O_RDONLY | O_DIRECTORY, 0, &fd, error);
    return code < 0 ? code : finish_directory(writer, entry, fd, false, error);
}

/* The directory that a hard link's target is in, opened as that of an entry. */
static int open_link_parent(struct sdme_archive_writer *writer, int *ret_fd,
                            struct sdme_error *error)
{
    struct sdme_archive_path *link = &writer->link;
    size_t size = link->name > 0 ? link->name - 1 : 0;
    char directory[PATH_MAX];

    memcpy(directory, link->text, size);
    directory[size] = '\0';
    return sdme_path_open(writer->options.root, size > 0 ? directory : ".", O_PATH | O_DIRECTORY, 0,
                          ret_fd, error);
}

static int make_hard_link(struct sdme_archive_writer *writer, const struct sdme_tar_entry *entry,
                          const char *name, struct sdme_error *error)
{
    const struct sdme_archive_limits *limits = &writer->options.limits;
    struct sdme_archive_path *link = &writer->link;
    int parent_fd = writer->current.fd;
    _cleanup_close_ int link_fd = -1;
    struct stat old, file;
    bool was_whiteout;

    int code = sdme_archive_path_clean(entry->link.data, entry->link.size, limits->path,
                                       limits->depth, link, error);
    if (code < 0)
        return sdme_fail_in(error, code, "a hard link to '%.200s'", entry->link.data);
    code = open_link_parent(writer, &link_fd, NULL);
    if (code < 0 || fstatat(link_fd, link->text + link->name, &file, AT_SYMLINK_NOFOLLOW) < 0)
        return sdme_fail_as(error, SDME_EFORMAT, "a hard link to '%.200s', which isn't there",
                            link->text);
    if (S_ISDIR(file.st_mode) || (S_ISCHR(file.st_mode) && file.st_rdev == 0))
        return sdme_fail_as(error, SDME_EFORMAT, "a hard link to '%.200s', which is no file",
                            link->text);
    if (fstatat(parent_fd, name, &old, AT_SYMLINK_NOFOLLOW) == 0) {
        if (old.st_ino == file.st_ino && old.st_dev == file.st_dev)
            return 0;
        code = make_room(writer, parent_fd, name, &was_whiteout, error);
        if (code < 0)
            return code;
    }
    if (linkat(link_fd, link->text + link->name, parent_fd, name, 0) < 0)
        return sdme_fail(error, errno, "link it to '%.200s'", link->text);
    return 0;
}

/*
 * Whiteouts say something of the layers below only: what this layer has of that name stays, and if
 * it is a directory, nothing of the one below shows in it.
 */
static int make_whiteout(struct sdme_archive_writer *writer, struct sdme_error *error)
{
    struct sdme_archive_path *path = &writer->path;
    const char *name = path->text + path->name + strlen(SDME_WHITEOUT_PREFIX);
    struct stat file;

    if (mknodat(writer->current.fd, name, S_IFCHR, makedev(0, 0)) == 0) {
        writer->current.changed = true;
        return 0;
    }
    if (errno != EEXIST)
        return sdme_fail(error, errno, "make the whiteout");
    if (fstatat(writer->current.fd, name, &file, AT_SYMLINK_NOFOLLOW) < 0)
        return sdme_fail(error, errno, "stat");
    if (!S_ISDIR(file.st_mode))
        return 0;
    memmove(path->text + path->name, name, strlen(name) + 1);
    return set_opaque(writer, path->text, error);
}

static int add_mark(struct sdme_archive_writer *writer, enum sdme_archive_mark mark,
                    struct sdme_error *error)
{
    if (mark == SDME_MARK_IGNORED)
        return 0;
    if (mark == SDME_MARK_BROKEN)
        return sdme_fail_as(error, SDME_EFORMAT, "a whiteout of nothing that could be there");
    int code = enter(writer, &writer->path, error);
    if (code < 0)
        return code;
    return mark == SDME_MARK_OPAQUE ? set_opaque(writer, writer->current.path, error)
                                    : make_whiteout(writer, error);
}

static int add_file(struct sdme_archive_writer *writer, struct sdme_tar *tar,
                    const struct sdme_tar_entry *entry, struct sdme_error *error)
{
    const char *name = writer->path.text + writer->path.name;

    int code = enter(writer, &writer->path, error);
    if (code < 0)
        return code;
    writer->current.changed = true;
    switch (entry->type) {
    case S_IFDIR:
        return make_directory(writer, entry, name, error);
    case S_IFREG:
        return make_regular(writer, tar, entry, name, error);
    case 0:
        return make_hard_link(writer, entry, name, error);
    default:
        return make_special(writer, entry, name, error);
    }
}

int sdme_archive_writer_add(struct sdme_archive_writer *writer, struct sdme_tar *tar,
                            const struct sdme_tar_entry *entry, struct sdme_error *error)
{
    const struct sdme_archive_limits *limits = &writer->options.limits;
    enum sdme_archive_mark mark = SDME_MARK_NONE;

    int code = sdme_archive_path_clean(entry->path.data, entry->path.size, limits->path,
                                       limits->depth, &writer->path, error);
    if (code >= 0) {
        mark = sdme_archive_path_mark(&writer->path);
        writer->saw_whiteout |= mark != SDME_MARK_NONE;
        if (writer->path.size == 0)
            code = change_top(writer, entry, error);
        else if (writer->options.whiteouts && mark != SDME_MARK_NONE)
            code = add_mark(writer, mark, error);
        else
            code = add_file(writer, tar, entry, error);
    }
    if (code >= 0 && writer->replaced)
        code = leave(writer, error);
    writer->replaced = false;
    if (code < 0)
        sdme_fail_in(error, code, "entry %llu '%.200s' at offset %llu",
                     (unsigned long long) entry->number, entry->path.data,
                     (unsigned long long) entry->offset);
    return code < 0 ? code : 0;
}

/* The path of @set, and then those in it; @size bytes of @path are the one of its parent. */
static int each_implied(const struct sdme_path_set *set, char *path, size_t size,
                        int (*found)(void *context, const char *path, struct sdme_error *error),
                        void *context, struct sdme_error *error)
{
    int code = 0;

    for (set = set->children; set && code >= 0; set = set->next) {
        size_t end = size + (size > 0) + strlen(set->name);

        if (end >= PATH_MAX)
            continue;
        snprintf(path + size, PATH_MAX - size, "%s%s", size > 0 ? "/" : "", set->name);
        if (set->marks == IMPLIED)
            code = found(context, path, error);
        if (code >= 0)
            code = each_implied(set, path, end, found, context, error);
        path[size] = '\0';
    }
    return code;
}

int sdme_archive_writer_each_implied(const struct sdme_archive_writer *writer,
                                     int (*found)(void *context, const char *path,
                                                  struct sdme_error *error),
                                     void *context, struct sdme_error *error)
{
    char path[PATH_MAX] = "";

    return writer->implied ? each_implied(writer->implied, path, 0, found, context, error) : 0;
}

int sdme_archive_writer_finish(struct sdme_archive_writer *writer, struct sdme_error *error)
{
    int code = leave(writer, error);

    return code < 0 ? code : sdme_archive_pending_set(writer->pending, error);
}
