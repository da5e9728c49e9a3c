/* SPDX-License-Identifier: MIT */
#include "forwarder.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

#include "forwarder_client.h"
#include "poll.h"
#include "port.h"
#include "sigpipe.h"
#include "util.h"

enum { EVENTS_MAX = 64 };

/* Seconds until connections are accepted again when we had no descriptor for one. */
static const double RETRY = 1;

int sdme_watch_set(struct sdme_forwarder *forwarder, struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    int operation = !events ? EPOLL_CTL_DEL : watch->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (events == watch->events)
        return 0;
    if (epoll_ctl(forwarder->epoll, operation, watch->fd, &event) < 0)
        return -errno;
    watch->events = events;
    return 0;
}

void sdme_watch_close(struct sdme_forwarder *forwarder, struct watch *watch)
{
    if (watch->fd < 0)
        return;
    sdme_watch_set(forwarder, watch, 0);
    watch->fd = sdme_close(watch->fd);
    watch->events = 0;
}

static void add_loopback(struct dial *dial)
{
    dial->addresses[dial->count++].v4 = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    dial->addresses[dial->count++].v6 = (struct sockaddr_in6){
        .sin6_family = AF_INET6,
        .sin6_addr = IN6ADDR_LOOPBACK_INIT,
    };
}

/* Addresses come and go, so they are looked up for each client. */
static void find_addresses(struct sdme_forwarder *forwarder, struct client *client)
{
    struct dial *dial = &client->dial;
    int count = sdme_netns_addresses(forwarder->netns, dial->addresses,
                                     ELEMENTS(dial->addresses) - 3, NULL);

    dial->count = count < 0 ? 0 : (unsigned int) count;
    dial->direct = sdme_direct_is_possible(forwarder, client->listener, dial);
    if (dial->direct)
        memmove(dial->addresses + 1, dial->addresses, dial->count++ * sizeof *dial->addresses);
    add_loopback(dial);
}

static int dial_next(struct sdme_forwarder *forwarder, struct client *client)
{
    const struct listener *listener = client->listener;
    struct dial *dial = &client->dial;
    union sdme_address *address = &dial->addresses[dial->next];
    _cleanup_close_ int fd = -1;
    int code = dial->next++ == 0 && dial->direct
                   ? sdme_direct_socket(forwarder, &fd)
                   : sdme_netns_socket(forwarder->netns, address->any.sa_family,
                                       listener->type | SOCK_NONBLOCK, 0, &fd, NULL);

    if (code < 0)
        return code;
    if (address->any.sa_family == AF_INET6)
        address->v6.sin6_port = htons(listener->target);
    else
        address->v4.sin_port = htons(listener->target);
    if (connect(fd, &address->any, sdme_address_size(address)) < 0 && errno != EINPROGRESS)
        return -errno;
    return sdme_take_fd(&fd);
}

int sdme_dial(struct sdme_forwarder *forwarder, struct client *client)
{
    int result = -ECONNREFUSED;

    if (!client->dial.count)
        find_addresses(forwarder, client);
    while (result < 0 && client->dial.next < client->dial.count)
        result = dial_next(forwarder, client);
    return result;
}

static void watch_streams(struct sdme_forwarder *forwarder, uint32_t events)
{
    for (size_t i = 0; i < forwarder->listener_count; i++)
        if (forwarder->listeners[i].type == SOCK_STREAM)
            sdme_watch_set(forwarder, &forwarder->listeners[i].watch, events);
}

void sdme_forwarder_pause(struct sdme_forwarder *forwarder)
{
    forwarder->retry_at = sdme_now() + RETRY;
    watch_streams(forwarder, 0);
}

void sdme_forwarder_resume(struct sdme_forwarder *forwarder)
{
    if (forwarder->retry_at <= 0)
        return;
    forwarder->retry_at = 0;
    watch_streams(forwarder, EPOLLIN);
}

void sdme_client_leave(struct sdme_forwarder *forwarder, struct client_list *list,
                       unsigned int *count, struct client *client)
{
    TAILQ_REMOVE(list, client, link);
    TAILQ_INSERT_TAIL(&forwarder->dead, client, link);
    (*count)--;
    if (sdme_forwarder_clients(forwarder) == 0)
        forwarder->idle_since = sdme_now();
    sdme_forwarder_resume(forwarder);
}

static void bury(struct sdme_forwarder *forwarder)
{
    struct client *client;

    while ((client = TAILQ_FIRST(&forwarder->dead))) {
        TAILQ_REMOVE(&forwarder->dead, client, link);
        free(client);
    }
}

static void process_ended(struct sdme_forwarder *forwarder, struct watch *watch)
{
    (void) watch;
    forwarder->ended = true;
}

static int watch_process(struct sdme_forwarder *forwarder, pid_t pid, struct sdme_error *error)
{
    if (!pid)
        return 0;
    forwarder->process.fd = pidfd_open(pid, 0);
    if (forwarder->process.fd < 0)
        return sdme_fail(error, errno, "open process %d", pid);
    int code = sdme_watch_set(forwarder, &forwarder->process, EPOLLIN);
    return code < 0 ? sdme_fail(error, code, "wait for process %d", pid) : 0;
}

/* Of those that are for every address, processes of this host mostly take that of loopback. */
static struct sockaddr_in find_from(int fd, int type)
{
    union sdme_address own = {0};
    socklen_t size = sizeof own;

    if (type != SOCK_STREAM || getsockname(fd, &own.any, &size) < 0 || own.any.sa_family != AF_INET)
        return (struct sockaddr_in){.sin_family = AF_UNSPEC};
    if (own.v4.sin_addr.s_addr == htonl(INADDR_ANY))
        own.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return own.v4;
}

static int add_listener(struct sdme_forwarder *forwarder, const struct sdme_forwarded_port *port,
                        struct sdme_error *error)
{
    struct listener *listener = &forwarder->listeners[forwarder->listener_count];
    struct sdme_port name;
    int code = sdme_port_of_socket(port->fd, &name, error);

    if (code < 0)
        return code;
    *listener = (struct listener){
        .type = name.type,
        .target = port->target,
        .from = find_from(port->fd, name.type),
        .watch.fd = fcntl(port->fd, F_DUPFD_CLOEXEC, 0),
        .watch.ready = name.type == SOCK_STREAM ? sdme_accept_connections : sdme_receive_datagrams,
    };
    if (listener->watch.fd < 0)
        return sdme_fail(error, errno, "forward port %u", name.number);
    forwarder->listener_count++;
    if (name.type == SOCK_DGRAM)
        sdme_listen_for_datagrams(listener->watch.fd);
    int flags = fcntl(listener->watch.fd, F_GETFL);
    if (flags < 0 || fcntl(listener->watch.fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return sdme_fail(error, errno, "forward port %u", name.number);
    code = sdme_watch_set(forwarder, &listener->watch, EPOLLIN);
    return code < 0 ? sdme_fail(error, code, "forward port %u", name.number) : 0;
}

static void forwarder_closep(struct sdme_forwarder **forwarder)
{
    sdme_forwarder_close(*forwarder);
}

int sdme_forwarder_open(const struct sdme_forwarder_options *options,
                        struct sdme_forwarder **ret_forwarder, struct sdme_error *error)
{
    _cleanup_(forwarder_closep) struct sdme_forwarder *forwarder = calloc(1, sizeof *forwarder);

    if (!forwarder)
        return sdme_fail(error, ENOMEM, "forward ports");
    forwarder->options = *options;
    forwarder->spare = SDME_NO_PIPE;
    forwarder->process = (struct watch){.fd = -1, .ready = process_ended};
    TAILQ_INIT(&forwarder->connections);
    TAILQ_INIT(&forwarder->flows);
    TAILQ_INIT(&forwarder->dead);
    forwarder->idle_since = sdme_now();
    forwarder->epoll = epoll_create1(EPOLL_CLOEXEC);
    forwarder->netns = fcntl(options->netns, F_DUPFD_CLOEXEC, 0);
    forwarder->listeners = calloc(options->port_count + 1, sizeof *forwarder->listeners);
    if (forwarder->epoll < 0 || forwarder->netns < 0 || !forwarder->listeners)
        return sdme_fail(error, errno, "forward ports");
    int code = watch_process(forwarder, options->process, error);
    for (size_t i = 0; code == 0 && i < options->port_count; i++)
        code = add_listener(forwarder, &options->ports[i], error);
    if (code < 0)
        return code;
    *ret_forwarder = SDME_TAKE(forwarder);
    return 0;
}

int sdme_forwarder_fd(const struct sdme_forwarder *forwarder)
{
    return forwarder->epoll;
}

size_t sdme_forwarder_clients(const struct sdme_forwarder *forwarder)
{
    return (size_t) forwarder->connection_count + forwarder->flow_count;
}

static bool is_idle(const struct sdme_forwarder *forwarder)
{
    return forwarder->options.idle >= 0 && sdme_forwarder_clients(forwarder) == 0;
}

/* The earlier of two moments, where a negative one never comes. */
static double earlier(double a, double b)
{
    return a < 0 ? b : b < 0 || a < b ? a : b;
}

double sdme_forwarder_timeout(const struct sdme_forwarder *forwarder)
{
    const struct client *silent = TAILQ_FIRST(&forwarder->flows);
    double next = silent ? sdme_flow_expires(forwarder, silent) : -1;

    if (forwarder->retry_at > 0)
        next = earlier(next, forwarder->retry_at);
    if (forwarder->redirect_until > 0)
        next = earlier(next, forwarder->redirect_until);
    if (is_idle(forwarder))
        next = earlier(next, forwarder->idle_since + forwarder->options.idle);
    if (next < 0)
        return -1;
    double left = next - sdme_now();
    return left > 0 ? left : 0;
}

int sdme_forwarder_step(struct sdme_forwarder *forwarder, struct sdme_error *error)
{
    struct epoll_event events[EVENTS_MAX];
    double now = sdme_now();

    sdme_flows_expire(forwarder, now);
    sdme_redirects_expire(forwarder, now);
    if (forwarder->retry_at > 0 && now >= forwarder->retry_at)
        sdme_forwarder_resume(forwarder);
    int count = epoll_wait(forwarder->epoll, events, EVENTS_MAX, 0);
    if (count < 0 && errno != EINTR)
        return sdme_fail(error, errno, "wait for clients of ports");
    /* splice(2) has nothing like MSG_NOSIGNAL. */
    struct sdme_sigpipe before;
    forwarder->broken = false;
    sdme_sigpipe_block(&before, false);
    for (int i = 0; i < count; i++) {
        struct watch *watch = events[i].data.ptr;

        if (watch->fd >= 0)
            watch->ready(forwarder, watch);
    }
    sdme_sigpipe_restore(&before, forwarder->broken);
    bury(forwarder);
    if (forwarder->ended)
        return SDME_FORWARDER_ENDED;
    if (is_idle(forwarder) && sdme_now() >= forwarder->idle_since + forwarder->options.idle)
        return SDME_FORWARDER_IDLE;
    return 0;
}

void sdme_forwarder_close(struct sdme_forwarder *forwarder)
{
    struct client *client;

    if (!forwarder)
        return;
    while ((client = TAILQ_FIRST(&forwarder->connections)))
        sdme_connection_close(forwarder, client);
    sdme_connections_end(forwarder);
    while ((client = TAILQ_FIRST(&forwarder->flows)))
        sdme_flow_close(forwarder, client);
    bury(forwarder);
    for (size_t i = 0; i < forwarder->listener_count; i++)
        sdme_watch_close(forwarder, &forwarder->listeners[i].watch);
    sdme_watch_close(forwarder, &forwarder->process);
    sdme_redirect_close(forwarder->redirect);
    sdme_close(forwarder->netns);
    sdme_close(forwarder->epoll);
    free(forwarder->listeners);
    free(forwarder);
}
