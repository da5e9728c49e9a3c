/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_BROKER_PROCESS_H
#define SDME_RUNTIME_BROKER_PROCESS_H

#include "broker_peer.h"
#include "error.h"

struct sdme_broker_process {
    const struct sdme_broker_peer *peer; /* whose child it could be */
    int netns;                           /* but for its network */
    int connection;                      /* its descriptor 3 */
    const int *streams;                  /* and 0 to 2 */
    char *const *arguments;              /* the first is the program's path */
    char *const *variables;
};

/*
 * Makes the process, whose parent is the init of the peer's PID namespace. Returns 0 when it has
 * executed its program. Until then, with our memory, it is none that the container could look into
 * (PR_SET_DUMPABLE, prctl(2)), and has no descriptors of ours but those that it needs.
 */
int sdme_broker_process_make(const struct sdme_broker_process *process, struct sdme_error *error);

#endif
