/* SPDX-License-Identifier: MIT */
/* Waiting for a child on behalf of whoever waits for us: signals go down, the status comes up. */
#ifndef SDME_GUEST_SUPERVISE_H
#define SDME_GUEST_SUPERVISE_H

#include "system.h"

/*
 * From here on signals wait in the returned descriptor instead of acting on us, but for those that
 * a fault of our own raises. @ret_before is the mask for supervise_restore.
 */
int supervise_signals(signal_set *ret_before);

/* In a child: the mask of before; with @defaults every signal has its default action, too. */
void supervise_restore(signal_set mask, bool defaults);

/*
 * The next signal that has come, SIGCHLD or one to be passed on; 0 if there is none.
 *
 * What a terminal sends goes to all of its foreground processes, those that we have begun included,
 * and isn't passed on; neither is what we have brought upon ourselves, as by TIOCNOTTY
 * (ioctl_tty(2)).
 */
int supervise_signal(int signals);

/*
 * Reads what has come: passes signals on to @child, and reaps every child that has ended. true once
 * @child has; @ret_status is then its exit status, or 128 and the signal that killed it.
 */
bool supervise_step(int signals, int child, int *ret_status);

/*
 * supervise_step until @child has ended, which it also does with who controls us; what signals that
 * one sends are passed on too.
 */
int supervise(int signals, int child);

/*
 * A pipe by which a parent lets its child go on when all is prepared for it, and from which the
 * child learns whether the parent lives. Of what a child holds others may get hold: so it isn't a
 * pidfd, nor anything else that leads out.
 */
struct gate {
    int inside;
    int outside;
};

struct gate supervise_gate(void);

/* In the parent, once. Its end is left to be closed when it ends. */
void supervise_open(const struct gate *gate);

/* In the child: waits for that, to be killed when the parent ends. */
void supervise_await(const struct gate *gate);

/* In the child: the same once more, as a change of ids has taken it back (prctl(2)). */
void supervise_die_with_parent(const struct gate *gate);

#endif
