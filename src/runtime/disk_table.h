/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_DISK_TABLE_H
#define SDME_RUNTIME_DISK_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/*
 * What libblkid leaves to whoever made the disk: how much of it the partition table makes it read.
 * A GPT header of the UEFI specification (5.3.2) may claim 4 GiB of entries, and each logical
 * partition of a DOS table names the place of the next one.
 */
enum {
    SDME_DISK_PARTITIONS_MAX = 256,  /* 128 are usual */
    SDME_DISK_GPT_MAX = 1024 * 1024, /* bytes of entries; 16 KiB are usual */
};

/* Where the boot records of logical partitions lie, in bytes from the start of the file. */
struct sdme_disk_records {
    uint64_t offsets[SDME_DISK_PARTITIONS_MAX];
    size_t count;
};

/*
 * Looks at the table in the range @offset, @size of the file. @ret_records has every place that the
 * chain of boot records leads to, also one that holds none: it may not have been written yet.
 * -SDME_EFORMAT: entries beyond measure, a chain that leads out of the range or in a circle.
 */
int sdme_disk_table_check(int fd, uint64_t offset, uint64_t size, unsigned int sector_size,
                          struct sdme_disk_records *ret_records, struct sdme_error *error);

#endif
