/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_LOCK_H
#define SDME_RUNTIME_LOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/*
 * Takes the lock that the file @path stands for, which is made (mode 0600) if it is missing, and
 * returns the descriptor that holds it; closing that gives the lock back. Never waits: -EAGAIN
 * says that somebody else holds it.
 *
 * It is flock(2), so it belongs to the open file description: it dies with its holder, and two
 * openings in one process exclude each other too.
 */
int sdme_lock_acquire(const char *path, bool shared, int *ret_fd, struct sdme_error *error);

/*
 * Gives back an exclusive lock and removes its file. Whoever waits on the removed file notices
 * that it is no longer the one at @path, and starts over; so the file may always be removed.
 */
void sdme_lock_release(const char *path, int fd);

/* The process that holds the lock now, 0 if nobody does or /proc/locks (proc(5)) doesn't say. */
pid_t sdme_lock_holder(const char *path);

/* A lock of flock(2) in /proc/locks (proc(5)) that is held, and by a process that we can see. */
struct sdme_lock_entry {
    pid_t holder;
    dev_t device;
    uint64_t inode;
};

/* Reads one line in place; false if it is something else. For sdme_lock_holder() and its fuzzer. */
bool sdme_lock_parse(char *line, struct sdme_lock_entry *ret);

#endif
