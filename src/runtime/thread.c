/* SPDX-License-Identifier: MIT */
#include "thread.h"

#include <sched.h>
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

void sdme_thread_send_away(pthread_t thread)
{
    int here = sched_getcpu();
    cpu_set_t others;

    if (here < 0 || sched_getaffinity(0, sizeof others, &others) < 0)
        return;
    CPU_CLR((size_t) here, &others);
    if (CPU_COUNT(&others) > 0)
        pthread_setaffinity_np(thread, sizeof others, &others);
}

void sdme_thread_fetch(pthread_t thread)
{
    int here = sched_getcpu();
    cpu_set_t one;

    if (here < 0)
        return;
    CPU_ZERO(&one);
    CPU_SET((size_t) here, &one);
    pthread_setaffinity_np(thread, sizeof one, &one);
}
