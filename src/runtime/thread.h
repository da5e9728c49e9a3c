/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_THREAD_H
#define SDME_RUNTIME_THREAD_H

#include <pthread.h>

/*
 * Starts a thread, to be joined, that no signal reaches: signals are for the threads of whoever we
 * run in. 0, or a negative errno.
 */
int sdme_thread_start(void *(*run)(void *argument), void *argument, pthread_t *ret_thread);

/*
 * Has a thread that was just started run beside the caller, on another processor: one that lives
 * shorter than the scheduler takes to spread the load would wait for the caller's. It is a wish:
 * where it can't be, nothing happens.
 */
void sdme_thread_send_away(pthread_t thread);

/* Has a thread run on the processor of the caller, who is about to wait for it. */
void sdme_thread_fetch(pthread_t thread);

#endif
