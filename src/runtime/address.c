/* SPDX-License-Identifier: MIT */
#include "address.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "link.h"
#include "netlink.h"
#include "netns.h"
#include "util.h"

struct listing {
    int fd;
    int (*each)(const struct sdme_link_address *address, void *context);
    void *context;
    int code;
};

static bool take(struct sdme_prefix *prefix, struct sdme_netlink_reader content)
{
    if (content.size != sdme_prefix_size(prefix))
        return false;
    memcpy(&prefix->address, content.data, content.size);
    return true;
}

/* False for what is no address, or isn't to be used yet. */
static bool read_address(const struct nlmsghdr *message, struct sdme_link_address *ret_address)
{
    const struct ifaddrmsg *header = NLMSG_DATA(message);
    struct sdme_netlink_reader reader = sdme_netlink_read(message, sizeof *header), content;
    struct sdme_link_address address = {0};
    bool found = false, local = false;
    int type;

    if (message->nlmsg_type != RTM_NEWADDR || message->nlmsg_len < NLMSG_LENGTH(sizeof *header) ||
        (header->ifa_family != AF_INET && header->ifa_family != AF_INET6) ||
        (header->ifa_flags & IFA_F_TENTATIVE))
        return false;
    address.prefix.family = header->ifa_family;
    address.prefix.length = header->ifa_prefixlen;
    address.index = (int) header->ifa_index;
    if (header->ifa_prefixlen > 8 * sdme_prefix_size(&address.prefix))
        return false;
    /* Where there is a peer, IFA_ADDRESS is that of the peer. */
    while (sdme_netlink_next(&reader, &type, &content)) {
        if (type == IFA_LOCAL)
            found = local = take(&address.prefix, content);
        else if (type == IFA_ADDRESS && !local)
            found = take(&address.prefix, content);
    }
    if (found)
        *ret_address = address;
    return found;
}

static int list_address(const struct nlmsghdr *message, void *context)
{
    struct listing *listing = context;
    struct sdme_link_address address;

    if (listing->code < 0 || !read_address(message, &address))
        return listing->code;
    sdme_link_name(listing->fd, address.index, address.link);
    listing->code = listing->each(&address, listing->context);
    return listing->code;
}

int sdme_address_list(int netns,
                      int (*each)(const struct sdme_link_address *address, void *context),
                      void *context, struct sdme_error *error)
{
    const struct ifaddrmsg header = {.ifa_family = AF_UNSPEC};
    _cleanup_close_ int fd = -1;
    int code = sdme_link_open(netns, &fd, error);
    struct listing listing = {.fd = fd, .each = each, .context = context};

    if (code < 0)
        return code;
    code = sdme_netlink_list_on(fd, RTM_GETADDR, &header, sizeof header, list_address, &listing);
    if (listing.code < 0)
        return listing.code;
    return code < 0 ? sdme_fail(error, code, "list addresses") : 0;
}

int sdme_address_watch(int netns, int *ret_fd, struct sdme_error *error)
{
    struct sockaddr_nl groups = {
        .nl_family = AF_NETLINK,
        .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
    };
    _cleanup_close_ int fd = -1;
    int code = sdme_link_open(netns, &fd, error);

    if (code < 0)
        return code;
    if (bind(fd, (struct sockaddr *) &groups, sizeof groups) < 0)
        return sdme_fail(error, errno, "watch addresses");
    *ret_fd = sdme_take_fd(&fd);
    return 0;
}

int sdme_address_changed(int fd, struct sdme_error *error)
{
    char data[4096];
    int changed = 0;

    for (;;) {
        /* ENOBUFS: more has come than there was room for. */
        if (recv(fd, data, sizeof data, MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
            changed = 1;
        else if (errno == EAGAIN)
            return changed;
        else if (errno != EINTR)
            return sdme_fail(error, errno, "watch addresses");
    }
}
