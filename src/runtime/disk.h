/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_DISK_H
#define SDME_RUNTIME_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk_table.h"
#include "error.h"

/*
 * What a disk holds: its partitions and filesystems, by libblkid, which is loaded on first use. All
 * that comes from the disk is text of bounded length, and numbers that were checked.
 */

struct sdme_disk_filesystem {
    char type[32];  /* "ext4", "crypto_LUKS", ... as libblkid names it; "" if none was found */
    char usage[16]; /* "filesystem", "raid", "crypto", "other" */
    char label[256];
    char uuid[64];
};

struct sdme_disk_partition {
    int number;
    uint64_t offset, size; /* bytes; the offset counts from the start of the file */
    uint64_t flags;        /* of a GPT partition, its attributes */
    unsigned int id;       /* of a DOS partition, its type */
    char type[40];         /* of a GPT partition, its type */
    char name[256];
    char uuid[64];
    struct sdme_disk_filesystem filesystem;
};

struct sdme_disk {
    char table[8]; /* "gpt", "dos", "" */
    char id[64];
    unsigned int sector_size;
    struct sdme_disk_partition *partitions;
    size_t count;
    struct sdme_disk_filesystem filesystem; /* where there are no partitions */
    struct sdme_disk_records records;
};

struct sdme_disk_probe {
    uint64_t offset, size;    /* the range that is looked at; size 0: up to the end */
    unsigned int sector_size; /* 512, 4096, or 0: the first of the two that finds something */
    bool no_table;            /* a filesystem is all that may be there */
    bool no_filesystems;      /* those of the partitions aren't looked for */
};

/*
 * Looks at the file or block device @fd, whose position doesn't change. Extended partitions are
 * left out. The caller frees @ret_disk. -SDME_EFORMAT: a table that lies, or signatures of more
 * than one filesystem.
 */
int sdme_disk_probe(int fd, const struct sdme_disk_probe *probe, struct sdme_disk *ret_disk,
                    struct sdme_error *error);
void sdme_disk_free(struct sdme_disk *disk);

/* Bytes in a regular file or block device. */
int sdme_disk_size(int fd, uint64_t *ret_size, struct sdme_error *error);

/* Makes a regular file that long: what is added is a hole. */
int sdme_disk_resize(int fd, uint64_t size, struct sdme_error *error);

/* fsync(2): what was written is on the disk, or this fails. */
int sdme_disk_sync(int fd, struct sdme_error *error);

#endif
