/* SPDX-License-Identifier: MIT */
#include "link.h"

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "netlink.h"
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
