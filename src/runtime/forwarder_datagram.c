/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "forwarder_client.h"
#include "poll.h"
#include "util.h"

/* Datagrams before others have their turn. */
enum { ROUNDS = 64 };

/* An address of ours that a datagram came to, as the option of a message (ip(7), ipv6(7)). */
struct destination {
    int level, type;
    size_t size; /* 0: it isn't known */
    unsigned char option[sizeof(struct in6_pktinfo)];
};

/* A sender of datagrams, with a socket of its own so that answers find back to it. */
struct flow {
    struct client client;
    struct watch far;
    union sdme_address from;
    struct destination to;
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

void sdme_listen_for_datagrams(int fd)
{
    const int on = 1;

    /* Where it fails, answers come from the address that the kernel chooses. */
    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
}

/* Notes an option without the interface, unless the address means nothing without one. */
static void note_destination(struct destination *to, const struct cmsghdr *part)
{
    struct in_pktinfo v4;
    struct in6_pktinfo v6;

    to->level = part->cmsg_level;
    to->type = part->cmsg_type;
    if (to->level == IPPROTO_IPV6) {
        memcpy(&v6, CMSG_DATA(part), sizeof v6);
        if (!IN6_IS_ADDR_LINKLOCAL(&v6.ipi6_addr))
            v6.ipi6_ifindex = 0;
        memcpy(to->option, &v6, to->size = sizeof v6);
    } else {
        memcpy(&v4, CMSG_DATA(part), sizeof v4);
        v4.ipi_ifindex = 0;
        v4.ipi_addr.s_addr = 0;
        memcpy(to->option, &v4, to->size = sizeof v4);
    }
}

static struct destination destination_of(struct msghdr *message)
{
    struct destination to = {0};

    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part))
        if ((part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) ||
            (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO))
            note_destination(&to, part);
    return to;
}

static bool is_same_destination(const struct destination *a, const struct destination *b)
{
    return a->level == b->level && a->size == b->size && memcmp(a->option, b->option, a->size) == 0;
}

/* Sends an answer from the address that was asked. */
static void answer(int fd, struct flow *flow, struct iovec *data)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof flow->to.option)];
    } control = {0};
    struct msghdr message = {
        .msg_name = &flow->from.any,
        .msg_namelen = sdme_address_size(&flow->from),
        .msg_iov = data,
        .msg_iovlen = 1,
    };

    if (flow->to.size > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(flow->to.size);
        struct cmsghdr *option = CMSG_FIRSTHDR(&message);
        option->cmsg_level = flow->to.level;
        option->cmsg_type = flow->to.type;
        option->cmsg_len = CMSG_LEN(flow->to.size);
        memcpy(CMSG_DATA(option), flow->to.option, flow->to.size);
    }
    sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
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
        answer(listener->watch.fd, flow,
               &(struct iovec){.iov_base = forwarder->scratch, .iov_len = (size_t) size});
    }
}

/* Who sent last sends next, mostly. */
static struct flow *find_flow(struct sdme_forwarder *forwarder, const struct listener *listener,
                              const union sdme_address *from, const struct destination *to)
{
    struct client *client = TAILQ_LAST(&forwarder->flows, client_list);

    for (; client; client = TAILQ_PREV(client, client_list, link)) {
        struct flow *flow = (struct flow *) client;

        if (client->listener == listener && sdme_address_is_same(&flow->from, from) &&
            is_same_destination(&flow->to, to))
            return flow;
    }
    return NULL;
}

static struct flow *new_flow(struct sdme_forwarder *forwarder, struct listener *listener,
                             const union sdme_address *from, const struct destination *to)
{
    struct flow *flow = calloc(1, sizeof *flow);

    if (!flow)
        return NULL;
    if (forwarder->flow_count >= forwarder->options.flows_max)
        sdme_flow_close(forwarder, TAILQ_FIRST(&forwarder->flows));
    flow->client.listener = listener;
    flow->far = (struct watch){.fd = -1, .ready = far_ready};
    flow->from = *from;
    flow->to = *to;
    flow->active = sdme_now();
    TAILQ_INSERT_TAIL(&forwarder->flows, &flow->client, link);
    forwarder->flow_count++;
    if (flow_dial(forwarder, flow))
        return flow;
    sdme_flow_close(forwarder, &flow->client);
    return NULL;
}

/* As recvfrom(2), and the address of ours that it came to. */
static ssize_t receive(int fd, struct iovec *data, union sdme_address *ret_from,
                       struct destination *ret_to)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control;
    union sdme_address from = {0};
    struct msghdr message = {
        .msg_name = &from.any,
        .msg_namelen = sizeof from,
        .msg_iov = data,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };
    ssize_t count = recvmsg(fd, &message, MSG_DONTWAIT);

    if (count < 0)
        return -1;
    *ret_from = from;
    *ret_to = destination_of(&message);
    return count;
}

void sdme_receive_datagrams(struct sdme_forwarder *forwarder, struct watch *watch)
{
    struct listener *listener = WATCH_OWNER(watch, struct listener, watch);

    for (int i = 0; i < ROUNDS; i++) {
        union sdme_address from;
        struct destination to;
        struct iovec data = {forwarder->scratch, sizeof forwarder->scratch};
        ssize_t size = receive(watch->fd, &data, &from, &to);
        if (size < 0)
            return;
        struct flow *flow = find_flow(forwarder, listener, &from, &to);
        if (!flow)
            flow = new_flow(forwarder, listener, &from, &to);
        if (!flow)
            continue;
        flow_touch(forwarder, flow);
        if (!flow_send(forwarder, flow, (size_t) size))
            sdme_flow_close(forwarder, &flow->client);
    }
}
