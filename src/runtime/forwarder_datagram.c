/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "forwarder_client.h"
#include "poll.h"
#include "util.h"

/* Datagrams before others have their turn. */
enum { ROUNDS = 64 };

/* A sender of datagrams, with a socket of its own so that answers find back to it. */
struct flow {
    struct client client;
    struct watch far;
    union sdme_address from;
    double active; /* when the last datagram came, either way */
    bool answered; /* by now somebody has the port, and we know at which address */
    char *first;   /* the first datagram, for the next address if this one refuses it */
    size_t first_size;
};

void sdme_flow_close(struct sdme_forwarder *forwarder, struct client *client)
{
    struct flow *flow = (struct flow *) client;

    sdme_watch_close(forwarder, &flow->far);
    free(flow->first);
    flow->first = NULL;
    sdme_client_leave(forwarder, &forwarder->flows, &forwarder->flow_count, client);
}

double sdme_flow_expires(const struct sdme_forwarder *forwarder, const struct client *client)
{
    return ((const struct flow *) client)->active + forwarder->options.silence;
}

void sdme_flows_expire(struct sdme_forwarder *forwarder, double now)
{
    struct client *silent;

    while ((silent = TAILQ_FIRST(&forwarder->flows)) && sdme_flow_expires(forwarder, silent) <= now)
        sdme_flow_close(forwarder, silent);
}

static void flow_touch(struct sdme_forwarder *forwarder, struct flow *flow)
{
    flow->active = sdme_now();
    TAILQ_REMOVE(&forwarder->flows, &flow->client, link);
    TAILQ_INSERT_TAIL(&forwarder->flows, &flow->client, link);
}

/* The port is refused at one address: begins again at the next one. False: none is left. */
static bool flow_dial(struct sdme_forwarder *forwarder, struct flow *flow)
{
    sdme_watch_close(forwarder, &flow->far);
    if (flow->answered)
        return false;
    flow->far.fd = sdme_dial(forwarder, &flow->client);
    if (flow->far.fd < 0 || sdme_watch_set(forwarder, &flow->far, EPOLLIN) < 0)
        return false;
    if (flow->first)
        send(flow->far.fd, flow->first, flow->first_size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return true;
}

/* False: it is over, since nobody has the port. */
static bool flow_send(struct sdme_forwarder *forwarder, struct flow *flow, size_t size)
{
    while (send(flow->far.fd, forwarder->scratch, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        /* What an earlier one met. Other failures are this one's, and datagrams may get lost. */
        if (errno != ECONNREFUSED)
            break;
        if (!flow_dial(forwarder, flow))
            return false;
    }
    if (!flow->answered && !flow->first && (flow->first = malloc(size + 1))) {
        memcpy(flow->first, forwarder->scratch, size);
        flow->first_size = size;
    }
    return true;
}

static void far_ready(struct sdme_forwarder *forwarder, struct watch *watch)
{
    struct flow *flow = WATCH_OWNER(watch, struct flow, far);
    const struct listener *listener = flow->client.listener;

    for (int i = 0; i < ROUNDS; i++) {
        ssize_t size = recv(watch->fd, forwarder->scratch, sizeof forwarder->scratch, MSG_DONTWAIT);

        if (size < 0 && errno == EAGAIN)
            return;
        if (size < 0 && !flow_dial(forwarder, flow)) {
            sdme_flow_close(forwarder, &flow->client);
            return;
        }
        if (size < 0)
            continue;
        flow->answered = true;
        free(flow->first);
        flow->first = NULL;
        flow_touch(forwarder, flow);
        sendto(listener->watch.fd, forwarder->scratch, (size_t) size, MSG_DONTWAIT | MSG_NOSIGNAL,
               &flow->from.any, sdme_address_size(&flow->from));
    }
}

/* Who sent last sends next, mostly. */
static struct flow *find_flow(struct sdme_forwarder *forwarder, const struct listener *listener,
                              const union sdme_address *from)
{
    struct client *client = TAILQ_LAST(&forwarder->flows, client_list);

    for (; client; client = TAILQ_PREV(client, client_list, link)) {
        struct flow *flow = (struct flow *) client;

        if (client->listener == listener && sdme_address_is_same(&flow->from, from))
            return flow;
    }
    return NULL;
}

static struct flow *new_flow(struct sdme_forwarder *forwarder, struct listener *listener,
                             const union sdme_address *from)
{
    struct flow *flow = calloc(1, sizeof *flow);

    if (!flow)
        return NULL;
    if (forwarder->flow_count >= forwarder->options.flows_max)
        sdme_flow_close(forwarder, TAILQ_FIRST(&forwarder->flows));
    flow->client.listener = listener;
    flow->far = (struct watch){.fd = -1, .ready = far_ready};
    flow->from = *from;
    flow->active = sdme_now();
    TAILQ_INSERT_TAIL(&forwarder->flows, &flow->client, link);
    forwarder->flow_count++;
    if (flow_dial(forwarder, flow))
        return flow;
    sdme_flow_close(forwarder, &flow->client);
    return NULL;
}

void sdme_receive_datagrams(struct sdme_forwarder *forwarder, struct watch *watch)
{
    struct listener *listener = WATCH_OWNER(watch, struct listener, watch);

    for (int i = 0; i < ROUNDS; i++) {
        union sdme_address from = {0};
        socklen_t from_size = sizeof from;
        ssize_t size = recvfrom(watch->fd, forwarder->scratch, sizeof forwarder->scratch,
                                MSG_DONTWAIT, &from.any, &from_size);
        if (size < 0)
            return;
        struct flow *flow = find_flow(forwarder, listener, &from);
        if (!flow)
            flow = new_flow(forwarder, listener, &from);
        if (!flow)
            continue;
        flow_touch(forwarder, flow);
        if (!flow_send(forwarder, flow, (size_t) size))
            sdme_flow_close(forwarder, &flow->client);
    }
}
