/* SPDX-License-Identifier: MIT */
#include "thread.h"

#include <signal.h>

enum {
    STACK_SIZE = 512 * 1024,
};

int sdme_thread_start(void *(*run)(void *argument), void *argument, pthread_t *ret_thread)
{
    pthread_attr_t attributes;
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    int code = pthread_create(ret_thread, &attributes, run, argument);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -code;
}
