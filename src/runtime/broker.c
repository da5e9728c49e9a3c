/* SPDX-License-Identifier: MIT */
#include "broker.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/vfs.h>

#include "broker_process.h"
#include "broker_request.h"
#include "util.h"

enum { PATIENCE = 10 /* seconds */, STREAMS = 3 };

/* A message as it came, with what the kernel says of its sender. */
struct message {
    char *bytes;
    size_t size;
    int streams[STREAMS];
    struct ucred sender;
};

#define MESSAGE_NONE                                                                               \
    {                                                                                              \
        .streams = { -1, -1, -1 }                                                                  \
    }

static void close_message(struct message *message)
{
    free(message->bytes);
    for (size_t i = 0; i < STREAMS; i++)
        message->streams[i] = sdme_close(message->streams[i]);
}

/* Descriptors are ours from here on, however many there are. */
static size_t take_streams(struct cmsghdr *part, int streams[static STREAMS])
{
    size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    for (size_t i = 0; i < count; i++) {
        int fd;

        memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
        if (i < STREAMS && streams[i] < 0)
            streams[i] = fd;
        else
            close(fd);
    }
    return count;
}

static int receive(int connection, struct message *message, struct sdme_error *error)
{
    union {
        char bytes[CMSG_SPACE(STREAMS * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr aligned;
    } control;
    struct iovec vector = {.iov_len = SDME_BROKER_REQUEST_MAX};
    struct msghdr header = {.msg_iov = &vector,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof control};
    size_t streams = 0;

    vector.iov_base = message->bytes = malloc(SDME_BROKER_REQUEST_MAX);
    if (!message->bytes)
        return sdme_fail(error, ENOMEM, "receive a request");
    ssize_t size = recvmsg(connection, &header, MSG_CMSG_CLOEXEC);
    if (size < 0)
        return sdme_fail(error, errno, "receive a request");
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&header); part; part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS)
            streams += take_streams(part, message->streams);
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_CREDENTIALS)
            memcpy(&message->sender, CMSG_DATA(part), sizeof message->sender);
    }
    message->size = (size_t) size;
    if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || streams != STREAMS)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "request: expected %d descriptors and at most %d "
                            "bytes",
                            STREAMS, SDME_BROKER_REQUEST_MAX);
    return 0;
}

/* Who has connected may be gone, and its number another's: so it is asked only when it is open. */
static int open_peer(int connection, pid_t *ret_pid, struct sdme_broker_peer *peer,
                     struct sdme_error *error)
{
    static const struct timeval patience = {.tv_sec = PATIENCE};
    struct ucred peer_credentials = {0};
    socklen_t size = sizeof peer_credentials;
    const int on = 1;

    if (setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 ||
        setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 ||
        setsockopt(connection, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0 ||
        getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer_credentials, &size) < 0)
        return sdme_fail(error, errno, "set up a connection to the broker");
    if (peer_credentials.pid <= 0)
        return sdme_fail(error, ESRCH, "who asks");
    int code = sdme_broker_peer_open(peer_credentials.pid, peer, error);
    if (code < 0)
        return code;
    if (send(connection, "", 1, MSG_NOSIGNAL) < 0)
        return sdme_fail(error, errno, "answer who asks");
    *ret_pid = peer_credentials.pid;
    return 0;
}

static int serve(const struct sdme_broker *broker, struct sdme_broker_peer *peer,
                 struct sdme_error *error)
{
    _cleanup_(close_message) struct message message = MESSAGE_NONE;
    _cleanup_(sdme_broker_request_free) struct sdme_broker_request request = {0};
    pid_t pid = 0;
    int code = open_peer(broker->connection, &pid, peer, error);

    if (code == 0)
        code = receive(broker->connection, &message, error);
    if (code < 0)
        return code;
    if (message.sender.pid != pid)
        return sdme_fail_as(error, EPERM, "expected a request of who has connected");
    code = sdme_broker_request_read(message.bytes, message.size, &request, error);
    if (code == 0)
        code = sdme_broker_peer_examine(peer, pid, &broker->range, error);
    if (code < 0)
        return code;
    return sdme_broker_process_make(
        &(struct sdme_broker_process){
            .peer = peer,
            .netns = broker->netns,
            .connection = broker->connection,
            .streams = message.streams,
            .arguments = request.arguments,
            .variables = request.variables,
        },
        error);
}

int sdme_broker_serve(const struct sdme_broker *broker, struct sdme_error *error)
{
    struct sdme_broker_peer peer = SDME_BROKER_PEER_NONE;
    struct sdme_error own = {0};
    int code = serve(broker, &peer, &own);

    sdme_broker_peer_close(&peer);
    if (code < 0) {
        char line[sizeof own.message + 1];
        int length = snprintf(line, sizeof line, "E%s", own.message);

        send(broker->connection, line, (size_t) length, MSG_NOSIGNAL);
        if (error)
            *error = own;
    }
    return code;
}

int sdme_broker_path(int connection, char ret_path[static SDME_BROKER_PATH_MAX],
                     struct sdme_error *error)
{
    struct sockaddr_un address = {0};
    socklen_t size = sizeof address - 1; /* it may come without a NUL byte (unix(7)) */

    if (getsockname(connection, (struct sockaddr *) &address, &size) < 0)
        return sdme_fail(error, errno, "find the socket of a connection");
    if (address.sun_family != AF_UNIX || address.sun_path[0] != '/')
        return sdme_fail_as(error, EINVAL, "expected a connection to a unix socket with a path");
    memcpy(ret_path, address.sun_path, SDME_BROKER_PATH_MAX);
    return 0;
}

/* ptrace_scope 3 forbids root, too (Documentation/admin-guide/LSM/Yama.rst). */
static bool may_trace(void)
{
    _cleanup_close_ int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
    char scope = '0';

    return fd < 0 || read(fd, &scope, 1) < 1 || scope != '3';
}

int sdme_broker_check(struct sdme_error *error)
{
    struct statfs filesystem;

    if (statfs("/sys/fs/cgroup", &filesystem) < 0 || filesystem.f_type != CGROUP2_SUPER_MAGIC)
        return sdme_fail_as(error, SDME_EUNSUPPORTED,
                            "/sys/fs/cgroup is no control group of version 2");
    /* Of the same option as PTRACE_SECCOMP_GET_FILTER (ptrace(2)). */
    if (access("/proc/sys/kernel/ns_last_pid", F_OK) < 0)
        return sdme_fail_as(error, SDME_EUNSUPPORTED,
                            "the kernel doesn't tell filters of system calls "
                            "(CONFIG_CHECKPOINT_RESTORE)");
    if (!may_trace())
        return sdme_fail_as(error, SDME_EUNSUPPORTED,
                            "kernel.yama.ptrace_scope is 3, so nobody can trace a process");
    return 0;
}
