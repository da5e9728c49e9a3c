/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_POLL_SET_H
#define SDME_RUNTIME_POLL_SET_H

#include <poll.h>
#include <stddef.h>

#include "error.h"

/*
 * Many descriptors behind a single one, for a loop that isn't ours: an epoll(7) instance is
 * readable as soon as one of its members is ready. An eventfd(2) is always a member,
 * to wake the waiter.
 */
struct sdme_poll_set {
    int fd; /* what to wait for */
    int event;
};

#define SDME_POLL_SET_CLOSED ((struct sdme_poll_set){.fd = -1, .event = -1})

/*
 * Makes a set of @entries. A negative descriptor is passed over, as by poll(2); one that comes
 * several times is watched for all that is asked of it; one that epoll has no use for, a regular
 * file, is always ready.
 */
int sdme_poll_set_open(const struct pollfd *entries, size_t count, struct sdme_poll_set *ret_set,
                       struct sdme_error *error);

/* Makes it readable, for good. */
void sdme_poll_set_wake(const struct sdme_poll_set *set);

/* Idempotent. */
void sdme_poll_set_close(struct sdme_poll_set *set);

#endif
