/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_CONNECTION_H
#define SDME_RUNTIME_CONNECTION_H

#include <stdint.h>

#include "error.h"

/*
 * Begins to connect to a TCP port at @address (in digits, IPv4 or IPv6) in a network namespace. The
 * socket is O_NONBLOCK, and the caller's to close; it is writable once sdme_connection_step() can
 * tell more.
 */
int sdme_connection_open(int netns, const char *address, uint16_t port, int *ret_fd,
                         struct sdme_error *error);

/* Returns 1 when it is connected, 0 before that, or why it can't be: -ECONNREFUSED, say. */
int sdme_connection_step(int fd, struct sdme_error *error);

#endif
