/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_BROKER_H
#define SDME_RUNTIME_BROKER_H

#include "broker_peer.h"
#include "error.h"

/*
 * The broker of a container with a user namespace has commands run in a network that only the host
 * can enter. Root of the container asks by a unix socket; what it asks for then runs as its own
 * child would, but for the network: in its namespaces, root directory and cgroup, with its limits,
 * capabilities and filters of system calls, and with the connection as descriptor 3.
 */
enum { SDME_BROKER_PATH_MAX = 108 };

struct sdme_broker {
    int connection; /* SOCK_SEQPACKET */
    int netns;
    struct sdme_broker_range range;
};

/*
 * Serves one connection: tells who has connected to ask (a byte), reads one request, makes the
 * process, and returns 0 once it runs. If something fails the connection is told why: 'E' and the
 * message. Blocks for seconds at most where the other side says nothing; where it is stopped, for
 * as long as that.
 */
int sdme_broker_serve(const struct sdme_broker *broker, struct sdme_error *error);

/* The path that the socket of a connection is bound to. */
int sdme_broker_path(int connection, char ret_path[static SDME_BROKER_PATH_MAX],
                     struct sdme_error *error);

/* Whether the kernel has what it takes; -SDME_EUNSUPPORTED if not, and the reason. */
int sdme_broker_check(struct sdme_error *error);

#endif
