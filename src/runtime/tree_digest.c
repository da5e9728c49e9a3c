/* SPDX-License-Identifier: MIT */
#include "tree_digest.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "attribute.h"

enum {
    SIZE = 32, /* of a SHA-256 */
    SPARE = 8, /* digests that are kept to be used again: as many as there are threads */
    HEADER = 128,
};

struct leaf {
    unsigned char value[SIZE];
};

/* One of the names of a file. */
struct name {
    uint64_t device;
    uint64_t inode;
    struct leaf leaf;
};

struct sdme_tree_digest {
    struct sdme_tree_metadata metadata;
    const struct sdme_cancel *cancel;

    pthread_mutex_t mutex; /* for all that follows */
    struct sdme_digest *spare[SPARE];
    size_t spares;
    struct leaf *leaves;
    size_t leaf_count, leaf_room;
    struct name *names; /* of files that have several */
    size_t name_count, name_room;
};

int sdme_tree_digest_new(const struct sdme_tree_metadata *metadata,
                         const struct sdme_cancel *cancel, struct sdme_tree_digest **ret_digest,
                         struct sdme_error *error)
{
    struct sdme_tree_digest *digest = calloc(1, sizeof *digest);

    if (!digest)
        return sdme_fail(error, ENOMEM, "digest of a tree");
    digest->metadata = *metadata;
    digest->cancel = cancel;
    pthread_mutex_init(&digest->mutex, NULL);
    *ret_digest = digest;
    return 0;
}

void sdme_tree_digest_free(struct sdme_tree_digest *digest)
{
    if (!digest)
        return;
    while (digest->spares > 0)
        sdme_digest_free(digest->spare[--digest->spares]);
    pthread_mutex_destroy(&digest->mutex);
    free(digest->leaves);
    free(digest->names);
    free(digest);
}

static int borrow(struct sdme_tree_digest *digest, struct sdme_digest **ret_one,
                  struct sdme_error *error)
{
    struct sdme_digest *one = NULL;

    pthread_mutex_lock(&digest->mutex);
    if (digest->spares > 0)
        one = digest->spare[--digest->spares];
    pthread_mutex_unlock(&digest->mutex);
    if (!one)
        return sdme_digest_new("sha256", ret_one, error);
    *ret_one = one;
    return sdme_digest_reset(one, error);
}

static void give_back(struct sdme_tree_digest *digest, struct sdme_digest *one)
{
    pthread_mutex_lock(&digest->mutex);
    if (digest->spares < SPARE)
        digest->spare[digest->spares++] = SDME_TAKE(one);
    pthread_mutex_unlock(&digest->mutex);
    sdme_digest_free(one);
}

static int finish(struct sdme_digest *one, unsigned char ret_value[SIZE], struct sdme_error *error)
{
    unsigned char value[SDME_DIGEST_MAX];
    size_t size;
    int code = sdme_digest_value(one, value, &size, error);

    if (code >= 0)
        memcpy(ret_value, value, SIZE);
    return code;
}

int sdme_tree_digest_descend(struct sdme_tree_digest *digest,
                             const struct sdme_tree_digest_path *parent, const char *name,
                             struct sdme_tree_digest_path *ret_path, struct sdme_error *error)
{
    struct sdme_digest *one = NULL;
    int code = borrow(digest, &one, error);

    if (code >= 0)
        code = sdme_digest_update(one, parent->value, SIZE, error);
    if (code >= 0)
        code = sdme_digest_update(one, name, strlen(name), error);
    if (code >= 0)
        code = finish(one, ret_path->value, error);
    if (one)
        give_back(digest, one);
    return code;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Filesystems list attributes in an order of their own. The caller frees @ret_sorted. */
static int sort_attributes(const struct sdme_tree_metadata *metadata,
                           const struct sdme_attribute_names *names, const char ***ret_sorted,
                           size_t *ret_count)
{
    size_t count = 0;
    const char **sorted;

    for (size_t i = 0; i < names->size; i += strlen(names->names + i) + 1)
        count++;
    sorted = malloc((count + 1) * sizeof *sorted);
    if (!sorted)
        return -ENOMEM;
    count = 0;
    for (size_t i = 0; i < names->size; i += strlen(names->names + i) + 1)
        if (sdme_tree_metadata_keeps(metadata, names->names + i))
            sorted[count++] = names->names + i;
    if (count > 0)
        qsort(sorted, count, sizeof *sorted, compare_names);
    *ret_sorted = sorted;
    *ret_count = count;
    return 0;
}

static int add_attribute(const struct sdme_tree_metadata *metadata, struct sdme_digest *one, int fd,
                         const char *name, char *value, struct sdme_error *error)
{
    char length[32];
    size_t size;

    int code = sdme_tree_metadata_read(metadata, fd, name, value, &size);
    if (code < 0)
        return sdme_fail(error, code == -ENODATA ? -EBUSY : code, "read %s", name);
    snprintf(length, sizeof length, "%zu", size);
    code = sdme_digest_update(one, name, strlen(name) + 1, error);
    if (code >= 0)
        code = sdme_digest_update(one, length, strlen(length) + 1, error);
    return code < 0 ? code : sdme_digest_update(one, value, size, error);
}

static int add_attributes(const struct sdme_tree_metadata *metadata, struct sdme_digest *one,
                          const struct sdme_tree_digest_entry *entry, struct sdme_error *error)
{
    struct sdme_attribute_names names;
    _cleanup_free_ const char **sorted = NULL;
    _cleanup_free_ char *value = NULL;
    size_t count = 0;

    int code = sdme_attribute_names_read(entry->fd, &names);
    if (code < 0)
        return sdme_fail(error, code, "list the attributes of %s/%s", entry->path, entry->shown);
    if (names.size > 0)
        code = sort_attributes(metadata, &names, &sorted, &count);
    if (code >= 0 && count > 0) {
        value = malloc(SDME_ATTRIBUTE_MAX);
        code = value ? 0 : -ENOMEM;
    }
    if (code < 0)
        sdme_fail(error, code, "read the attributes of %s/%s", entry->path, entry->shown);
    for (size_t i = 0; code >= 0 && i < count; i++)
        code = add_attribute(metadata, one, entry->fd, sorted[i], value, error);
    sdme_attribute_names_free(&names);
    return code < 0 ? code : sdme_digest_update(one, "", 1, error); /* no name is empty: the end */
}

static int read_target(int fd, char target[PATH_MAX], size_t *ret_length)
{
    ssize_t length = readlinkat(fd, "", target, PATH_MAX);

    if (length < 0)
        return -errno;
    *ret_length = (size_t) length;
    return 0;
}

static int add_header(const struct sdme_tree_metadata *metadata, struct sdme_digest *one,
                      const struct statx *file, uint64_t size, struct sdme_error *error)
{
    struct sdme_tree_landing landing = sdme_tree_landing(metadata, file);
    char header[HEADER], owner[32] = "-";
    bool is_device = S_ISCHR(landing.mode) || S_ISBLK(landing.mode);

    if (!metadata->sets_owner)
        snprintf(owner, sizeof owner, "%u:%u", landing.uid, landing.gid);
    int length = snprintf(header, sizeof header, "%o %s %u:%u %llu", landing.mode, owner,
                          is_device ? file->stx_rdev_major : 0,
                          is_device ? file->stx_rdev_minor : 0, (unsigned long long) size);
    return sdme_digest_update(one, header, (size_t) length + 1, error);
}

static int add_content(const struct sdme_tree_digest *digest, struct sdme_digest *one,
                       const struct sdme_tree_digest_entry *entry, struct sdme_error *error)
{
    uint64_t size;

    if (lseek(entry->content_fd, 0, SEEK_SET) < 0)
        return sdme_fail(error, errno, "read %s/%s", entry->path, entry->shown);
    int code =
        sdme_digest_update_file(one, entry->content_fd, entry->shown, digest->cancel, &size, error);
    if (code >= 0 && size != entry->file->stx_size)
        return sdme_fail_as(error, EBUSY, "read %s/%s: it changed meanwhile", entry->path,
                            entry->shown);
    return code;
}

static int digest_entry(const struct sdme_tree_digest *digest, struct sdme_digest *one,
                        const struct sdme_tree_digest_entry *entry, struct sdme_error *error)
{
    mode_t type = entry->file->stx_mode & S_IFMT;
    char target[PATH_MAX];
    size_t size = 0;

    if (type == S_IFREG)
        size = entry->file->stx_size;
    int code = type == S_IFLNK ? read_target(entry->fd, target, &size) : 0;
    if (code < 0)
        return sdme_fail(error, code, "read the link %s/%s", entry->path, entry->shown);
    code = sdme_digest_update(one, entry->directory->value, SIZE, error);
    if (code >= 0)
        code = sdme_digest_update(one, entry->name, strlen(entry->name) + 1, error);
    if (code >= 0)
        code = add_header(&digest->metadata, one, entry->file, size, error);
    if (code >= 0)
        code = add_attributes(&digest->metadata, one, entry, error);
    if (code >= 0 && type == S_IFLNK)
        code = sdme_digest_update(one, target, size, error);
    if (code >= 0 && type == S_IFREG)
        code = add_content(digest, one, entry, error);
    return code;
}

static int grow(void **list, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return 0;
    size_t wanted = *room ? *room * 2 : 256;
    void *grown = realloc(*list, wanted * size);
    if (!grown)
        return -ENOMEM;
    *list = grown;
    *room = wanted;
    return 0;
}

static int add_leaf(struct sdme_tree_digest *digest, const struct leaf *leaf)
{
    void *leaves = digest->leaves;
    int code = grow(&leaves, digest->leaf_count, &digest->leaf_room, sizeof *leaf);

    digest->leaves = leaves;
    if (code >= 0)
        digest->leaves[digest->leaf_count++] = *leaf;
    return code;
}

static int add_name(struct sdme_tree_digest *digest, const struct statx *file,
                    const struct leaf *leaf)
{
    void *names = digest->names;
    int code = grow(&names, digest->name_count, &digest->name_room, sizeof *digest->names);

    digest->names = names;
    if (code >= 0)
        digest->names[digest->name_count++] = (struct name){
            .device = makedev(file->stx_dev_major, file->stx_dev_minor),
            .inode = file->stx_ino,
            .leaf = *leaf,
        };
    return code;
}

int sdme_tree_digest_add(struct sdme_tree_digest *digest,
                         const struct sdme_tree_digest_entry *entry, struct sdme_error *error)
{
    bool has_names = entry->file->stx_nlink > 1 && !S_ISDIR(entry->file->stx_mode);
    struct sdme_digest *one = NULL;
    struct leaf leaf;

    int code = borrow(digest, &one, error);
    if (code >= 0)
        code = digest_entry(digest, one, entry, error);
    if (code >= 0)
        code = finish(one, leaf.value, error);
    if (one)
        give_back(digest, one);
    if (code < 0)
        return code;
    pthread_mutex_lock(&digest->mutex);
    code = add_leaf(digest, &leaf);
    if (code >= 0 && has_names)
        code = add_name(digest, entry->file, &leaf);
    pthread_mutex_unlock(&digest->mutex);
    return code < 0 ? sdme_fail(error, code, "digest of %s/%s", entry->path, entry->shown) : 0;
}

static int compare_leaves(const void *a, const void *b)
{
    return memcmp(a, b, SIZE);
}

static bool is_one_file(const struct name *a, const struct name *b)
{
    return a->device == b->device && a->inode == b->inode;
}

static int compare_files(const void *a, const void *b)
{
    const struct name *first = a, *second = b;

    if (first->device != second->device)
        return first->device < second->device ? -1 : 1;
    if (first->inode != second->inode)
        return first->inode < second->inode ? -1 : 1;
    return memcmp(first->leaf.value, second->leaf.value, SIZE);
}

/* Names of one file are another leaf; where the others are elsewhere, it's a file like any. */
static int add_links(struct sdme_tree_digest *digest, struct sdme_digest *one,
                     struct sdme_error *error)
{
    size_t end;

    if (digest->name_count > 0)
        qsort(digest->names, digest->name_count, sizeof *digest->names, compare_files);
    for (size_t i = 0; i < digest->name_count; i = end) {
        struct leaf leaf;
        int code = sdme_digest_reset(one, error);

        for (end = i;
             end < digest->name_count && is_one_file(&digest->names[i], &digest->names[end]); end++)
            if (code >= 0)
                code = sdme_digest_update(one, digest->names[end].leaf.value, SIZE, error);
        if (code >= 0 && end - i > 1)
            code = finish(one, leaf.value, error);
        if (code < 0)
            return code;
        if (end - i > 1 && add_leaf(digest, &leaf) < 0)
            return sdme_fail(error, ENOMEM, "digest of a tree");
    }
    digest->name_count = 0;
    return 0;
}

int sdme_tree_digest_value(struct sdme_tree_digest *digest, char ret_hex[SDME_DIGEST_HEX],
                           struct sdme_error *error)
{
    static const char version[] = "tree 1";
    unsigned char value[SIZE];
    struct sdme_digest *one = NULL;

    int code = borrow(digest, &one, error);
    if (code >= 0)
        code = add_links(digest, one, error);
    if (code >= 0 && digest->leaf_count > 0)
        qsort(digest->leaves, digest->leaf_count, SIZE, compare_leaves);
    if (code >= 0)
        code = sdme_digest_reset(one, error);
    if (code >= 0)
        code = sdme_digest_update(one, version, sizeof version, error);
    if (code >= 0)
        code = sdme_digest_update(one, digest->leaves, digest->leaf_count * SIZE, error);
    if (code >= 0)
        code = finish(one, value, error);
    if (one)
        give_back(digest, one);
    if (code >= 0)
        sdme_digest_hex(value, SIZE, ret_hex);
    return code;
}
