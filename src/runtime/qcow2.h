/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_QCOW2_H
#define SDME_RUNTIME_QCOW2_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "util.h"

/*
 * QCOW2 disk images, read and written in process, by docs/interop/qcow2 of QEMU ("the spec").
 * Images are hostile: every table and offset is checked before it is used, and what breaks the
 * spec is -SDME_EFORMAT with a message that names it. What is allowed but not done here
 * (encryption, external data files, features that are newer than this) is -SDME_EUNSUPPORTED.
 */
struct sdme_qcow2;

enum sdme_qcow2_compression {
    SDME_QCOW2_PLAIN = -1,
    SDME_QCOW2_ZLIB = 0, /* the numbers are the header's */
    SDME_QCOW2_ZSTD = 1,
};

enum {
    SDME_QCOW2_CLUSTER_MIN = 512,
    SDME_QCOW2_CLUSTER_MAX = 2 * 1024 * 1024, /* QEMU's limit; the spec has none */
};

struct sdme_qcow2_info {
    unsigned int version; /* 2 or 3 */
    uint64_t size;        /* of the disk, in bytes; at most 2^63 - 1 */
    uint32_t cluster_size;
    unsigned int refcount_bits;
    enum sdme_qcow2_compression compression; /* of those clusters that are compressed */
    const char *backing_file;                /* NULL if there is none; the image's own string */
    const char *backing_format;              /* NULL if the image doesn't say */
    uint32_t snapshots;
    bool dirty;   /* reference counts may be wrong, which matters to writers only */
    bool corrupt; /* somebody found damage: reading is allowed, and may fail */
    bool lazy_refcounts;
    bool extended_l2; /* clusters have subclusters */
};

#define SDME_QCOW2_NO_BACKING (-1)

/*
 * Opens the image in the regular file @fd, which stays the caller's and may be closed. @name is for
 * messages. A backing file is refused (-EPERM), unless @directory is a descriptor of where it may
 * be: it is opened in there (openat2(2)), by a name without slashes, as the format that the image
 * states. The caller gives the image back with sdme_qcow2_unref().
 */
int sdme_qcow2_open(int fd, const char *name, int directory, struct sdme_qcow2 **ret_image,
                    struct sdme_error *error);

struct sdme_qcow2 *sdme_qcow2_ref(struct sdme_qcow2 *image);
void sdme_qcow2_unref(struct sdme_qcow2 *image);

const struct sdme_qcow2_info *sdme_qcow2_info(const struct sdme_qcow2 *image);

/*
 * Reads from the disk; @ret_size is less than @size at its end only. By one thread at a time.
 */
int sdme_qcow2_read(struct sdme_qcow2 *image, uint64_t offset, void *buffer, size_t size,
                    size_t *ret_size, struct sdme_error *error);

/* How far a long operation is; another thread may look at it. */
struct sdme_qcow2_progress {
    atomic_uint_fast64_t done;
    atomic_uint_fast64_t total;
};

struct sdme_qcow2_extract {
    uint64_t offset; /* of the disk */
    uint64_t size;   /* must lie within the disk */
    int output;      /* a regular file whose part in question has no data yet; stays the caller's */
    uint64_t output_offset;
    unsigned int threads; /* 0: as many as there are processors */
    const struct sdme_cancel *cancel;
    struct sdme_qcow2_progress *progress;
};

struct sdme_qcow2_extracted {
    uint64_t written;
    uint64_t holes;
};

/*
 * Expands a part of the disk into a file; what reads as zeros stays a hole there. If it fails, the
 * file has the size that it had, and no data in the part in question.
 */
int sdme_qcow2_extract(struct sdme_qcow2 *image, const struct sdme_qcow2_extract *options,
                       struct sdme_qcow2_extracted *ret_extracted, struct sdme_error *error);

struct sdme_qcow2_create {
    int input; /* a regular file: the disk; stays the caller's, but its position changes */
    const char *input_name;
    int output; /* an empty regular file; stays the caller's */
    const char *output_name;
    uint64_t size;         /* of the disk; what lies behind the end of the input is zeros */
    uint32_t cluster_size; /* a power of two */
    enum sdme_qcow2_compression compression;
    int level;            /* as the library counts; 0: its default */
    unsigned int threads; /* 0: as many as there are processors */
    const struct sdme_cancel *cancel;
    struct sdme_qcow2_progress *progress;
};

/*
 * Writes an image (version 3) of a disk. What reads as zeros is not stored. The same input and
 * options give the same image, byte by byte, whatever the threads. @ret_size is the size of the
 * image. If it fails, the output is empty again.
 */
int sdme_qcow2_create(const struct sdme_qcow2_create *options, uint64_t *ret_size,
                      struct sdme_error *error);

#endif
