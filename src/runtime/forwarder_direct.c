/* SPDX-License-Identifier: MIT */
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "forwarder_client.h"
#include "poll.h"
#include "util.h"

/* Who answers on a link does so at once; a firewall that drops what we say never does. */
enum { TIMEOUT_MILLISECONDS = 500 };

bool sdme_direct_is_possible(const struct sdme_forwarder *forwarder,
                             const struct listener *listener, const struct dial *dial)
{
    return forwarder->options.link && listener->type == SOCK_STREAM && dial->count > 0 &&
           dial->addresses[0].any.sa_family == AF_INET && sdme_now() >= forwarder->no_link_until;
}

int sdme_direct_socket(const struct sdme_forwarder *forwarder, int *ret_fd)
{
    _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int link = (int) forwarder->options.link;
    const unsigned int timeout = TIMEOUT_MILLISECONDS;

    /* By no other way: the address may mean something else elsewhere. */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &link, sizeof link) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout) < 0)
        return -errno;
    *ret_fd = sdme_take_fd(&fd);
    return 0;
}

/* INADDR_ANY if it can't be told. */
static in_addr_t own_address(int fd)
{
    struct sockaddr_in own = {0};
    socklen_t size = sizeof own;

    return getsockname(fd, (struct sockaddr *) &own, &size) < 0 ? INADDR_ANY : own.sin_addr.s_addr;
}

/* Whether somebody who isn't bound to the link takes it, too; connecting UDP sends nothing. */
static bool is_on_the_way(int fd, const struct sockaddr_in *to)
{
    _cleanup_close_ int other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    in_addr_t by_link = own_address(fd);

    return other >= 0 && connect(other, (const struct sockaddr *) to, sizeof *to) == 0 &&
           by_link != INADDR_ANY && own_address(other) == by_link;
}

static bool open_redirect(struct sdme_forwarder *forwarder)
{
    if (!forwarder->redirect && !forwarder->no_redirect)
        forwarder->no_redirect = sdme_redirect_open(&forwarder->redirect, NULL) < 0;
    return forwarder->redirect;
}

static void redirect(struct sdme_forwarder *forwarder, struct listener *listener, int fd)
{
    struct sockaddr_in to;
    socklen_t size = sizeof to;

    if (listener->from.sin_family != AF_INET || listener->redirected)
        return;
    if (getpeername(fd, (struct sockaddr *) &to, &size) < 0 || !is_on_the_way(fd, &to))
        return;
    if (!open_redirect(forwarder) ||
        sdme_redirect_add(forwarder->redirect, &listener->from, &to, NULL) < 0)
        return;
    listener->redirected = true;
    if (forwarder->redirect_until <= 0)
        forwarder->redirect_until = sdme_now() + forwarder->options.direct;
}

void sdme_dialed(struct sdme_forwarder *forwarder, struct client *client, int fd, int code)
{
    const unsigned int none = 0;

    if (!client->dial.direct || client->dial.next != 1)
        return;
    if (code == 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &none, sizeof none);
        redirect(forwarder, client->listener, fd);
    } else if (code != ECONNREFUSED) {
        forwarder->no_link_until = sdme_now() + forwarder->options.direct;
    }
}

void sdme_redirects_expire(struct sdme_forwarder *forwarder, double now)
{
    if (forwarder->redirect_until <= 0 || now < forwarder->redirect_until)
        return;
    forwarder->redirect_until = 0;
    for (size_t i = 0; i < forwarder->listener_count; i++) {
        struct listener *listener = &forwarder->listeners[i];

        if (listener->redirected)
            sdme_redirect_remove(forwarder->redirect, &listener->from, NULL);
        listener->redirected = false;
    }
}
