/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <stdio.h>
#include <sys/sysmacros.h>

#include "runtime/lock.h"

/* What is read, written as the kernel writes it (fs/locks.c), is read as the same once more. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = to_text(data, size), again[256];
    struct sdme_lock_entry entry, other;

    if (sdme_lock_parse(line, &entry)) {
        MUST(entry.holder > 0);
        snprintf(again, sizeof again, "%zu: FLOCK  ADVISORY  WRITE %d %02x:%02x:%ju 0 EOF\n", size,
                 entry.holder, major(entry.device), minor(entry.device), (uintmax_t) entry.inode);
        MUST(sdme_lock_parse(again, &other));
        MUST(entry.holder == other.holder && entry.device == other.device &&
             entry.inode == other.inode);
    }
    free(line);
    return 0;
}
