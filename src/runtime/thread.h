/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_THREAD_H
#define SDME_RUNTIME_THREAD_H

#include <pthread.h>

/*
 * Starts a thread, to be joined, that no signal reaches: signals are for the threads of whoever we
 * run in. 0, or a negative errno.
 */
int sdme_thread_start(void *(*run)(void *argument), void *argument, pthread_t *ret_thread);

#endif
