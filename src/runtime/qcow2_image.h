/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_QCOW2_IMAGE_H
#define SDME_RUNTIME_QCOW2_IMAGE_H

#include <endian.h>
#include <inttypes.h>
#include <string.h>
#include <sys/types.h>

#include "qcow2.h"

/* What the files of qcow2 share: what lies where in an image, and how an open one is held. */

#define SDME_QCOW2_MAGIC 0x514649fbu

enum {
    /* Offsets of header fields. */
    SDME_QCOW2_VERSION = 4,
    SDME_QCOW2_BACKING_OFFSET = 8,
    SDME_QCOW2_BACKING_SIZE = 16,
    SDME_QCOW2_CLUSTER_BITS = 20,
    SDME_QCOW2_SIZE = 24,
    SDME_QCOW2_CRYPT_METHOD = 32,
    SDME_QCOW2_L1_SIZE = 36,
    SDME_QCOW2_L1_OFFSET = 40,
    SDME_QCOW2_REFCOUNT_OFFSET = 48,
    SDME_QCOW2_REFCOUNT_CLUSTERS = 56,
    SDME_QCOW2_SNAPSHOTS = 60,
    SDME_QCOW2_SNAPSHOTS_OFFSET = 64,
    SDME_QCOW2_V2_HEADER_SIZE = 72,
    SDME_QCOW2_INCOMPATIBLE = 72,
    SDME_QCOW2_COMPATIBLE = 80,
    SDME_QCOW2_AUTOCLEAR = 88,
    SDME_QCOW2_REFCOUNT_ORDER = 96,
    SDME_QCOW2_HEADER_LENGTH = 100,
    SDME_QCOW2_V3_HEADER_SIZE = 104,
    SDME_QCOW2_COMPRESSION = 104,
    SDME_QCOW2_HEADER_SIZE = 112, /* with all fields that we know, and their padding */

    /* Incompatible features, by bit. */
    SDME_QCOW2_DIRTY = 1 << 0,
    SDME_QCOW2_CORRUPT = 1 << 1,
    SDME_QCOW2_EXTERNAL_DATA = 1 << 2,
    SDME_QCOW2_COMPRESSION_TYPE = 1 << 3,
    SDME_QCOW2_EXTENDED_L2 = 1 << 4,

    SDME_QCOW2_SUBCLUSTERS = 32,
    SDME_QCOW2_SECTOR = 512, /* in which the size of a compressed cluster counts */
    SDME_QCOW2_BACKING_NAME_MAX = 1023,
    SDME_QCOW2_L1_MAX = 32 * 1024 * 1024 / 8, /* entries; QEMU's limit */
};

/* Bits of entries in L1 and L2 tables. */
#define SDME_QCOW2_HOST_MASK 0x00fffffffffffe00u
#define SDME_QCOW2_ENTRY_COPIED (UINT64_C(1) << 63) /* its reference count is 1 */
#define SDME_QCOW2_ENTRY_COMPRESSED (UINT64_C(1) << 62)
#define SDME_QCOW2_ENTRY_ZERO UINT64_C(1)
#define SDME_QCOW2_L1_RESERVED 0x7f000000000001ffu
#define SDME_QCOW2_L2_RESERVED 0x3f000000000001feu

static inline uint32_t sdme_qcow2_get32(const void *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return be32toh(value);
}

static inline uint64_t sdme_qcow2_get64(const void *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return be64toh(value);
}

static inline void sdme_qcow2_put32(void *at, uint32_t value)
{
    value = htobe32(value);
    memcpy(at, &value, sizeof value);
}

static inline void sdme_qcow2_put64(void *at, uint64_t value)
{
    value = htobe64(value);
    memcpy(at, &value, sizeof value);
}

static inline bool sdme_qcow2_is_zero(const unsigned char *data, size_t size)
{
    return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

/* Bits of a compressed cluster's entry that are its offset; those above are its sectors. */
static inline unsigned int sdme_qcow2_offset_bits(unsigned int cluster_bits)
{
    return 62 - (cluster_bits - 8);
}

struct sdme_qcow2_reader;

/* An open image, or a raw file that backs one. */
struct sdme_qcow2 {
    atomic_uint references;
    int fd;
    dev_t device;
    ino_t inode;
    char *name;
    uint64_t file_size; /* when it was opened */
    bool is_raw;
    struct sdme_qcow2_info info; /* of a raw file only the size counts */
    unsigned int cluster_bits;
    unsigned int l2_bits; /* of the index in an L2 table */
    uint64_t l1_offset;
    uint32_t l1_size; /* entries */
    char *backing_file;
    char *backing_format;
    struct sdme_qcow2 *backing;       /* NULL: what is not allocated is zeros */
    struct sdme_qcow2_reader *reader; /* of sdme_qcow2_read() */
};

/* Reads all of it, or fails; @what and @offset are for the message. */
int sdme_qcow2_read_file(const struct sdme_qcow2 *image, uint64_t offset, void *buffer, size_t size,
                         const char *what, struct sdme_error *error);

/* Whether that many bytes are in the file. */
static inline bool sdme_qcow2_has(const struct sdme_qcow2 *image, uint64_t offset, uint64_t size)
{
    return offset <= image->file_size && size <= image->file_size - offset;
}

/* How a stretch of the disk is stored. */
enum sdme_qcow2_kind {
    SDME_QCOW2_UNALLOCATED, /* not in this image; never in what sdme_qcow2_map() returns */
    SDME_QCOW2_ZERO,
    SDME_QCOW2_DATA,
    SDME_QCOW2_COMPRESSED,
};

struct sdme_qcow2_extent {
    uint64_t offset; /* of the disk */
    uint64_t length;
    enum sdme_qcow2_kind kind;
    const struct sdme_qcow2 *image; /* in whose file it is */
    uint64_t host;                  /* where it begins there */
    uint32_t size;                  /* compressed: bytes in the file, at most */
    uint32_t skip;                  /* compressed: bytes of the cluster in front of it */
};

/* Walks the tables of an image and of those that back it; by one thread at a time. */
struct sdme_qcow2_cursor;

int sdme_qcow2_cursor_new(const struct sdme_qcow2 *image, struct sdme_qcow2_cursor **ret_cursor,
                          struct sdme_error *error);
void sdme_qcow2_cursor_free(struct sdme_qcow2_cursor *cursor);

/*
 * How the disk is stored from @offset on, for at most @limit bytes (not 0, within the disk). The
 * next extent may be of the same kind.
 */
int sdme_qcow2_map(struct sdme_qcow2_cursor *cursor, uint64_t offset, uint64_t limit,
                   struct sdme_qcow2_extent *ret_extent, struct sdme_error *error);

/* Gets what extents hold; one for each thread. */
int sdme_qcow2_reader_new(const struct sdme_qcow2 *image, struct sdme_qcow2_reader **ret_reader,
                          struct sdme_error *error);
void sdme_qcow2_reader_free(struct sdme_qcow2_reader *reader);

/* Fills @buffer, which stands for the disk from the first extent's offset on. */
int sdme_qcow2_reader_fill(struct sdme_qcow2_reader *reader,
                           const struct sdme_qcow2_extent *extents, size_t count, void *buffer,
                           struct sdme_error *error);

#endif
