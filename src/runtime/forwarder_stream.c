/* SPDX-License-Identifier: MIT */
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "forwarder_client.h"
#include "util.h"

/* Connections, and buffers of one, before others have their turn. */
enum {
    ACCEPTS = 32,
    ROUNDS = 8,
};

/* One way of a connection. */
struct direction {
    struct watch *from, *to;
    char *held; /* what @to didn't take yet; while there is some, @from isn't read */
    size_t start, end;
    bool ended; /* @from has said all, and @to knows */
};

struct connection {
    struct client client;
    struct watch near, far; /* the client, and the service it is forwarded to */
    struct direction up, down;
    bool connected;
};

void sdme_connection_close(struct sdme_forwarder *forwarder, struct client *client)
{
    struct connection *connection = (struct connection *) client;

    sdme_watch_close(forwarder, &connection->near);
    sdme_watch_close(forwarder, &connection->far);
    free(connection->up.held);
    free(connection->down.held);
    sdme_client_leave(forwarder, &forwarder->connections, &forwarder->connection_count, client);
}

/* Ends it by a reset on both sides (socket(7), SO_LINGER): something was lost. */
static void connection_abort(struct sdme_forwarder *forwarder, struct connection *connection)
{
    const struct linger reset = {.l_onoff = 1};

    setsockopt(connection->near.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (connection->far.fd >= 0)
        setsockopt(connection->far.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    sdme_connection_close(forwarder, &connection->client);
}

/* As send(2), but -errno, and 0 where it would wait. */
static ssize_t send_some(int fd, const char *data, size_t size)
{
    ssize_t count = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (count >= 0)
        return count;
    return errno == EAGAIN ? 0 : -errno;
}

/* 0 or -errno; there may be some left. */
static int flush(struct direction *direction)
{
    ssize_t count = send_some(direction->to->fd, direction->held + direction->start,
                              direction->end - direction->start);

    if (count < 0)
        return (int) count;
    direction->start += (size_t) count;
    if (direction->start == direction->end) {
        free(direction->held);
        direction->held = NULL;
    }
    return 0;
}

/* Keeps what couldn't be sent: an idle connection has no buffer. */
static int hold(struct direction *direction, const char *data, size_t size)
{
    direction->held = malloc(size);
    if (!direction->held)
        return -ENOMEM;
    memcpy(direction->held, data, size);
    direction->start = 0;
    direction->end = size;
    return 0;
}

/* 1 if there may be more, 0 if one side has to wait or it has ended, or -errno. */
static int copy_some(struct direction *direction, char *scratch, size_t size)
{
    ssize_t count = recv(direction->from->fd, scratch, size, MSG_DONTWAIT);

    if (count < 0)
        return errno == EAGAIN ? 0 : -errno;
    if (count == 0) {
        direction->ended = true;
        /* It fails where the other side is gone, and then its reset tells. */
        shutdown(direction->to->fd, SHUT_WR);
        return 0;
    }
    ssize_t sent = send_some(direction->to->fd, scratch, (size_t) count);
    if (sent < 0)
        return (int) sent;
    return sent < count ? hold(direction, scratch + sent, (size_t) (count - sent)) : 1;
}

static int pump(struct direction *direction, char *scratch, size_t size)
{
    int code = direction->held ? flush(direction) : 0;

    if (code < 0 || direction->held || direction->ended)
        return code;
    code = 1;
    for (int round = 0; round < ROUNDS && code > 0; round++)
        code = copy_some(direction, scratch, size);
    return code < 0 ? code : 0;
}

static uint32_t wanted(const struct direction *out, const struct direction *in)
{
    return (out->held || out->ended ? 0 : EPOLLIN) | (in->held ? EPOLLOUT : 0);
}

static void connection_ready(struct sdme_forwarder *forwarder, struct connection *connection)
{
    struct direction *up = &connection->up, *down = &connection->down;
    int code = pump(up, forwarder->scratch, sizeof forwarder->scratch);

    if (code == 0)
        code = pump(down, forwarder->scratch, sizeof forwarder->scratch);
    if (code == 0 && up->ended && down->ended) {
        sdme_connection_close(forwarder, &connection->client);
        return;
    }
    if (code == 0)
        code = sdme_watch_set(forwarder, &connection->near, wanted(up, down));
    if (code == 0)
        code = sdme_watch_set(forwarder, &connection->far, wanted(down, up));
    if (code < 0)
        connection_abort(forwarder, connection);
}

static void near_ready(struct sdme_forwarder *forwarder, struct watch *watch)
{
    connection_ready(forwarder, WATCH_OWNER(watch, struct connection, near));
}

static int last_error(int fd)
{
    int code = 0;
    socklen_t size = sizeof code;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0 ? errno : code;
}

/*
 * A socket that connects to a port of the range that its own is chosen from may meet itself, where
 * nobody listens: its connection counts for nothing.
 */
static bool is_own_peer(int fd)
{
    union sdme_address own = {0}, peer = {0};
    socklen_t own_size = sizeof own, peer_size = sizeof peer;

    return getsockname(fd, &own.any, &own_size) == 0 &&
           getpeername(fd, &peer.any, &peer_size) == 0 && sdme_address_is_same(&own, &peer);
}

/* Tries the next address; without one it looks to the client as if nobody listened. */
static void connection_dial(struct sdme_forwarder *forwarder, struct connection *connection)
{
    const int on = 1;

    sdme_watch_close(forwarder, &connection->far);
    connection->far.fd = sdme_dial(forwarder, &connection->client);
    if (connection->far.fd < 0) {
        connection_abort(forwarder, connection);
        return;
    }
    setsockopt(connection->far.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (sdme_watch_set(forwarder, &connection->far, EPOLLOUT) < 0)
        connection_abort(forwarder, connection);
}

static void far_ready(struct sdme_forwarder *forwarder, struct watch *watch)
{
    struct connection *connection = WATCH_OWNER(watch, struct connection, far);

    if (!connection->connected && (last_error(watch->fd) != 0 || is_own_peer(watch->fd))) {
        connection_dial(forwarder, connection);
        return;
    }
    connection->connected = true;
    connection_ready(forwarder, connection);
}

static void connection_begin(struct sdme_forwarder *forwarder, struct listener *listener, int fd)
{
    struct connection *connection = calloc(1, sizeof *connection);
    const int on = 1;

    if (!connection) {
        sdme_close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->client.listener = listener;
    connection->near = (struct watch){.fd = fd, .ready = near_ready};
    connection->far = (struct watch){.fd = -1, .ready = far_ready};
    connection->up = (struct direction){.from = &connection->near, .to = &connection->far};
    connection->down = (struct direction){.from = &connection->far, .to = &connection->near};
    TAILQ_INSERT_TAIL(&forwarder->connections, &connection->client, link);
    forwarder->connection_count++;
    connection_dial(forwarder, connection);
}

void sdme_accept_connections(struct sdme_forwarder *forwarder, struct watch *watch)
{
    struct listener *listener = WATCH_OWNER(watch, struct listener, watch);

    for (int i = 0; i < ACCEPTS; i++) {
        if (forwarder->connection_count >= forwarder->options.connections_max) {
            sdme_forwarder_pause(forwarder);
            return;
        }
        int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            connection_begin(forwarder, listener, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            sdme_forwarder_pause(forwarder);
            return;
        } else if (errno == EAGAIN) {
            return;
        } /* else it was an error of a connection that is gone (accept(2)) */
    }
}
