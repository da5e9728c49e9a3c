/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_FORWARDER_CLIENT_H
#define SDME_RUNTIME_FORWARDER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "forwarder.h"
#include "netns.h"
#include "redirect.h"

/* What the parts of a forwarder share: for forwarder*.c alone. */

/* A descriptor in the epoll set, and what to do when it is ready. */
struct watch {
    int fd;          /* -1: closed; an event that is on its way is void then */
    uint32_t events; /* 0: not in the set, where a hang-up would wake us for nothing */
    void (*ready)(struct sdme_forwarder *forwarder, struct watch *watch);
};

#define WATCH_OWNER(watch, type, member)                                                           \
    ((type *) (void *) ((char *) (watch) -offsetof(type, member)))

struct listener {
    struct watch watch;
    int type;
    uint16_t target;
    struct sockaddr_in from; /* where clients of this host come to it; AF_UNSPEC: not by IPv4 */
    bool redirected;         /* they go there directly for now */
};

/* Descriptors of pipe(2), or -1. */
struct sdme_pipe {
    int in, out;
};

#define SDME_NO_PIPE ((struct sdme_pipe){.in = -1, .out = -1})

/* The addresses there that a client may be forwarded to, in the order to try them. */
struct dial {
    union sdme_address addresses[8];
    unsigned int count, next;
    bool direct; /* the first one is tried from here, by the link */
};

/* The beginning of a connection or a flow, which is one allocation and owns what is in it. */
struct client {
    TAILQ_ENTRY(client) link;
    struct listener *listener;
    struct dial dial;
};

TAILQ_HEAD(client_list, client);

struct sdme_forwarder {
    struct sdme_forwarder_options options; /* without its pointers */
    int epoll;
    int netns;
    struct watch process;
    bool ended;
    struct listener *listeners;
    size_t listener_count;
    struct sdme_redirect *redirect;
    bool no_redirect;      /* this host can't */
    double redirect_until; /* when all of it ends, and is tried again; 0: there is none */
    double no_link_until;  /* when to try the link again, after it was of no use */
    struct client_list connections, flows; /* flows: the most silent first */
    struct client_list dead;               /* freed when no event can name them any more */
    unsigned int connection_count, flow_count;
    struct sdme_pipe spare;  /* an empty one */
    bool broken;             /* a write of ours has raised SIGPIPE */
    double retry_at;         /* when to accept again; 0: we do */
    double idle_since;       /* when the last client left */
    char scratch[64 * 1024]; /* holds any datagram */
};

/* Waits for @events of a watch, or for nothing: 0 or -errno. */
int sdme_watch_set(struct sdme_forwarder *forwarder, struct watch *watch, uint32_t events);
void sdme_watch_close(struct sdme_forwarder *forwarder, struct watch *watch);

/*
 * Makes a socket that is connected, or about to be, to the next address for a client, beginning
 * with the first one. Returns it, or -errno when none is left.
 */
int sdme_dial(struct sdme_forwarder *forwarder, struct client *client);

/* Stops accepting connections for a while: there are too many, or no descriptors. */
void sdme_forwarder_pause(struct sdme_forwarder *forwarder);
void sdme_forwarder_resume(struct sdme_forwarder *forwarder);

/* Takes a client whose descriptors are closed out of its list. */
void sdme_client_leave(struct sdme_forwarder *forwarder, struct client_list *list,
                       unsigned int *count, struct client *client);

/* What a listener does: it gets new clients. */
void sdme_accept_connections(struct sdme_forwarder *forwarder, struct watch *watch);
void sdme_receive_datagrams(struct sdme_forwarder *forwarder, struct watch *watch);

void sdme_connection_close(struct sdme_forwarder *forwarder, struct client *client);
/* Has a socket tell which address of ours each datagram came to. */
void sdme_listen_for_datagrams(int fd);

/* Whether to try the first of the addresses from here, by the link. */
bool sdme_direct_is_possible(const struct sdme_forwarder *forwarder,
                             const struct listener *listener, const struct dial *dial);

/* A socket that can only take the link: 0 or -errno. */
int sdme_direct_socket(const struct sdme_forwarder *forwarder, int *ret_fd);

/*
 * What became of the address that sdme_dial() has chosen: 0, and then @fd is connected, or an
 * errno. After a connection that took the link the next ones need none of us.
 */
void sdme_dialed(struct sdme_forwarder *forwarder, struct client *client, int fd, int code);

void sdme_redirects_expire(struct sdme_forwarder *forwarder, double now);

/* Frees what connections have shared. */
void sdme_connections_end(struct sdme_forwarder *forwarder);
void sdme_flow_close(struct sdme_forwarder *forwarder, struct client *client);

/* When a flow that stays silent is forgotten, and the forgetting. */
double sdme_flow_expires(const struct sdme_forwarder *forwarder, const struct client *client);
void sdme_flows_expire(struct sdme_forwarder *forwarder, double now);

#endif
