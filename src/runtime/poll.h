/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_POLL_H
#define SDME_RUNTIME_POLL_H

#include <poll.h>
#include <stddef.h>

#include "error.h"

/* Seconds of CLOCK_MONOTONIC: the clock of every deadline in sdme. */
double sdme_now(void);

/*
 * Waits until one of @entries is ready, as poll(2), or @timeout seconds have passed (negative:
 * forever). Returns the number of ready entries, 0 when the time is up; -EINTR when a signal
 * handler ran.
 */
int sdme_poll(struct pollfd *entries, size_t count, double timeout, struct sdme_error *error);

#endif
