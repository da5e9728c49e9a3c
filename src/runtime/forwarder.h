/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_FORWARDER_H
#define SDME_RUNTIME_FORWARDER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/*
 * Forwards connections and datagrams that come to sockets of ours to ports in another network
 * namespace. It goes there by no route between the two: its other sockets are made in there, and so
 * it works from 127.0.0.1, changes no firewall rule, and is gone with its process.
 *
 * Each client gets to the first address there at which somebody has the port: those of interfaces
 * first, as if it came from outside; then loopback.
 *
 * With a link to there, a connection takes that where it can. Once one has, whoever on this host
 * connects to the same IPv4 address is sent that way without us, which costs nothing, until it is
 * time to see whether it still can.
 */

/* What comes to @fd, a listening TCP socket or a bound UDP one, goes to port @target. */
struct sdme_forwarded_port {
    int fd; /* stays the caller's, and may be closed */
    uint16_t target;
};

struct sdme_forwarder_options {
    int netns; /* stays the caller's */
    const struct sdme_forwarded_port *ports;
    size_t port_count;
    unsigned int link; /* the interface of this host whose other end is there; 0: none */
    double direct;     /* seconds that connections need none of us after one that took the link */
    pid_t process;     /* it ends when that process does; 0: none */
    double idle;   /* seconds without any client after which it ends; negative: never */

    /* A client of a UDP port is forgotten after this many silent seconds (RFC 4787, section 4.3).
     */
    double silence;
    unsigned int connections_max; /* at once; others wait to be accepted */
    unsigned int flows_max;       /* UDP clients at once; a new one replaces the most silent */
};

#define SDME_FORWARDER_DEFAULTS                                                                    \
    ((struct sdme_forwarder_options){                                                              \
        .netns = -1, .direct = 60, .idle = -1, .silence = 120, .connections_max = 1024,            \
        .flows_max = 512})

struct sdme_forwarder;

int sdme_forwarder_open(const struct sdme_forwarder_options *options,
                        struct sdme_forwarder **ret_forwarder, struct sdme_error *error);

/* Ready to be read when there is something to do. */
int sdme_forwarder_fd(const struct sdme_forwarder *forwarder);

/* Seconds after which to step even if nothing is ready; negative: never. */
double sdme_forwarder_timeout(const struct sdme_forwarder *forwarder);

enum {
    SDME_FORWARDER_IDLE = 1,
    SDME_FORWARDER_ENDED = 2, /* the process has */
};

/* Goes on as far as it can without waiting: 0, or one of the above once it is over. */
int sdme_forwarder_step(struct sdme_forwarder *forwarder, struct sdme_error *error);

/* The clients it has at the moment: connections, and senders of datagrams. */
size_t sdme_forwarder_clients(const struct sdme_forwarder *forwarder);

/* Ends every connection and frees it. */
void sdme_forwarder_close(struct sdme_forwarder *forwarder);

#endif
