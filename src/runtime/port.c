/* SPDX-License-Identifier: MIT */
#include "port.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "library.h"
#include "netns.h"
#include "systemd.h"
#include "util.h"

static const char *protocol_name(int type)
{
    return type == SOCK_DGRAM ? "udp" : "tcp";
}

bool sdme_port_address(const char *text, uint16_t number, union sdme_address *ret)
{
    union sdme_address address = {0};

    if (inet_pton(AF_INET, text, &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(number);
    } else if (inet_pton(AF_INET6, text, &address.v6.sin6_addr) == 1) {
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons(number);
    } else {
        return false;
    }
    *ret = address;
    return true;
}

/* A port whose last connections linger is free; for datagrams the option would mean sharing it. */
static int set_options(int fd, int family, int type)
{
    int on = 1;

    if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
        return -1;
    if (type == SOCK_STREAM)
        return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return 0;
}

int sdme_port_listen(const char *address, struct sdme_port *port, int *ret_fd,
                     struct sdme_error *error)
{
    const char *protocol = protocol_name(port->type);
    union sdme_address name;
    struct sdme_port got;

    if (!sdme_port_address(address, port->number, &name))
        return sdme_fail_as(error, EINVAL, "'%s' is no IPv4 or IPv6 address", address);
    int family = name.any.sa_family;
    _cleanup_close_ int fd = socket(family, port->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || set_options(fd, family, port->type) < 0 ||
        bind(fd, &name.any, sdme_address_size(&name)) < 0 ||
        (port->type == SOCK_STREAM && listen(fd, SOMAXCONN) < 0))
        return sdme_fail(error, errno, "listen on port %s %u at %s", protocol, port->number,
                         address);
    int code = sdme_port_of_socket(fd, &got, error);
    if (code < 0)
        return code;
    port->number = got.number;
    *ret_fd = sdme_take_fd(&fd);
    return 0;
}

int sdme_port_of_socket(int fd, struct sdme_port *ret_port, struct sdme_error *error)
{
    union sdme_address name = {0};
    int type, listens;
    socklen_t name_size = sizeof name, type_size = sizeof type, listens_size = sizeof listens;

    if (getsockname(fd, &name.any, &name_size) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size) < 0)
        return sdme_fail(error, errno, "examine socket (descriptor %d)", fd);
    if ((name.any.sa_family != AF_INET && name.any.sa_family != AF_INET6) ||
        !(type == SOCK_DGRAM || (type == SOCK_STREAM && listens)))
        return sdme_fail_as(error, EINVAL, "descriptor %d doesn't listen on a port", fd);
    bool is_ipv6 = name.any.sa_family == AF_INET6;
    struct sdme_port port = {
        .type = type,
        .number = ntohs(is_ipv6 ? name.v6.sin6_port : name.v4.sin_port),
    };
    inet_ntop(name.any.sa_family,
              is_ipv6 ? (const void *) &name.v6.sin6_addr : (const void *) &name.v4.sin_addr,
              port.address, sizeof port.address);
    *ret_port = port;
    return 0;
}

int sdme_port_activated(int *ret_first, struct sdme_error *error)
{
    struct {
        SDME_LIBRARY_MEMBER(sd_listen_fds)
    } lib;
    static const char *const names[] = {"sd_listen_fds", NULL};
    int code = sdme_library_load(SDME_LIBSYSTEMD, names, &lib, error), count;

    if (code < 0)
        return code;
    count = lib.sd_listen_fds(1);
    if (count < 0)
        return sdme_fail(error, count, "take over sockets from systemd");
    *ret_first = SD_LISTEN_FDS_START;
    return count;
}
