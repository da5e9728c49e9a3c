/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_POOL_H
#define SDME_RUNTIME_POOL_H

#include <stdbool.h>

#include "error.h"

/*
 * Threads that work off items given to them. The giving thread works too when they can't keep up,
 * so that never more than a few items are waiting. Work begins in the order in which it was given.
 */
struct sdme_pool;

/*
 * Does the work and frees the item. @failed says that something failed already: the item is to be
 * freed without the work, and what is returned doesn't matter. Runs in any thread.
 */
typedef int (*sdme_pool_work)(void *item, bool failed, struct sdme_error *error);

/*
 * With fewer than two threads, all work is done by the caller; and with little to do, no thread is
 * started.
 */
int sdme_pool_start(unsigned int threads, sdme_pool_work work, struct sdme_pool **ret_pool,
                    struct sdme_error *error);

/* Takes the item over in any case. A failure of some item, not necessarily this one, is what the
 * calls after it return. */
int sdme_pool_give(struct sdme_pool *pool, void *item, struct sdme_error *error);

/* Waits until all is done, and frees the pool. @failed: what is still waiting isn't wanted. */
int sdme_pool_finish(struct sdme_pool *pool, bool failed, struct sdme_error *error);

/* How many threads are worth having: the processors that we may run on, 8 at most. */
unsigned int sdme_pool_threads(void);

#endif
