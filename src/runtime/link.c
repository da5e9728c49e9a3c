/* SPDX-License-Identifier: MIT */
#include "link.h"

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "netlink.h"
#include "netns.h"
#include "util.h"

/* Held by a systemd-nspawn that joins or leaves a zone (systemd, src/nspawn/nspawn-network.c). */
static const char zone_lock[] = "/run/systemd/nspawn-network-zone";

enum { NAME_MAX_SIZE = 128 }; /* ALTIFNAMSIZ of linux/if.h, which can't go with net/if.h */

static struct nlmsghdr *begin_message(struct sdme_netlink *request, int type, int flags)
{
    const struct ifinfomsg header = {.ifi_family = AF_UNSPEC};

    return sdme_netlink_begin(request, type, flags, &header, sizeof header);
}

static int remove_link(const char *name)
{
    struct sdme_netlink request = {0};
    struct nlmsghdr *message = begin_message(&request, RTM_DELLINK, NLM_F_ACK);

    sdme_netlink_add(&request, IFLA_ALT_IFNAME, name, strlen(name) + 1);
    sdme_netlink_end(&request, message);
    return sdme_netlink_converse(NETLINK_ROUTE, &request, NULL, NULL);
}

int sdme_link_remove(const char *name, struct sdme_error *error)
{
    if (!*name || strlen(name) >= NAME_MAX_SIZE)
        return sdme_fail_as(error, EINVAL, "'%s' is no name of a network interface", name);
    int code = remove_link(name);
    if (code < 0 && code != -ENODEV)
        return sdme_fail(error, code, "remove network interface %s", name);
    return 0;
}

static int check_name(const char *name, struct sdme_error *error)
{
    if (!*name || strlen(name) >= IF_NAMESIZE || strpbrk(name, "/: \t\n") ||
        strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return sdme_fail_as(error, EINVAL, "'%s' is no name for a network interface", name);
    return 0;
}

int sdme_link_open(int netns, int *ret_fd, struct sdme_error *error)
{
    if (netns != SDME_NETNS_OWN)
        return sdme_netns_socket(netns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, ret_fd, error);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return sdme_fail(error, errno, "open a socket to the network of the kernel");
    *ret_fd = fd;
    return 0;
}

int sdme_link_find(int fd, const char *name, int *ret_index, struct sdme_error *error)
{
    struct ifreq request = {0};
    int code = check_name(name, error);

    if (code < 0)
        return code;
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (ioctl(fd, SIOCGIFINDEX, &request) < 0)
        return sdme_fail(error, errno, "find network interface %s", name);
    *ret_index = request.ifr_ifindex;
    return 0;
}

void sdme_link_name(int fd, int index, char *ret_name)
{
    struct ifreq request = {.ifr_ifindex = index};

    if (ioctl(fd, SIOCGIFNAME, &request) == 0)
        memcpy(ret_name, request.ifr_name, IF_NAMESIZE);
}

/* An interface to be made of a kind of its own, up to where what is special about it begins. */
struct making {
    struct sdme_netlink request;
    struct nlmsghdr *message;
    struct nlattr *info;
};

static void begin_making(struct making *making, const char *name, const char *kind)
{
    making->message =
        begin_message(&making->request, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    sdme_netlink_add(&making->request, IFLA_IFNAME, name, strlen(name) + 1);
    making->info = sdme_netlink_begin_attribute(&making->request, NLA_F_NESTED | IFLA_LINKINFO);
    sdme_netlink_add(&making->request, IFLA_INFO_KIND, kind, strlen(kind));
}

static int end_making(struct making *making, int netns, struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;

    sdme_netlink_end_attribute(&making->request, making->info);
    sdme_netlink_end(&making->request, making->message);
    int code = sdme_link_open(netns, &fd, error);
    if (code < 0)
        return code;
    return sdme_netlink_converse_on(fd, &making->request, NULL, NULL);
}

static void add_peer(struct sdme_netlink *request, int netns, const char *name)
{
    const struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
    struct nlattr *data = sdme_netlink_begin_attribute(request, NLA_F_NESTED | IFLA_INFO_DATA);
    struct nlattr *peer = sdme_netlink_begin_attribute(request, VETH_INFO_PEER);

    sdme_netlink_append(request, &header, sizeof header);
    sdme_netlink_add(request, IFLA_IFNAME, name, strlen(name) + 1);
    sdme_netlink_add(request, IFLA_NET_NS_FD, &netns, sizeof netns);
    sdme_netlink_end_attribute(request, peer);
    sdme_netlink_end_attribute(request, data);
}

int sdme_link_add_veth(int netns, const char *name, int peer_netns, const char *peer,
                       struct sdme_error *error)
{
    struct making making = {0};
    _cleanup_close_ int own = -1;
    int code = check_name(name, error);

    if (code == 0)
        code = check_name(peer, error);
    /* Without a namespace of its own it would be that of the socket, and not the caller's. */
    if (code == 0 && peer_netns == SDME_NETNS_OWN)
        code = sdme_netns_open("/proc/thread-self/ns/net", &own, error);
    if (code < 0)
        return code;
    begin_making(&making, name, "veth");
    add_peer(&making.request, peer_netns == SDME_NETNS_OWN ? own : peer_netns, peer);
    code = end_making(&making, netns, error);
    if (code < 0)
        return sdme_fail(error, code, "make network interfaces %s and %s", name, peer);
    return 0;
}

int sdme_link_add_bridge(int netns, const char *name, struct sdme_error *error)
{
    struct making making = {0};
    int code = check_name(name, error);

    if (code < 0)
        return code;
    begin_making(&making, name, "bridge");
    code = end_making(&making, netns, error);
    if (code < 0)
        return sdme_fail(error, code, "make bridge %s", name);
    return 0;
}

/* Changes an interface: its flags, if @change has some, and the attributes that @add appends. */
static int change_link(int netns, const char *name, unsigned flags, unsigned change,
                       int (*add)(struct sdme_netlink *request, int fd, const void *context,
                                  struct sdme_error *error),
                       const void *context, struct sdme_error *error)
{
    struct sdme_netlink request = {0};
    struct ifinfomsg header = {.ifi_flags = flags, .ifi_change = change};
    _cleanup_close_ int fd = -1;
    int code = sdme_link_open(netns, &fd, error);

    if (code == 0)
        code = sdme_link_find(fd, name, &header.ifi_index, error);
    if (code < 0)
        return code;
    struct nlmsghdr *message =
        sdme_netlink_begin(&request, RTM_NEWLINK, NLM_F_ACK, &header, sizeof header);
    if (add)
        code = add(&request, fd, context, error);
    if (code < 0)
        return code;
    sdme_netlink_end(&request, message);
    code = sdme_netlink_converse_on(fd, &request, NULL, NULL);
    return code < 0 ? sdme_fail(error, code, "change network interface %s", name) : 0;
}

int sdme_link_set_up(int netns, const char *name, bool up, struct sdme_error *error)
{
    return change_link(netns, name, up ? IFF_UP : 0, IFF_UP, NULL, NULL, error);
}

static int add_bridge(struct sdme_netlink *request, int fd, const void *context,
                      struct sdme_error *error)
{
    const char *bridge = context;
    int index = 0;
    int code = bridge ? sdme_link_find(fd, bridge, &index, error) : 0;

    if (code == 0)
        sdme_netlink_add(request, IFLA_MASTER, &index, sizeof index);
    return code;
}

int sdme_link_set_bridge(int netns, const char *name, const char *bridge, struct sdme_error *error)
{
    return change_link(netns, name, 0, 0, add_bridge, bridge, error);
}

struct target {
    int netns;
    const char *name;
};

static int add_target(struct sdme_netlink *request, int fd __attribute__((unused)),
                      const void *context, struct sdme_error *error __attribute__((unused)))
{
    const struct target *target = context;

    sdme_netlink_add(request, IFLA_NET_NS_FD, &target->netns, sizeof target->netns);
    sdme_netlink_add(request, IFLA_IFNAME, target->name, strlen(target->name) + 1);
    return 0;
}

int sdme_link_move(int netns, const char *name, int target, const char *as,
                   struct sdme_error *error)
{
    const struct target context = {.netns = target, .name = as};
    int code = check_name(as, error);

    if (code < 0)
        return code;
    return change_link(netns, name, 0, 0, add_target, &context, error);
}

/* What to find among interfaces. */
struct search {
    int index; /* of the wanted one, 0: any will do */
    bool found;
};

static int look_at(const struct nlmsghdr *message, void *context)
{
    struct search *search = context;
    const struct ifinfomsg *header = NLMSG_DATA(message);

    if (message->nlmsg_type == RTM_NEWLINK && message->nlmsg_len >= NLMSG_LENGTH(sizeof *header) &&
        (search->index == 0 || search->index == header->ifi_index))
        search->found = true;
    return 0;
}

/* Whether the bridge @index is one. */
static int is_bridge(int index)
{
    struct search search = {.index = index};
    struct sdme_netlink request = {0};
    struct nlmsghdr *message = begin_message(&request, RTM_GETLINK, NLM_F_DUMP);
    struct nlattr *info = sdme_netlink_begin_attribute(&request, NLA_F_NESTED | IFLA_LINKINFO);

    sdme_netlink_add(&request, IFLA_INFO_KIND, "bridge", sizeof "bridge");
    sdme_netlink_end_attribute(&request, info);
    sdme_netlink_end(&request, message);
    int code = sdme_netlink_converse(NETLINK_ROUTE, &request, look_at, &search);
    return code < 0 ? code : search.found;
}

static int has_ports(int index)
{
    struct search search = {0};
    struct sdme_netlink request = {0};
    struct nlmsghdr *message = begin_message(&request, RTM_GETLINK, NLM_F_DUMP);

    sdme_netlink_add(&request, IFLA_MASTER, &index, sizeof index);
    sdme_netlink_end(&request, message);
    int code = sdme_netlink_converse(NETLINK_ROUTE, &request, look_at, &search);
    return code < 0 ? code : search.found;
}

/* As systemd locks a file: it is removed by whoever has it, and then it is another one. */
static int lock_zones(int *ret_fd, struct sdme_error *error)
{
    for (;;) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        _cleanup_close_ int fd =
            open(zone_lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
        struct stat file;

        if (fd < 0)
            return sdme_fail(error, errno, "open lock %s", zone_lock);
        if (fcntl(fd, F_OFD_SETLKW, &lock) < 0 || fstat(fd, &file) < 0)
            return sdme_fail(error, errno, "lock %s", zone_lock);
        if (file.st_nlink > 0) {
            *ret_fd = sdme_take_fd(&fd);
            return 0;
        }
    }
}

/* 1 if it was removed, 0 if there is nothing to remove, or a negative code. */
static int remove_empty_bridge(const char *name)
{
    unsigned index = if_nametoindex(name);
    int code = index ? is_bridge((int) index) : 0;

    if (code <= 0)
        return code;
    code = has_ports((int) index);
    if (code != 0)
        return code < 0 ? code : 0;
    code = remove_link(name);
    return code == -ENODEV ? 0 : code < 0 ? code : 1;
}

int sdme_link_remove_zone(const char *zone, bool *ret_removed, struct sdme_error *error)
{
    char name[IFNAMSIZ];
    _cleanup_close_ int lock = -1;
    int size = snprintf(name, sizeof name, "vz-%s", zone);

    if (!*zone || size >= (int) sizeof name)
        return sdme_fail_as(error, EINVAL, "'%s' is no name of a zone", zone);
    int code = lock_zones(&lock, error);
    if (code < 0)
        return code;
    code = remove_empty_bridge(name);
    unlink(zone_lock);
    if (code < 0)
        return sdme_fail(error, code, "remove bridge %s", name);
    *ret_removed = code > 0;
    return 0;
}
