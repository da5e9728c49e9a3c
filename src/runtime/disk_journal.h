/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_DISK_JOURNAL_H
#define SDME_RUNTIME_DISK_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/*
 * Whether a filesystem was in use when its disk was copied or lost power: its journal has changes
 * that only a mount which writes puts where they belong. It is in the @size bytes from @offset on
 * of the file @fd. Filesystems other than ext4 and its like, xfs and btrfs never have; nor does an
 * xfs with its log on another device, of which nothing can be known. A few hundred reads of the
 * log of an xfs are the most that this takes. -SDME_EFORMAT: there is no such filesystem.
 */
int sdme_disk_needs_replay(int fd, uint64_t offset, uint64_t size, const char *type,
                           bool *ret_needed, struct sdme_error *error);

#endif
