/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_CONFINE_H
#define SDME_RUNTIME_ARCHIVE_CONFINE_H

#include <stddef.h>

#include "error.h"

/* The numbers that descriptors of a confined process have; 0 to 2 are /dev/null. */
enum {
    SDME_CONFINED_INPUT = 3,
    SDME_CONFINED_SOCKET = 4,
    SDME_CONFINED_ROOT = 5, /* the directory, on a mount without devices */
};

/*
 * For a forked child, before it starts any thread: leaves it with nothing but @input, @socket and
 * @directory, which becomes its root; with the capabilities that it takes to make files of anybody;
 * with default signals, and a limit on memory. It dies with the thread that forked it, whose
 * process is @parent. @socket always has the number that the socket has got, also if this fails.
 */
int sdme_archive_confine(int input, int *socket, int directory, int parent,
                         struct sdme_error *error);

#endif
