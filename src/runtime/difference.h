/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_DIFFERENCE_H
#define SDME_RUNTIME_DIFFERENCE_H

#include <sys/stat.h>

#include "error.h"
#include "shift.h"
#include "util.h"

/* In what two files differ. */
enum {
    SDME_DIFFERS_TYPE = 1,
    SDME_DIFFERS_CONTENT = 2, /* of a device: its numbers */
    SDME_DIFFERS_MODE = 4,
    SDME_DIFFERS_OWNER = 8,
    SDME_DIFFERS_TIME = 16, /* of modification; that of directories doesn't count */
    SDME_DIFFERS_ATTRIBUTES = 32,
    SDME_DIFFERS_TARGET = 64,
};

/* A file by its O_PATH descriptor (or any other), and what statx(2) says of it. */
struct sdme_file_at {
    int fd;
    struct statx stat;
};

/*
 * Opens @name in the directory @fd, which is not followed. -ENOENT if there is none, -EXDEV if
 * something is mounted on it.
 */
int sdme_file_at_open(int fd, const char *name, struct sdme_file_at *ret_file);

struct sdme_difference {
    struct sdme_shift shift; /* what becomes of the ids of the first before they are compared */
    bool same_content;       /* it is known to be the same */
    const struct sdme_cancel *cancel;
};

/*
 * Compares two files, contents byte by byte. Attributes of overlayfs, of sdme and of the host's
 * policy don't count. Returns SDME_DIFFERS_* or a negative errno. A file that changes meanwhile
 * differs.
 */
int sdme_difference(const struct sdme_difference *difference, const struct sdme_file_at *first,
                    const struct sdme_file_at *second);

#endif
