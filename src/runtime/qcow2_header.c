/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <sys/stat.h>

#include "file.h"
#include "path.h"
#include "qcow2_image.h"

enum {
    CLUSTER_BITS_MIN = 9,
    CLUSTER_BITS_MAX = 21,
    EXTENDED_CLUSTER_BITS_MIN = 14,
    CHAIN_MAX = 16, /* images that back one another */

    EXTENSION_HEADER_SIZE = 8,
    FEATURE_SIZE = 48,
    FEATURE_NAME_OFFSET = 2,
    STRING_MAX = 1023, /* of a header extension that is a string */
};

/* Types of header extensions. */
#define EXTENSION_END 0x00000000u
#define EXTENSION_BACKING_FORMAT 0xe2792acau
#define EXTENSION_FEATURES 0x6803f857u
#define EXTENSION_DATA_FILE 0x44415441u

#define KNOWN_FEATURES                                                                             \
    (SDME_QCOW2_DIRTY | SDME_QCOW2_CORRUPT | SDME_QCOW2_COMPRESSION_TYPE | SDME_QCOW2_EXTENDED_L2)

/* What header extensions tell, as far as it matters to a reader. */
struct extensions {
    uint64_t features_offset; /* of the feature name table */
    uint32_t features_size;
    char *backing_format;
    char *data_file;
};

static void free_extensions(struct extensions *extensions)
{
    free(extensions->backing_format);
    free(extensions->data_file);
}

int sdme_qcow2_read_file(const struct sdme_qcow2 *image, uint64_t offset, void *buffer, size_t size,
                         const char *what, struct sdme_error *error)
{
    size_t count = 0;

    if (sdme_qcow2_has(image, offset, size)) {
        int code = sdme_file_read_at(image->fd, buffer, size, offset, &count, image->name, error);
        if (code < 0)
            return code;
    }
    if (count < size)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "%s: %s at offset 0x%" PRIx64 ": beyond the end of the file (%" PRIu64
                            " bytes)",
                            image->name, what, offset, image->file_size);
    return 0;
}

static int read_string(const struct sdme_qcow2 *image, uint64_t offset, uint32_t size,
                       const char *what, char **ret_string, struct sdme_error *error)
{
    if (size == 0 || size > STRING_MAX)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "%s: the %s has %" PRIu32 " bytes: 1 to %d expected", image->name, what,
                            size, STRING_MAX);
    _cleanup_free_ char *string = calloc(1, size + 1);
    if (!string)
        return sdme_fail(error, ENOMEM, "open %s", image->name);
    int code = sdme_qcow2_read_file(image, offset, string, size, what, error);
    if (code < 0)
        return code;
    if (strlen(string) != size)
        return sdme_fail_as(error, SDME_EFORMAT, "%s: a NUL byte in the %s", image->name, what);
    free(*ret_string);
    *ret_string = SDME_TAKE(string);
    return 0;
}

static int read_extension(const struct sdme_qcow2 *image, uint32_t type, uint64_t offset,
                          uint32_t size, struct extensions *extensions, struct sdme_error *error)
{
    switch (type) {
    case EXTENSION_BACKING_FORMAT:
        return read_string(image, offset, size, "backing format", &extensions->backing_format,
                           error);
    case EXTENSION_DATA_FILE:
        return read_string(image, offset, size, "data file's name", &extensions->data_file, error);
    case EXTENSION_FEATURES:
        extensions->features_offset = offset;
        extensions->features_size = size;
        return 0;
    default:
        return 0;
    }
}

/* They follow the header, up to the backing file's name or the end of the first cluster. */
static int read_extensions(const struct sdme_qcow2 *image, uint64_t offset, uint64_t end,
                           struct extensions *extensions, struct sdme_error *error)
{
    unsigned char head[EXTENSION_HEADER_SIZE];

    while (offset + sizeof head <= end) {
        int code =
            sdme_qcow2_read_file(image, offset, head, sizeof head, "header extension", error);
        if (code < 0)
            return code;
        uint32_t type = sdme_qcow2_get32(head), size = sdme_qcow2_get32(head + 4);
        if (type == EXTENSION_END)
            return 0;
        offset += sizeof head;
        if (size > end - offset)
            return sdme_fail_as(error, SDME_EFORMAT,
                                "%s: header extension 0x%08" PRIx32 " at offset 0x%" PRIx64
                                ": it has %" PRIu32 " bytes where %" PRIu64 " are left",
                                image->name, type, offset, size, end - offset);
        code = read_extension(image, type, offset, size, extensions, error);
        if (code < 0)
            return code;
        offset += ((uint64_t) size + 7) & ~UINT64_C(7);
    }
    return 0;
}

/* The name that the image itself has for an incompatible feature, or its number. */
static void name_feature(const struct sdme_qcow2 *image, const struct extensions *extensions,
                         unsigned int bit, char ret_name[FEATURE_SIZE])
{
    unsigned char entry[FEATURE_SIZE];
    uint64_t at = extensions->features_offset;
    uint32_t count = extensions->features_size / FEATURE_SIZE;

    /* There can't be more: three kinds of 64 bits each. */
    for (uint32_t i = 0; i < count && i < 3 * 64; i++, at += FEATURE_SIZE) {
        if (sdme_qcow2_read_file(image, at, entry, sizeof entry, "feature name", NULL) < 0)
            break;
        if (entry[0] != 0 || entry[1] != bit || entry[FEATURE_NAME_OFFSET] == '\0')
            continue;
        snprintf(ret_name, FEATURE_SIZE, "%.*s", FEATURE_SIZE - FEATURE_NAME_OFFSET,
                 (const char *) entry + FEATURE_NAME_OFFSET);
        return;
    }
    snprintf(ret_name, FEATURE_SIZE, "bit %u", bit);
}

static int check_features(struct sdme_qcow2 *image, uint64_t features,
                          const struct extensions *extensions, struct sdme_error *error)
{
    char name[FEATURE_SIZE];

    if (features & SDME_QCOW2_EXTERNAL_DATA)
        return sdme_fail_as(error, SDME_EUNSUPPORTED,
                            "%s: its data is in another file, '%s', which is not supported",
                            image->name,
                            extensions->data_file ? extensions->data_file : "(no name)");
    uint64_t unknown = features & ~(uint64_t) KNOWN_FEATURES;
    if (unknown) {
        name_feature(image, extensions, (unsigned int) __builtin_ctzll(unknown), name);
        return sdme_fail_as(error, SDME_EUNSUPPORTED,
                            "%s: it needs a feature that is not supported: %s", image->name, name);
    }
    image->info.dirty = features & SDME_QCOW2_DIRTY;
    image->info.corrupt = features & SDME_QCOW2_CORRUPT;
    image->info.extended_l2 = features & SDME_QCOW2_EXTENDED_L2;
    return 0;
}

static int check_encryption(const struct sdme_qcow2 *image, uint32_t method,
                            struct sdme_error *error)
{
    static const char *const names[] = {"none", "AES", "LUKS"};

    if (method == 0)
        return 0;
    if (method < ELEMENTS(names))
        return sdme_fail_as(error, SDME_EUNSUPPORTED,
                            "%s: it is encrypted with %s, which is not supported", image->name,
                            names[method]);
    return sdme_fail_as(error, SDME_EFORMAT, "%s: encryption method %" PRIu32 ": 0 to 2 expected",
                        image->name, method);
}

/* Rule 3 of the spec's additional fields: a type other than zlib goes with its feature bit. */
static int check_compression(struct sdme_qcow2 *image, uint64_t features, unsigned int type,
                             struct sdme_error *error)
{
    bool has_bit = features & SDME_QCOW2_COMPRESSION_TYPE;

    if (type > SDME_QCOW2_ZSTD)
        return sdme_fail_as(
            error, SDME_EUNSUPPORTED,
            "%s: compression type %u is not supported: 0 (zlib) or 1 (zstd) expected", image->name,
            type);
    if (has_bit != (type != SDME_QCOW2_ZLIB))
        return sdme_fail_as(error, SDME_EFORMAT, "%s: compression type %u with its feature bit %s",
                            image->name, type, has_bit ? "set" : "clear");
    image->info.compression = (enum sdme_qcow2_compression) type;
    return 0;
}

static int check_offset(const struct sdme_qcow2 *image, const char *what, uint64_t offset,
                        uint64_t size, struct sdme_error *error)
{
    if (offset & (image->info.cluster_size - 1))
        return sdme_fail_as(error, SDME_EFORMAT,
                            "%s: %s at offset 0x%" PRIx64 ": not at the start of a cluster",
                            image->name, what, offset);
    if (!sdme_qcow2_has(image, offset, size))
        return sdme_fail_as(error, SDME_EFORMAT,
                            "%s: %s at offset 0x%" PRIx64 ": beyond the end of the file (%" PRIu64
                            " bytes)",
                            image->name, what, offset, image->file_size);
    return 0;
}

/* The L1 table has an entry for all of the disk, and lies in the file. */
static int check_l1(struct sdme_qcow2 *image, struct sdme_error *error)
{
    unsigned int bits = image->cluster_bits + image->l2_bits;
    uint64_t size = image->info.size;
    uint64_t needed = (size >> bits) + ((size & ((UINT64_C(1) << bits) - 1)) != 0);

    if (size > INT64_MAX)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "%s: a disk of 0x%" PRIx64 " bytes: less than 2^63 expected",
                            image->name, size);
    if (image->l1_size > SDME_QCOW2_L1_MAX)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "%s: the L1 table has %" PRIu32 " entries: at most %d expected",
                            image->name, image->l1_size, SDME_QCOW2_L1_MAX);
    if (image->l1_size < needed)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "%s: the L1 table has %" PRIu32 " entries: a disk of %" PRIu64
                            " bytes needs %" PRIu64,
                            image->name, image->l1_size, size, needed);
    return check_offset(image, "L1 table", image->l1_offset, 8 * (uint64_t) image->l1_size, error);
}

/*
 * Reference counts are for writers, so only their table's place is looked at. That of the
 * snapshots isn't: nothing here needs them.
 */
static int check_tables(struct sdme_qcow2 *image, const unsigned char *header, unsigned int order,
                        struct sdme_error *error)
{
    uint64_t refcounts = sdme_qcow2_get64(header + SDME_QCOW2_REFCOUNT_OFFSET);
    uint64_t clusters = sdme_qcow2_get32(header + SDME_QCOW2_REFCOUNT_CLUSTERS);

    if (order > 6)
        return sdme_fail_as(error, SDME_EFORMAT, "%s: refcount_order %u: 0 to 6 expected",
                            image->name, order);
    image->info.refcount_bits = 1u << order;
    int code =
        check_offset(image, "refcount table", refcounts, clusters << image->cluster_bits, error);
    return code < 0 ? code : check_l1(image, error);
}

static int check_cluster_bits(struct sdme_qcow2 *image, uint32_t bits, bool extended,
                              struct sdme_error *error)
{
    uint32_t min = extended ? EXTENDED_CLUSTER_BITS_MIN : CLUSTER_BITS_MIN;

    if (bits < min || bits > CLUSTER_BITS_MAX)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "%s: cluster_bits %" PRIu32 ": %" PRIu32 " to %d expected", image->name,
                            bits, min, CLUSTER_BITS_MAX);
    image->cluster_bits = bits;
    image->info.cluster_size = 1u << bits;
    image->l2_bits = bits - (extended ? 4 : 3); /* entries of 16 or 8 bytes */
    return 0;
}

/* Where the backing file's name is; it must lie in the first cluster. */
static int read_backing_name(struct sdme_qcow2 *image, const unsigned char *header,
                             struct sdme_error *error)
{
    uint64_t offset = sdme_qcow2_get64(header + SDME_QCOW2_BACKING_OFFSET);
    uint32_t size = sdme_qcow2_get32(header + SDME_QCOW2_BACKING_SIZE);

    if (offset == 0)
        return 0;
    if (offset > image->info.cluster_size || size > image->info.cluster_size - offset)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "%s: backing file's name at offset 0x%" PRIx64 ": %" PRIu32
                            " bytes of it are not in the first cluster",
                            image->name, offset, size);
    return read_string(image, offset, size, "backing file's name", &image->backing_file, error);
}

/* How long the header is: 72 bytes in version 2, what it says itself in version 3. */
static int check_header_length(const struct sdme_qcow2 *image, const unsigned char *header,
                               uint32_t *ret_length, struct sdme_error *error)
{
    uint32_t length = SDME_QCOW2_V2_HEADER_SIZE;

    if (image->info.version >= 3) {
        length = sdme_qcow2_get32(header + SDME_QCOW2_HEADER_LENGTH);
        if (length < SDME_QCOW2_V3_HEADER_SIZE || length % 8 != 0 ||
            length > image->info.cluster_size)
            return sdme_fail_as(
                error, SDME_EFORMAT,
                "%s: header_length %" PRIu32 ": a multiple of 8 from %d to %" PRIu32 " expected",
                image->name, length, SDME_QCOW2_V3_HEADER_SIZE, image->info.cluster_size);
    }
    *ret_length = length;
    return 0;
}

/* @header ends with zeros: fields that aren't there are as if they were 0. */
static int parse_rest(struct sdme_qcow2 *image, unsigned char *header, uint32_t length,
                      struct sdme_error *error)
{
    _cleanup_(free_extensions) struct extensions extensions = {0};
    uint64_t features = sdme_qcow2_get64(header + SDME_QCOW2_INCOMPATIBLE);

    int code = read_backing_name(image, header, error);
    if (code < 0)
        return code;
    uint64_t end = image->backing_file ? sdme_qcow2_get64(header + SDME_QCOW2_BACKING_OFFSET)
                                       : image->info.cluster_size;
    code = read_extensions(image, length, end, &extensions, error);
    if (code < 0)
        return code;
    image->backing_format = SDME_TAKE(extensions.backing_format);
    image->info.backing_file = image->backing_file;
    image->info.backing_format = image->backing_format;
    image->info.lazy_refcounts = sdme_qcow2_get64(header + SDME_QCOW2_COMPATIBLE) & 1;
    image->info.snapshots = sdme_qcow2_get32(header + SDME_QCOW2_SNAPSHOTS);
    code = check_features(image, features, &extensions, error);
    if (code < 0)
        return code;
    code = check_compression(image, features, header[SDME_QCOW2_COMPRESSION], error);
    if (code < 0)
        return code;
    unsigned int order =
        image->info.version < 3 ? 4 : sdme_qcow2_get32(header + SDME_QCOW2_REFCOUNT_ORDER);
    return check_tables(image, header, order, error);
}

static int parse_header(struct sdme_qcow2 *image, struct sdme_error *error)
{
    unsigned char header[SDME_QCOW2_HEADER_SIZE] = {0};
    uint32_t length = 0;

    int code = sdme_qcow2_read_file(image, 0, header, SDME_QCOW2_V2_HEADER_SIZE, "header", error);
    if (code < 0)
        return code;
    if (sdme_qcow2_get32(header) != SDME_QCOW2_MAGIC)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "%s: no QCOW2 image: it doesn't begin with QFI\\xfb", image->name);
    image->info.version = sdme_qcow2_get32(header + SDME_QCOW2_VERSION);
    if (image->info.version != 2 && image->info.version != 3)
        return sdme_fail_as(error, SDME_EUNSUPPORTED, "%s: QCOW version %u: 2 or 3 expected",
                            image->name, image->info.version);
    image->info.size = sdme_qcow2_get64(header + SDME_QCOW2_SIZE);
    image->l1_size = sdme_qcow2_get32(header + SDME_QCOW2_L1_SIZE);
    image->l1_offset = sdme_qcow2_get64(header + SDME_QCOW2_L1_OFFSET);
    code = check_encryption(image, sdme_qcow2_get32(header + SDME_QCOW2_CRYPT_METHOD), error);
    if (code < 0)
        return code;
    if (image->info.version >= 3) {
        code = sdme_qcow2_read_file(image, 0, header, SDME_QCOW2_V3_HEADER_SIZE, "header", error);
        if (code < 0)
            return code;
    }
    uint64_t features = sdme_qcow2_get64(header + SDME_QCOW2_INCOMPATIBLE);
    code = check_cluster_bits(image, sdme_qcow2_get32(header + SDME_QCOW2_CLUSTER_BITS),
                              features & SDME_QCOW2_EXTENDED_L2, error);
    if (code < 0)
        return code;
    code = check_header_length(image, header, &length, error);
    if (code < 0)
        return code;
    if (length > SDME_QCOW2_COMPRESSION) {
        code = sdme_qcow2_read_file(image, 0, header, SDME_QCOW2_HEADER_SIZE, "header", error);
        if (code < 0)
            return code;
    }
    return parse_rest(image, header, length, error);
}

struct sdme_qcow2 *sdme_qcow2_ref(struct sdme_qcow2 *image)
{
    atomic_fetch_add(&image->references, 1);
    return image;
}

void sdme_qcow2_unref(struct sdme_qcow2 *image)
{
    while (image && atomic_fetch_sub(&image->references, 1) == 1) {
        struct sdme_qcow2 *backing = image->backing;

        sdme_qcow2_reader_free(image->reader);
        sdme_close(image->fd);
        free(image->name);
        free(image->backing_file);
        free(image->backing_format);
        free(image);
        image = backing;
    }
}

static void unrefp(struct sdme_qcow2 **image)
{
    sdme_qcow2_unref(*image);
}

const struct sdme_qcow2_info *sdme_qcow2_info(const struct sdme_qcow2 *image)
{
    return &image->info;
}

static int take_file(struct sdme_qcow2 *image, int fd, const char *name, struct sdme_error *error)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return sdme_fail(error, errno, "stat %s", name);
    if (!S_ISREG(status.st_mode))
        return sdme_fail_as(error, EINVAL, "%s: not a regular file", name);
    image->device = status.st_dev;
    image->inode = status.st_ino;
    image->file_size = (uint64_t) status.st_size;
    image->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (image->fd < 0)
        return sdme_fail(error, errno, "open %s", name);
    image->name = strdup(name);
    return image->name ? 0 : sdme_fail(error, ENOMEM, "open %s", name);
}

/* An image without anything from its content yet. */
static int open_file(int fd, const char *name, struct sdme_qcow2 **ret_image,
                     struct sdme_error *error)
{
    struct sdme_qcow2 *image = calloc(1, sizeof *image);

    if (!image)
        return sdme_fail(error, ENOMEM, "open %s", name);
    image->references = 1;
    image->fd = -1;
    int code = take_file(image, fd, name, error);
    if (code < 0) {
        sdme_qcow2_unref(image);
        return code;
    }
    *ret_image = image;
    return 0;
}

/* Whether the image may have its backing file, and that one is of a format that we read. */
static int check_backing(const struct sdme_qcow2 *image, int directory, bool *ret_raw,
                         struct sdme_error *error)
{
    const char *file = image->backing_file, *format = image->backing_format;

    if (directory < 0)
        return sdme_fail_as(error, EPERM, "%s: it needs a backing file, '%s', which is not allowed",
                            image->name, file);
    if (strchr(file, '/') || !strcmp(file, ".") || !strcmp(file, ".."))
        return sdme_fail_as(error, EPERM,
                            "%s: backing file '%s': only a file beside the image is allowed",
                            image->name, file);
    if (!format)
        return sdme_fail_as(error, SDME_EUNSUPPORTED,
                            "%s: it doesn't say of which format its backing file '%s' is",
                            image->name, file);
    *ret_raw = !strcmp(format, "raw");
    if (!*ret_raw && strcmp(format, "qcow2") != 0)
        return sdme_fail_as(error, SDME_EUNSUPPORTED,
                            "%s: backing file '%s' is of format '%s': raw or qcow2 expected",
                            image->name, file, format);
    return 0;
}

/* Whether the file is in the chain already, which would go round for ever. */
static int check_chain(const struct sdme_qcow2 *chain, const struct sdme_qcow2 *next,
                       struct sdme_error *error)
{
    unsigned int count = 1;

    for (const struct sdme_qcow2 *image = chain; image; image = image->backing, count++) {
        if (image->device == next->device && image->inode == next->inode)
            return sdme_fail_as(error, SDME_EFORMAT, "%s: its backing files lead to '%s' again",
                                chain->name, next->name);
    }
    if (count > CHAIN_MAX)
        return sdme_fail_as(error, SDME_EUNSUPPORTED, "%s: more than %d images back one another",
                            chain->name, CHAIN_MAX);
    return 0;
}

/* Opens what backs @last, the end of @chain so far. */
static int open_backing(struct sdme_qcow2 *chain, struct sdme_qcow2 *last, int directory,
                        struct sdme_error *error)
{
    _cleanup_(unrefp) struct sdme_qcow2 *image = NULL;
    _cleanup_close_ int fd = -1;
    bool raw;

    int code = check_backing(last, directory, &raw, error);
    if (code < 0)
        return code;
    code = sdme_path_open_regular(directory, last->backing_file, true, &fd, NULL, error);
    if (code < 0)
        return sdme_fail_in(error, code, "%s: backing file", last->name);
    code = open_file(fd, last->backing_file, &image, error);
    if (code < 0)
        return code;
    code = check_chain(chain, image, error);
    if (code < 0)
        return code;
    image->is_raw = raw;
    image->info.size = image->file_size;
    code = raw ? 0 : parse_header(image, error);
    if (code < 0)
        return code;
    last->backing = SDME_TAKE(image);
    return 0;
}

int sdme_qcow2_open(int fd, const char *name, int directory, struct sdme_qcow2 **ret_image,
                    struct sdme_error *error)
{
    _cleanup_(unrefp) struct sdme_qcow2 *image = NULL;

    int code = open_file(fd, name, &image, error);
    if (code < 0)
        return code;
    code = parse_header(image, error);
    for (struct sdme_qcow2 *last = image; code == 0 && last->backing_file; last = last->backing)
        code = open_backing(image, last, directory, error);
    if (code < 0)
        return code;
    *ret_image = SDME_TAKE(image);
    return 0;
}
