/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_SIGPIPE_H
#define SDME_RUNTIME_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

/*
 * In a program that isn't ours SIGPIPE may kill, and its disposition isn't ours to change. So a
 * thread blocks it while it writes, and takes the one that came of that (the kernel sends it to the
 * thread that writes, signal(7)) before it unblocks it.
 */
struct sdme_sigpipe {
    sigset_t mask; /* as it was */
    bool pending;  /* one came before, and isn't ours to take */
};

/* Blocks SIGPIPE and SIGTTOU; or @all, so that threads of a library begin with all blocked. */
void sdme_sigpipe_block(struct sdme_sigpipe *ret_before, bool all);

/* Undoes it; @written unless it is known that no write failed with EPIPE. errno stays. */
void sdme_sigpipe_restore(const struct sdme_sigpipe *before, bool written);

#endif
