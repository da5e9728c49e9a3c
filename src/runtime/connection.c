/* SPDX-License-Identifier: MIT */
#include "connection.h"

#include <poll.h>
#include <sys/socket.h>

#include "netns.h"
#include "port.h"
#include "util.h"

int sdme_connection_open(int netns, const char *address, uint16_t port, int *ret_fd,
                         struct sdme_error *error)
{
    union sdme_address where;
    _cleanup_close_ int fd = -1;

    if (!sdme_port_address(address, port, &where))
        return sdme_fail(error, EINVAL, "connect to %s", address);
    int code =
        sdme_netns_socket(netns, where.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0, &fd, error);
    if (code < 0)
        return code;
    if (connect(fd, &where.any, sdme_address_size(&where)) < 0 && errno != EINPROGRESS)
        return sdme_fail(error, errno, "connect to port %d of %s", port, address);
    *ret_fd = sdme_take_fd(&fd);
    return 0;
}

int sdme_connection_step(int fd, struct sdme_error *error)
{
    struct pollfd entry = {.fd = fd, .events = POLLOUT};
    int problem = 0;
    socklen_t size = sizeof problem;

    if (poll(&entry, 1, 0) < 0)
        return sdme_fail(error, errno, "look at a connection");
    if (!entry.revents)
        return 0;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) < 0)
        return sdme_fail(error, errno, "look at a connection");
    return problem ? sdme_fail(error, problem, "connect") : 1;
}
