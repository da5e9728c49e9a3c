/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
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
    PIPE_SIZE = 256 * 1024,
};

/* One way of a connection. */
struct direction {
    struct watch *from, *to;
    struct sdme_pipe pipe; /* what @to didn't take yet: pages that nobody copies (splice(2)) */
    size_t held;           /* bytes of that; while there are some, @from isn't read */
    bool ended;            /* @from has said all, and @to knows */
};

struct connection {
    struct client client;
    struct watch near, far; /* the client, and the service it is forwarded to */
    struct direction up, down;
    bool connected;
};

static void pipe_close(struct sdme_pipe *pipe)
{
    pipe->in = sdme_close(pipe->in);
    pipe->out = sdme_close(pipe->out);
}

void sdme_connection_close(struct sdme_forwarder *forwarder, struct client *client)
{
    struct connection *connection = (struct connection *) client;

    sdme_watch_close(forwarder, &connection->near);
    sdme_watch_close(forwarder, &connection->far);
    pipe_close(&connection->up.pipe);
    pipe_close(&connection->down.pipe);
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

/* The forwarder's own pipe, which is empty, or a new one. */
static int take_pipe(struct sdme_forwarder *forwarder, struct sdme_pipe *ret_pipe)
{
    int fds[2];

    if (forwarder->spare.in < 0) {
        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
            return -errno;
        /* A smaller one has to do where there are limits (pipe(7)). */
        fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
        forwarder->spare = (struct sdme_pipe){.out = fds[0], .in = fds[1]};
    }
    *ret_pipe = forwarder->spare;
    forwarder->spare = SDME_NO_PIPE;
    return 0;
}

static void give_pipe(struct sdme_forwarder *forwarder, struct sdme_pipe *pipe)
{
    if (forwarder->spare.in >= 0)
        pipe_close(pipe);
    else
        forwarder->spare = *pipe;
    *pipe = SDME_NO_PIPE;
}

void sdme_connections_end(struct sdme_forwarder *forwarder)
{
    pipe_close(&forwarder->spare);
}

/* Moves what is in the pipe on: 0 or -errno; there may be some left. */
static int drain(struct sdme_forwarder *forwarder, struct direction *direction)
{
    while (direction->held > 0) {
        ssize_t count = splice(direction->pipe.out, NULL, direction->to->fd, NULL, direction->held,
                               SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (count < 0 && errno == EPIPE)
            forwarder->broken = true;
        if (count < 0)
            return errno == EAGAIN ? 0 : -errno;
        direction->held -= (size_t) count;
    }
    give_pipe(forwarder, &direction->pipe);
    return 0;
}

/* 1 if there may be more, 0 if one side has to wait or it has ended, or -errno. */
static int move_some(struct sdme_forwarder *forwarder, struct direction *direction)
{
    int code = take_pipe(forwarder, &direction->pipe);

    if (code < 0)
        return code;
    ssize_t count = splice(direction->from->fd, NULL, direction->pipe.in, NULL, PIPE_SIZE,
                           SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (count <= 0)
        give_pipe(forwarder, &direction->pipe);
    if (count < 0)
        return errno == EAGAIN ? 0 : -errno;
    if (count == 0) {
        direction->ended = true;
        /* It fails where the other side is gone, and then its reset tells. */
        shutdown(direction->to->fd, SHUT_WR);
        return 0;
    }
    direction->held = (size_t) count;
    code = drain(forwarder, direction);
    return code < 0 ? code : direction->held == 0;
}

static int pump(struct sdme_forwarder *forwarder, struct direction *direction)
{
    int code = direction->held ? drain(forwarder, direction) : 0;

    if (code < 0 || direction->held || direction->ended)
        return code;
    code = 1;
    for (int round = 0; round < ROUNDS && code > 0; round++)
        code = move_some(forwarder, direction);
    return code < 0 ? code : 0;
}

static uint32_t wanted(const struct direction *out, const struct direction *in)
{
    return (out->held || out->ended ? 0 : EPOLLIN) | (in->held ? EPOLLOUT : 0);
}

static void connection_ready(struct sdme_forwarder *forwarder, struct connection *connection)
{
    struct direction *up = &connection->up, *down = &connection->down;
    int code = pump(forwarder, up);

    if (code == 0)
        code = pump(forwarder, down);
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

    if (!connection->connected) {
        int code = last_error(watch->fd);

        if (code == 0 && is_own_peer(watch->fd))
            code = ECONNREFUSED;
        sdme_dialed(forwarder, &connection->client, watch->fd, code);
        if (code) {
            connection_dial(forwarder, connection);
            return;
        }
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
    connection->up =
        (struct direction){.from = &connection->near, .to = &connection->far, .pipe = SDME_NO_PIPE};
    connection->down =
        (struct direction){.from = &connection->far, .to = &connection->near, .pipe = SDME_NO_PIPE};
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
