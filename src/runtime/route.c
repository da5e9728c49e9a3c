/* SPDX-License-Identifier: MIT */
#include "route.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "link.h"
#include "netlink.h"
#include "util.h"

size_t sdme_prefix_size(const struct sdme_prefix *prefix)
{
    return prefix->family == AF_INET6 ? sizeof prefix->address.v6 : sizeof prefix->address.v4;
}

/* The number behind the slash, -1 if it is none up to @max. */
static int parse_length(const char *text, unsigned max)
{
    unsigned value = 0;

    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9' || c - text > 2)
            return -1;
        value = value * 10 + (unsigned) (*c - '0');
    }
    return *text && value <= max ? (int) value : -1;
}

int sdme_prefix_parse(const char *text, struct sdme_prefix *ret_prefix, struct sdme_error *error)
{
    struct sdme_prefix prefix = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};
    unsigned bits = 8 * (unsigned) sdme_prefix_size(&prefix);
    char address[INET6_ADDRSTRLEN];
    size_t size = strcspn(text, "/");
    int length = text[size] ? parse_length(text + size + 1, bits) : (int) bits;

    if (size < sizeof address && length >= 0) {
        memcpy(address, text, size);
        address[size] = '\0';
        prefix.length = (uint8_t) length;
        if (inet_pton(prefix.family, address, &prefix.address) == 1) {
            *ret_prefix = prefix;
            return 0;
        }
    }
    return sdme_fail_as(error, EINVAL, "'%s' is no address or network", text);
}

const char *sdme_prefix_format(const struct sdme_prefix *prefix, char *text)
{
    inet_ntop(prefix->family, &prefix->address, text, INET6_ADDRSTRLEN);
    size_t size = strlen(text);
    snprintf(text + size, SDME_PREFIX_TEXT_SIZE - size, "/%u", prefix->length);
    return text;
}

struct sdme_prefix sdme_prefix_network(const struct sdme_prefix *prefix)
{
    struct sdme_prefix network = *prefix;
    uint8_t *bytes = (uint8_t *) &network.address;

    for (size_t i = 0; i < sdme_prefix_size(prefix); i++) {
        size_t kept = prefix->length > 8 * i ? prefix->length - 8 * i : 0;

        if (kept < 8)
            bytes[i] &= (uint8_t) (0xff00U >> kept);
    }
    return network;
}

/* Opens a socket in the namespace, and finds the interface there. */
static int open_link(int netns, const char *link, int *ret_fd, int *ret_index,
                     struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;
    int code = sdme_link_open(netns, &fd, error);

    if (code == 0)
        code = sdme_link_find(fd, link, ret_index, error);
    if (code == 0)
        *ret_fd = sdme_take_fd(&fd);
    return code;
}

static int change_address(int netns, int type, int flags, const char *link,
                          const struct sdme_prefix *address, struct sdme_error *error)
{
    struct sdme_netlink request = {0};
    struct ifaddrmsg header = {
        .ifa_family = (uint8_t) address->family,
        .ifa_prefixlen = address->length,
        .ifa_flags = IFA_F_NODAD,
    };
    _cleanup_close_ int fd = -1;
    int index = 0;
    int code = open_link(netns, link, &fd, &index, error);

    if (code < 0)
        return code;
    header.ifa_index = (unsigned) index;
    struct nlmsghdr *message =
        sdme_netlink_begin(&request, type, NLM_F_ACK | flags, &header, sizeof header);
    sdme_netlink_add(&request, IFA_LOCAL, &address->address, sdme_prefix_size(address));
    sdme_netlink_add(&request, IFA_ADDRESS, &address->address, sdme_prefix_size(address));
    sdme_netlink_end(&request, message);
    code = sdme_netlink_converse_on(fd, &request, NULL, NULL);
    if (code < 0 && !(type == RTM_DELADDR && code == -EADDRNOTAVAIL)) {
        char text[SDME_PREFIX_TEXT_SIZE];

        return sdme_fail(error, code, "%s address %s of %s", type == RTM_DELADDR ? "remove" : "set",
                         sdme_prefix_format(address, text), link);
    }
    return 0;
}

int sdme_address_add(int netns, const char *link, const struct sdme_prefix *address,
                     struct sdme_error *error)
{
    return change_address(netns, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, link, address, error);
}

int sdme_address_remove(int netns, const char *link, const struct sdme_prefix *address,
                        struct sdme_error *error)
{
    return change_address(netns, RTM_DELADDR, 0, link, address, error);
}

int sdme_route_add(int netns, const struct sdme_prefix *to, const char *link,
                   const struct sdme_prefix *gateway, struct sdme_error *error)
{
    struct sdme_netlink request = {0};
    const struct rtmsg header = {
        .rtm_family = (uint8_t) to->family,
        .rtm_dst_len = to->length,
        .rtm_table = RT_TABLE_MAIN,
        .rtm_protocol = RTPROT_STATIC,
        .rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
        .rtm_type = RTN_UNICAST,
    };
    _cleanup_close_ int fd = -1;
    char text[SDME_PREFIX_TEXT_SIZE];
    int index = 0;

    if (gateway && gateway->family != to->family)
        return sdme_fail_as(error, EINVAL, "set route to %s: its gateway is of another family",
                            sdme_prefix_format(to, text));
    int code = open_link(netns, link, &fd, &index, error);
    if (code < 0)
        return code;
    struct nlmsghdr *message = sdme_netlink_begin(
        &request, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header);
    if (to->length)
        sdme_netlink_add(&request, RTA_DST, &to->address, sdme_prefix_size(to));
    sdme_netlink_add(&request, RTA_OIF, &index, sizeof index);
    if (gateway)
        sdme_netlink_add(&request, RTA_GATEWAY, &gateway->address, sdme_prefix_size(gateway));
    sdme_netlink_end(&request, message);
    code = sdme_netlink_converse_on(fd, &request, NULL, NULL);
    if (code < 0)
        return sdme_fail(error, code, "set route to %s by %s", sdme_prefix_format(to, text), link);
    return 0;
}

int sdme_neighbour_add(int netns, const char *link, const struct sdme_prefix *address,
                       const uint8_t hardware[6], struct sdme_error *error)
{
    struct sdme_netlink request = {0};
    struct ndmsg header = {
        .ndm_family = (uint8_t) address->family,
        .ndm_state = NUD_PERMANENT,
    };
    _cleanup_close_ int fd = -1;
    int code = open_link(netns, link, &fd, &header.ndm_ifindex, error);

    if (code < 0)
        return code;
    struct nlmsghdr *message = sdme_netlink_begin(
        &request, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header);
    sdme_netlink_add(&request, NDA_DST, &address->address, sdme_prefix_size(address));
    sdme_netlink_add(&request, NDA_LLADDR, hardware, 6);
    sdme_netlink_end(&request, message);
    code = sdme_netlink_converse_on(fd, &request, NULL, NULL);
    if (code < 0) {
        char text[SDME_PREFIX_TEXT_SIZE];

        return sdme_fail(error, code, "set neighbour %s of %s", sdme_prefix_format(address, text),
                         link);
    }
    return 0;
}

struct listing {
    int fd;
    int (*each)(const struct sdme_route *route, void *context);
    void *context;
    int code;
};

static void name_link(int fd, struct sdme_netlink_reader content, char *ret_name)
{
    int index;

    if (content.size != sizeof index)
        return;
    memcpy(&index, content.data, content.size);
    sdme_link_name(fd, index, ret_name);
}

static bool take_address(struct sdme_prefix *prefix, int family, unsigned length,
                         struct sdme_netlink_reader content)
{
    prefix->family = family;
    prefix->length = (uint8_t) length;
    if (content.size != sdme_prefix_size(prefix))
        return false;
    memcpy(&prefix->address, content.data, content.size);
    return true;
}

/* False for what is no route by which packets leave. */
static bool read_route(const struct nlmsghdr *message, int fd, struct sdme_route *ret_route)
{
    const struct rtmsg *header = NLMSG_DATA(message);
    struct sdme_netlink_reader reader = sdme_netlink_read(message, sizeof *header), content;
    struct sdme_route route = {0};
    bool fine = true;
    int type;

    if (message->nlmsg_type != RTM_NEWROUTE || message->nlmsg_len < NLMSG_LENGTH(sizeof *header) ||
        header->rtm_type != RTN_UNICAST || header->rtm_table == RT_TABLE_LOCAL ||
        (header->rtm_flags & RTM_F_CLONED) ||
        (header->rtm_family != AF_INET && header->rtm_family != AF_INET6))
        return false;
    route.to.family = header->rtm_family;
    unsigned bits = 8 * (unsigned) sdme_prefix_size(&route.to);
    if (header->rtm_dst_len > bits)
        return false;
    while (sdme_netlink_next(&reader, &type, &content)) {
        if (type == RTA_OIF)
            name_link(fd, content, route.link);
        else if (type == RTA_DST)
            fine = take_address(&route.to, route.to.family, header->rtm_dst_len, content) && fine;
        else if (type == RTA_GATEWAY)
            fine = take_address(&route.gateway, route.to.family, bits, content) && fine;
    }
    if (fine)
        *ret_route = route;
    return fine;
}

static int list_route(const struct nlmsghdr *message, void *context)
{
    struct listing *listing = context;
    struct sdme_route route;

    if (listing->code == 0 && read_route(message, listing->fd, &route))
        listing->code = listing->each(&route, listing->context);
    return listing->code;
}

int sdme_route_list(int netns, int (*each)(const struct sdme_route *route, void *context),
                    void *context, struct sdme_error *error)
{
    const struct rtmsg header = {.rtm_family = AF_UNSPEC};
    _cleanup_close_ int fd = -1;
    int code = sdme_link_open(netns, &fd, error);
    struct listing listing = {.fd = fd, .each = each, .context = context};

    if (code < 0)
        return code;
    code = sdme_netlink_list_on(fd, RTM_GETROUTE, &header, sizeof header, list_route, &listing);
    if (listing.code < 0)
        return listing.code;
    return code < 0 ? sdme_fail(error, code, "list routes") : 0;
}
