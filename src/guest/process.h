/* SPDX-License-Identifier: MIT */
/* The other processes of a container, by their directories in /proc and by their cgroups. */
#ifndef SDME_GUEST_PROCESS_H
#define SDME_GUEST_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

enum {
    PROCESS_MAX = 1 << 22,  /* the highest number there is */
    PROCESS_FILE = 1 << 14, /* what process_read has room for */
};

/*
 * A process by its directory in /proc, which is of no use any more when the process is gone, even
 * if another one gets its number.
 */
struct process {
    uint64_t pid;
    int directory;
};

/* Ends the program: "process PID: REASON". */
_Noreturn void process_fail(const struct process *process, const char *reason);

/* Ends the program if there is none. */
struct process process_open(uint64_t pid);

/* A small file of its directory, in a @buffer of PROCESS_FILE bytes; ends the program on failure.
 */
struct text process_read(const struct process *process, const char *name, char *buffer);

/* 0 if there is none: these programs have one each. */
uint64_t process_first_child(const struct process *process);

/* @link is such as "ns/pid". */
bool process_shares_namespace(const struct process *a, const struct process *b, const char *link);

/*
 * The cgroup.procs of a cgroup, as our cgroup namespace shows it (cgroups(7)): a descriptor, or a
 * negative errno.
 */
int process_open_cgroup(struct text cgroup, int flags);

/*
 * The oldest process of a cgroup that is in the PID namespace of @self: devfd or isolate. All
 * others are the application's, any of which may have got itself a root directory of its own
 * making. Returns 0 if there is none, or no such cgroup; @ret_start, if not NULL, is when it began,
 * in hundredths of a second of CLOCK_BOOTTIME (proc_pid_stat(5), starttime).
 */
uint64_t process_of_cgroup(const char *cgroup, const struct process *self, uint64_t *ret_start);

/*
 * The init of a PID namespace that such a process has made. Returns 0 if there is none.
 */
uint64_t process_init_of_cgroup(struct text cgroup, const struct process *self);

#endif
