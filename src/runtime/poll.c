/* SPDX-License-Identifier: MIT */
#include "poll.h"

#include <errno.h>
#include <time.h>

double sdme_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

int sdme_poll(struct pollfd *entries, size_t count, double timeout, struct sdme_error *error)
{
    /* A year is as good as forever and fits every time_t. */
    double seconds = timeout > 365 * 86400.0 ? 365 * 86400.0 : timeout;
    struct timespec limit = {
        .tv_sec = (time_t) seconds,
        .tv_nsec = (long) ((seconds - (double) (time_t) seconds) * 1e9),
    };
    int ready = ppoll(entries, count, timeout < 0 ? NULL : &limit, NULL);

    if (ready < 0)
        return sdme_fail(error, errno, "poll");
    return ready;
}
