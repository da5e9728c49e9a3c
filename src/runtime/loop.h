/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_LOOP_H
#define SDME_RUNTIME_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/* Part of a file as a block device, see loop(4). */
struct sdme_loop {
    int file_fd;
    uint64_t offset, size;    /* bytes; size 0: up to the end of the file */
    unsigned int sector_size; /* 0: 512 */
    bool read_only;
};

/*
 * Makes a loop device that is gone as soon as neither @ret_fd nor a mount uses it. While @ret_fd is
 * open, udev leaves the device alone ("Locking Block Device Access" of systemd.io).
 */
int sdme_loop_attach(const struct sdme_loop *loop, int *ret_fd, struct sdme_error *error);

/* The path of the device; @size 32 is enough. */
int sdme_loop_path(int fd, char *path, size_t size, struct sdme_error *error);

#endif
