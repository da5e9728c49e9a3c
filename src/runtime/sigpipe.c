/* SPDX-License-Identifier: MIT */
#include "sigpipe.h"

#include <errno.h>
#include <time.h>

void sdme_sigpipe_block(struct sdme_sigpipe *ret_before, bool all)
{
    sigset_t pending, blocked;

    if (all) {
        sigfillset(&blocked);
    } else {
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGPIPE);
        sigaddset(&blocked, SIGTTOU);
    }
    sigpending(&pending);
    ret_before->pending = sigismember(&pending, SIGPIPE) > 0;
    pthread_sigmask(SIG_BLOCK, &blocked, &ret_before->mask);
}

void sdme_sigpipe_restore(const struct sdme_sigpipe *before, bool written)
{
    const struct timespec at_once = {0};
    int saved = errno;
    sigset_t pipe_signal;

    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    if (written && !before->pending)
        while (sigtimedwait(&pipe_signal, NULL, &at_once) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &before->mask, NULL);
    errno = saved;
}
