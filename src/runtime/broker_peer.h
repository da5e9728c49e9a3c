/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_BROKER_PEER_H
#define SDME_RUNTIME_BROKER_PEER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "error.h"

/* A filter of system calls, as seccomp(2) takes it. */
struct sdme_broker_filter {
    struct sock_filter *instructions;
    unsigned short length;
    unsigned int flags; /* SECCOMP_FILTER_FLAG_* */
};

/* struct sched_attr of sched_setattr(2), which libc has no header for. */
struct sdme_broker_scheduling {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime;
    uint64_t deadline;
    uint64_t period;
    uint32_t utilization_min;
    uint32_t utilization_max;
};

enum { SDME_BROKER_LABEL_MAX = 256, SDME_BROKER_CPUS_MAX = 1024 };

/*
 * A process of a container, and what it passes on to its children: all that a process of ours has
 * to take on to be able to do no more (credentials(7), execve(2), fork(2)).
 */
struct sdme_broker_peer {
    int pidfd;
    int directory; /* in /proc */
    int root;
    int cgroup;        /* its directory */
    uint64_t bounding; /* capabilities: as root, it has all of these */
    bool no_new_privileges;
    uint64_t ignored; /* signals, the first in bit 0 */
    mode_t umask;
    unsigned long personality;
    int oom_score;
    int io_priority;
    struct sdme_broker_scheduling scheduling;
    unsigned long cpus[SDME_BROKER_CPUS_MAX];
    size_t cpus_size; /* bytes */
    struct rlimit limits[RLIM_NLIMITS];
    struct sdme_broker_filter *filters; /* the oldest first */
    size_t filter_count;
    char label[SDME_BROKER_LABEL_MAX]; /* of AppArmor; "" if it isn't confined by one */
};

/* The ids that root and the others of the user namespace are on the host. */
struct sdme_broker_range {
    uint32_t base, count;
};

#define SDME_BROKER_PEER_NONE                                                                      \
    {                                                                                              \
        .pidfd = -1, .directory = -1, .root = -1, .cgroup = -1                                     \
    }

/*
 * Opens process @pid by a pidfd, which from here on means this one; -ESRCH if there is none.
 * Everything else is filled in by sdme_broker_peer_examine(), when it has asked.
 */
int sdme_broker_peer_open(pid_t pid, struct sdme_broker_peer *peer, struct sdme_error *error);

/*
 * Reads what the process is confined by. -EPERM unless it is root of the user namespace that has
 * @range, with all capabilities of its bounding set: of what else it may have given up, not all can
 * be seen from outside.
 */
int sdme_broker_peer_examine(struct sdme_broker_peer *peer, pid_t pid,
                             const struct sdme_broker_range *range, struct sdme_error *error);

void sdme_broker_peer_close(struct sdme_broker_peer *peer);

#endif
