/* SPDX-License-Identifier: MIT */
#include "archive_pack.h"

#include <fcntl.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "archive_pack_header.h"
#include "archive_pack_sparse.h"
#include "attribute.h"
#include "path.h"
#include "walk.h"

static const char whiteout_prefix[] = ".wh.", opaque_name[] = ".wh..wh..opq";

/* A file that has several names, by the first of them. */
struct link {
    uint64_t device;
    uint64_t inode;
    char path[];
};

struct pack {
    const struct sdme_archive_pack *options;
    struct sdme_archive_progress *progress;
    struct sdme_pack_output *output;
    struct sdme_pack_header header;
    void *links; /* of tsearch(3) */
    char *path;  /* of the entry at hand: its directory's with a slash, then its name */
    size_t path_room;
    size_t directory_length;
    char *value; /* SDME_ATTRIBUTE_MAX bytes */
};

/* What is being packed. */
struct item {
    int fd;
    const char *directory; /* for messages, as is the name */
    const char *name;
    struct statx file;
    struct sdme_pack_sparse sparse;
    bool opaque;
    bool whiteout;
    char link[PATH_MAX];
};

static int fail_item(struct sdme_error *error, int code, const struct item *item)
{
    if (code == -EBUSY)
        return sdme_fail_as(error, EBUSY, "pack %s/%s: it changed meanwhile", item->directory,
                            item->name);
    if (code == -E2BIG)
        return sdme_fail_as(error, E2BIG,
                            "pack %s/%s: its name and attributes take more than the 1 MiB that "
                            "fits into a tar header",
                            item->directory, item->name);
    return sdme_fail(error, code, "pack %s/%s", item->directory, item->name);
}

/* "PATH/NAME" + @suffix as the path at hand; "/" for a directory. */
static int set_path(struct pack *pack, const char *prefix, const char *name, const char *suffix)
{
    size_t needed = pack->directory_length + strlen(prefix) + strlen(name) + strlen(suffix) + 1;

    if (needed > pack->path_room) {
        char *path = realloc(pack->path, 2 * needed + 256);

        if (!path)
            return -ENOMEM;
        pack->path = path;
        pack->path_room = 2 * needed + 256;
    }
    stpcpy(stpcpy(stpcpy(pack->path + pack->directory_length, prefix), name), suffix);
    return 0;
}

/* Whether the path at hand, without a slash at its end, is what @pattern says. */
static bool matches(const char *path, size_t length, const char *pattern)
{
    size_t size;

    while (*pattern == '/' || (pattern[0] == '.' && pattern[1] == '/'))
        pattern++;
    size = strlen(pattern);
    if (size > 0 && pattern[size - 1] == '*' && (size == 1 || pattern[size - 2] == '/'))
        return length >= size && !strncmp(path, pattern, size - 1) &&
               !memchr(path + size - 1, '/', length - (size - 1));
    while (size > 0 && pattern[size - 1] == '/')
        size--;
    return size == length && !strncmp(path, pattern, size);
}

static bool is_excluded(const struct pack *pack, const char *name)
{
    const char *const *pattern = pack->options->exclude;

    for (; pattern && *pattern; pattern++)
        if (matches(pack->path, pack->directory_length + strlen(name), *pattern))
            return true;
    return false;
}

static int shift_owner(const struct pack *pack, const struct item *item, uint32_t id,
                       uint32_t *ret_id, struct sdme_error *error)
{
    const struct sdme_shift *shift = &pack->options->shift;

    if (shift->count > 0 && !sdme_shift_has(shift, id))
        return sdme_fail_as(
            error, EOVERFLOW, "pack %s/%s: owner %u is not one of the container's, %u to %u",
            item->directory, item->name, id, shift->from, shift->from + shift->count - 1);
    *ret_id = sdme_shift_id(shift, id);
    return 0;
}

/* Writes the header of the path at hand. */
static int write_header(struct pack *pack, const struct item *item,
                        const struct sdme_pack_header_entry *entry, struct sdme_error *error)
{
    const void *data;
    size_t size;

    int code = sdme_pack_header_finish(&pack->header, entry, &data, &size);
    if (code < 0)
        return fail_item(error, code, item);
    atomic_fetch_add(&pack->progress->entries, 1);
    return sdme_pack_output_write(pack->output, data, size, error);
}

static int describe(const struct pack *pack, const struct item *item, char type,
                    struct sdme_pack_header_entry *ret_entry, struct sdme_error *error)
{
    const struct statx *file = &item->file;
    bool clamped =
        pack->options->clamps &&
        (file->stx_mtime.tv_sec > pack->options->modified ||
         (file->stx_mtime.tv_sec == pack->options->modified && file->stx_mtime.tv_nsec > 0));
    struct sdme_pack_header_entry entry = {
        .type = type,
        .path = pack->path,
        .mode = file->stx_mode & 07777,
        .mtime = clamped ? pack->options->modified : file->stx_mtime.tv_sec,
        .mtime_nsec = clamped ? 0 : file->stx_mtime.tv_nsec,
    };

    int code = shift_owner(pack, item, file->stx_uid, &entry.uid, error);
    if (code >= 0)
        code = shift_owner(pack, item, file->stx_gid, &entry.gid, error);
    if (code >= 0)
        *ret_entry = entry;
    return code;
}

/* What overlayfs notes: which the archive says in another way, can't say, or needn't say. */
static int note_overlay(const struct pack *pack, struct item *item, const char *note)
{
    if (!strcmp(note, "opaque") && S_ISDIR(item->file.stx_mode))
        item->opaque = pack->value[0] == 'y';
    else if (!strcmp(note, "whiteout") && S_ISREG(item->file.stx_mode))
        item->whiteout = item->file.stx_size == 0;
    else if (!strcmp(note, "redirect") || !strcmp(note, "metacopy"))
        return -SDME_EUNSUPPORTED;
    return 0;
}

/* What follows the prefix of overlayfs's own attributes, NULL for all others. */
static const char *overlay_note(const char *name)
{
    static const char *const prefixes[] = {"trusted.overlay.", "user.overlay."};

    for (size_t i = 0; i < ELEMENTS(prefixes); i++)
        if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
            return name + strlen(prefixes[i]);
    return NULL;
}

static int add_attribute(struct pack *pack, struct item *item, const char *name)
{
    const char *note = overlay_note(name);

    if (!note && !sdme_attribute_is_kept(name))
        return 0;
    ssize_t length =
        getxattr(sdme_path_of_fd(item->fd).text, name, pack->value, SDME_ATTRIBUTE_MAX);
    if (length < 0)
        return errno == ENODATA ? 0 : -errno;
    size_t size = (size_t) length;
    if (note)
        return note_overlay(pack, item, note);
    if (!strncmp(name, "system.", 7))
        return sdme_pack_header_add_acl(&pack->header, name, pack->value, size,
                                        &pack->options->shift);
    int code =
        sdme_shift_attribute(&pack->options->shift, name, pack->value, &size, SDME_ATTRIBUTE_MAX);
    if (code >= 0)
        sdme_pack_header_add_attribute(&pack->header, name, pack->value, size);
    return code < 0 ? code : 0;
}

static int fail_attribute(const struct item *item, const char *name, int code,
                          struct sdme_error *error)
{
    if (code == -SDME_EUNSUPPORTED)
        return sdme_fail_as(error, SDME_EUNSUPPORTED, "pack %s/%s: it refers to a layer below (%s)",
                            item->directory, item->name, name);
    if (code == -EOVERFLOW)
        return sdme_fail_as(error, EOVERFLOW, "pack %s/%s: %s has an id that isn't the container's",
                            item->directory, item->name, name);
    return sdme_fail(error, code, "pack %s/%s: %s", item->directory, item->name, name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* In the order of their names, since filesystems differ in that. */
static int add_sorted(struct pack *pack, struct item *item,
                      const struct sdme_attribute_names *names, struct sdme_error *error)
{
    size_t count = 0;
    int code = 0;

    for (size_t i = 0; i < names->size; i += strlen(names->names + i) + 1)
        count++;
    _cleanup_free_ const char **sorted = calloc(count + 1, sizeof *sorted);
    if (!sorted)
        return fail_item(error, -ENOMEM, item);
    count = 0;
    for (size_t i = 0; i < names->size; i += strlen(names->names + i) + 1)
        sorted[count++] = names->names + i;
    qsort(sorted, count, sizeof *sorted, compare_names);
    for (size_t i = 0; code >= 0 && i < count; i++) {
        code = add_attribute(pack, item, sorted[i]);
        if (code < 0)
            fail_attribute(item, sorted[i], code, error);
    }
    return code;
}

static int add_attributes(struct pack *pack, struct item *item, struct sdme_error *error)
{
    struct sdme_attribute_names names;

    int code = sdme_attribute_names_read(item->fd, &names);
    if (code < 0)
        return fail_item(error, code, item);
    if (names.size > 0)
        code = add_sorted(pack, item, &names, error);
    sdme_attribute_names_free(&names);
    return code;
}

/* An entry that stands for something that isn't there, or for what a directory hides. */
static int write_mark(struct pack *pack, const struct item *item, struct sdme_error *error)
{
    struct sdme_pack_header_entry entry;

    if (!pack->options->whiteouts)
        return sdme_fail_as(error, EINVAL,
                            "pack %s/%s: it hides what is in a layer below, which isn't asked for",
                            item->directory, item->name);
    int code = describe(pack, item, SDME_PACK_FILE, &entry, error);
    if (code < 0)
        return code;
    entry.mode = 0;
    return write_header(pack, item, &entry, error);
}

static int write_whiteout(struct pack *pack, const struct item *item, struct sdme_error *error)
{
    int code = set_path(pack, whiteout_prefix, item->name, "");

    return code < 0 ? fail_item(error, code, item) : write_mark(pack, item, error);
}

static int compare_links(const void *a, const void *b)
{
    const struct link *first = a, *second = b;

    if (first->device != second->device)
        return first->device < second->device ? -1 : 1;
    return (first->inode > second->inode) - (first->inode < second->inode);
}

/* Finds the first name of a file that has several, or NULL, when it gets known by this one. */
static int find_link(struct pack *pack, const struct statx *file, const char **ret_path)
{
    size_t size = strlen(pack->path) + 1;
    _cleanup_free_ struct link *link = malloc(sizeof *link + size);

    if (!link)
        return -ENOMEM;
    link->device = (uint64_t) file->stx_dev_major << 32 | file->stx_dev_minor;
    link->inode = file->stx_ino;
    memcpy(link->path, pack->path, size);
    struct link **found = tsearch(link, &pack->links, compare_links);
    if (!found)
        return -ENOMEM;
    *ret_path = *found == link ? NULL : (*found)->path;
    if (*found == link)
        (void) SDME_TAKE(link);
    return 0;
}

static int write_data(struct pack *pack, const struct item *item, uint64_t offset, uint64_t size,
                      struct sdme_error *error)
{
    while (size > 0) {
        unsigned char *room;
        size_t count;

        int code = sdme_pack_output_room(pack->output, &room, &count, error);
        if (code < 0)
            return code;
        if (count > size)
            count = (size_t) size;
        ssize_t got = pread(item->fd, room, count, (off_t) offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return fail_item(error, got == 0 ? -EBUSY : -errno, item);
        sdme_pack_output_advance(pack->output, (size_t) got);
        atomic_store(&pack->progress->size, sdme_pack_output_size(pack->output));
        offset += (uint64_t) got;
        size -= (uint64_t) got;
    }
    return 0;
}

static int write_content(struct pack *pack, const struct item *item, struct sdme_error *error)
{
    const struct sdme_pack_sparse *sparse = &item->sparse;
    size_t padding;
    int code = 0;

    if (sparse->map) {
        code = sdme_pack_output_write(pack->output, sparse->map, sparse->map_size, error);
        for (size_t i = 0; code >= 0 && i < sparse->count; i++)
            code = write_data(pack, item, sparse->pieces[i].offset, sparse->pieces[i].size, error);
        padding = -sparse->data_size % SDME_PACK_BLOCK;
    } else {
        code = write_data(pack, item, 0, item->file.stx_size, error);
        padding = -item->file.stx_size % SDME_PACK_BLOCK;
    }
    return code < 0 ? code : sdme_pack_output_write(pack->output, NULL, padding, error);
}

static int check_unchanged(const struct item *item, struct sdme_error *error)
{
    const struct statx *file = &item->file;
    struct statx now;

    if (statx(item->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &now) < 0)
        return fail_item(error, -errno, item);
    if (now.stx_size != file->stx_size || now.stx_mtime.tv_sec != file->stx_mtime.tv_sec ||
        now.stx_mtime.tv_nsec != file->stx_mtime.tv_nsec ||
        now.stx_ctime.tv_sec != file->stx_ctime.tv_sec ||
        now.stx_ctime.tv_nsec != file->stx_ctime.tv_nsec)
        return fail_item(error, -EBUSY, item);
    return 0;
}

static int pack_regular(struct pack *pack, struct item *item, struct sdme_pack_header_entry *entry,
                        struct sdme_error *error)
{
    const struct statx *file = &item->file;

    entry->size = file->stx_size;
    if (file->stx_blocks * 512 < file->stx_size) {
        int code = sdme_pack_sparse_read(item->fd, file->stx_size, &item->sparse);

        if (code < 0)
            return fail_item(error, code, item);
    }
    if (item->sparse.map) {
        entry->sparse = true;
        entry->real_size = file->stx_size;
        entry->size = item->sparse.map_size + item->sparse.data_size;
    }
    int code = write_header(pack, item, entry, error);
    if (code >= 0)
        code = write_content(pack, item, error);
    return code < 0 ? code : check_unchanged(item, error);
}

static int read_link(struct item *item)
{
    ssize_t length = readlinkat(item->fd, "", item->link, sizeof item->link - 1);

    if (length < 0)
        return -errno;
    item->link[length] = '\0';
    return 0;
}

static char type_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return SDME_PACK_FILE;
    case S_IFDIR:
        return SDME_PACK_DIRECTORY;
    case S_IFLNK:
        return SDME_PACK_SYMLINK;
    case S_IFCHR:
        return SDME_PACK_CHARACTER;
    case S_IFBLK:
        return SDME_PACK_BLOCK_DEVICE;
    case S_IFIFO:
        return SDME_PACK_FIFO;
    default:
        return 0;
    }
}

/* Whatever is no directory, and no whiteout, with its attributes collected. */
static int write_item(struct pack *pack, struct item *item, struct sdme_error *error)
{
    char type = type_of(item->file.stx_mode);
    struct sdme_pack_header_entry entry;
    const char *first = NULL;

    if (!type)
        return fail_item(error, -EINVAL, item);
    int code = describe(pack, item, type, &entry, error);
    if (code < 0)
        return code;
    if (item->file.stx_nlink > 1)
        code = find_link(pack, &item->file, &first);
    if (code >= 0 && type == SDME_PACK_SYMLINK) {
        code = read_link(item);
        entry.link = item->link;
    }
    if (code < 0)
        return fail_item(error, code, item);
    if (first) {
        sdme_pack_header_drop(&pack->header);
        entry.type = SDME_PACK_LINK;
        entry.link = first;
        return write_header(pack, item, &entry, error);
    }
    if (type == SDME_PACK_FILE)
        return pack_regular(pack, item, &entry, error);
    if (type == SDME_PACK_CHARACTER || type == SDME_PACK_BLOCK_DEVICE) {
        entry.device_major = item->file.stx_rdev_major;
        entry.device_minor = item->file.stx_rdev_minor;
    }
    return write_header(pack, item, &entry, error);
}

static bool is_overlay_device(const struct statx *file)
{
    return S_ISCHR(file->stx_mode) && file->stx_rdev_major == 0 && file->stx_rdev_minor == 0;
}

static int check_name(const struct pack *pack, const struct item *item, struct sdme_error *error)
{
    if (pack->options->whiteouts && !strncmp(item->name, whiteout_prefix, strlen(whiteout_prefix)))
        return sdme_fail_as(error, EINVAL, "pack %s/%s: in a layer that name means a whiteout",
                            item->directory, item->name);
    return 0;
}

static int pack_item(struct pack *pack, struct item *item, unsigned char type,
                     struct sdme_error *error)
{
    if (statx(item->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &item->file) < 0)
        return fail_item(error, -errno, item);
    if (IFTODT(item->file.stx_mode) != type)
        return fail_item(error, -EBUSY, item);
    if (is_overlay_device(&item->file))
        return write_whiteout(pack, item, error);
    int code = add_attributes(pack, item, error);
    if (code < 0)
        return code;
    if (item->whiteout) {
        sdme_pack_header_drop(&pack->header);
        return write_whiteout(pack, item, error);
    }
    code = check_name(pack, item, error);
    return code < 0 ? code : write_item(pack, item, error);
}

static int pack_file(void *context, const struct sdme_walk_directory *directory, const char *name,
                     unsigned char type, struct sdme_error *error)
{
    int flags = type == DT_REG ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH;
    struct pack *pack = context;
    struct item item = {.directory = directory->path, .name = name};

    int code = set_path(pack, "", name, "");
    if (code < 0)
        return fail_item(error, code, &item);
    if (type == DT_SOCK || is_excluded(pack, name))
        return 0;
    item.fd = sdme_walk_open(directory->fd, name, flags, pack->options->crosses_mounts);
    if (item.fd == -EXDEV) /* a file that something is mounted on */
        return 0;
    if (item.fd < 0)
        return fail_item(error, item.fd == -ENOENT ? -EBUSY : item.fd, &item);
    code = pack_item(pack, &item, type, error);
    sdme_pack_sparse_free(&item.sparse);
    sdme_close(item.fd);
    return code;
}

/* Writes the directory at hand, which becomes the one that the next entries are in. */
static int pack_directory(struct pack *pack, struct item *item, struct sdme_error *error)
{
    struct sdme_pack_header_entry entry;

    if (statx(item->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &item->file) < 0)
        return fail_item(error, -errno, item);
    int code = check_name(pack, item, error);
    if (code >= 0)
        code = add_attributes(pack, item, error);
    if (code >= 0)
        code = describe(pack, item, SDME_PACK_DIRECTORY, &entry, error);
    if (code >= 0)
        code = write_header(pack, item, &entry, error);
    if (code < 0)
        return code;
    pack->directory_length = strlen(pack->path);
    if (!item->opaque)
        return 0;
    code = set_path(pack, opaque_name, "", "");
    return code < 0 ? fail_item(error, code, item) : write_mark(pack, item, error);
}

static int enter_directory(void *context, const struct sdme_walk_directory *parent,
                           const char *name, struct sdme_walk_directory *directory,
                           struct sdme_error *error)
{
    struct pack *pack = context;
    struct item item = {.fd = directory->fd, .directory = parent->path, .name = name};

    int code = set_path(pack, "", name, "/");
    if (code < 0)
        return fail_item(error, code, &item);
    return is_excluded(pack, name) ? SDME_WALK_SKIP : pack_directory(pack, &item, error);
}

static int leave_directory(void *context, const struct sdme_walk_directory *parent,
                           const char *name, struct sdme_error *error)
{
    struct pack *pack = context;

    (void) parent;
    (void) error;
    pack->directory_length -= strlen(name) + 1;
    return 0;
}

/* What can be seen of a mount point is the root of what is mounted, so that is what is taken. */
static int pack_mount_point(void *context, const struct sdme_walk_directory *parent,
                            const char *name, struct sdme_error *error)
{
    struct pack *pack = context;
    struct sdme_walk_directory directory = {
        .fd = openat(parent->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC),
    };
    struct item item = {.fd = directory.fd, .directory = parent->path, .name = name};

    int code = directory.fd < 0 ? fail_item(error, -errno, &item)
                                : enter_directory(pack, parent, name, &directory, error);
    sdme_close(directory.fd);
    return code < 0 || code == SDME_WALK_SKIP ? code : leave_directory(pack, parent, name, error);
}

static int pack_tree(struct pack *pack, int fd, struct sdme_error *error)
{
    struct item root = {.fd = fd, .directory = ".", .name = "."};
    struct sdme_walk walk = {
        .enter = enter_directory,
        .file = pack_file,
        .mount = pack_mount_point,
        .leave = leave_directory,
        .context = pack,
        .crosses_mounts = pack->options->crosses_mounts,
        .sorted = true,
        .cancel = pack->options->output.cancel,
    };

    int code = set_path(pack, ".", "/", "");
    if (code < 0)
        return fail_item(error, code, &root);
    code = pack_directory(pack, &root, error);
    pack->directory_length = 0;
    if (code >= 0)
        code = sdme_walk(&walk, fd, -1, ".", error);
    if (code >= 0) /* two empty blocks are the end */
        code = sdme_pack_output_write(pack->output, NULL, 2UL * SDME_PACK_BLOCK, error);
    return code;
}

int sdme_archive_pack(const struct sdme_archive_pack *options,
                      struct sdme_archive_progress *progress,
                      struct sdme_archive_packed *ret_packed, struct sdme_error *error)
{
    struct pack pack = {.options = options, .progress = progress};
    struct sdme_archive_packed packed;
    _cleanup_close_ int fd = -1;

    int code = sdme_shift_check(&options->shift, error);
    if (code >= 0)
        code = sdme_path_open(options->root_fd, ".", O_RDONLY | O_DIRECTORY, 0, &fd, error);
    if (code < 0)
        return code;
    pack.value = malloc(SDME_ATTRIBUTE_MAX);
    code = pack.value ? sdme_pack_output_open(&options->output, &pack.output, error)
                      : sdme_fail(error, ENOMEM, "pack");
    if (code >= 0)
        code = pack_tree(&pack, fd, error);
    if (code >= 0)
        code = sdme_pack_output_finish(pack.output, &packed.written, error);
    sdme_pack_output_close(pack.output);
    sdme_pack_header_free(&pack.header);
    tdestroy(pack.links, free);
    free(pack.path);
    free(pack.value);
    if (code < 0)
        return code;
    packed.entries = atomic_load(&progress->entries);
    *ret_packed = packed;
    return 0;
}
