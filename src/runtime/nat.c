/* SPDX-License-Identifier: MIT */
#include "nat.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <string.h>

#include "netlink.h"
#include "nftables.h"
#include "util.h"

static const char table_name[] = "io.systemd.nat";
static const char map_name[] = "map_port_ipport";

/* In a concatenation each part begins at a multiple of four bytes (nft(8), CONCATENATIONS). */
struct key {
    uint8_t protocol;
    uint8_t pad[3];
    uint16_t port; /* in network order, as are those below */
    uint8_t pad_port[2];
};

struct target_v4 {
    struct in_addr address;
    uint16_t port;
    uint8_t pad[2];
};

struct target_v6 {
    struct in6_addr address;
    uint16_t port;
    uint8_t pad[2];
};

static void add_map(struct sdme_netlink *request)
{
    sdme_netlink_add(request, NFTA_SET_ELEM_LIST_TABLE, table_name, sizeof table_name);
    sdme_netlink_add(request, NFTA_SET_ELEM_LIST_SET, map_name, sizeof map_name);
}

static struct sdme_netlink_reader find_value(struct sdme_netlink_reader element, int type)
{
    return sdme_netlink_find(sdme_netlink_find(element, type), NFTA_DATA_VALUE);
}

static bool read_element(struct sdme_netlink_reader element, struct sdme_nat_port *ret_port)
{
    struct sdme_netlink_reader key_value = find_value(element, NFTA_SET_ELEM_KEY);
    struct sdme_netlink_reader target = find_value(element, NFTA_SET_ELEM_DATA);
    struct sdme_nat_port port = {0};
    struct key key;
    struct target_v4 v4;
    struct target_v6 v6;

    if (key_value.size != sizeof key)
        return false;
    memcpy(&key, key_value.data, sizeof key);
    port.type = key.protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
    port.number = ntohs(key.port);
    if (target.size == sizeof v4) {
        memcpy(&v4, target.data, sizeof v4);
        port.target.v4 = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_addr = v4.address, .sin_port = v4.port};
    } else if (target.size == sizeof v6) {
        memcpy(&v6, target.data, sizeof v6);
        port.target.v6 = (struct sockaddr_in6){
            .sin6_family = AF_INET6, .sin6_addr = v6.address, .sin6_port = v6.port};
    } else {
        return false;
    }
    *ret_port = port;
    return true;
}

struct listing {
    int (*each)(const struct sdme_nat_port *port, void *context);
    void *context;
};

static int read_elements(const struct nlmsghdr *message, void *context)
{
    const struct listing *listing = context;
    struct sdme_netlink_reader content, elements, element;
    int type, code = 0;

    if (message->nlmsg_type != sdme_nftables_type(NFT_MSG_NEWSETELEM))
        return 0;
    content = sdme_netlink_read(message, sizeof(struct nfgenmsg));
    elements = sdme_netlink_find(content, NFTA_SET_ELEM_LIST_ELEMENTS);
    while (code >= 0 && sdme_netlink_next(&elements, &type, &element)) {
        struct sdme_nat_port port;

        if (read_element(element, &port))
            code = listing->each(&port, listing->context);
    }
    return code;
}

int sdme_nat_list(int (*each)(const struct sdme_nat_port *port, void *context), void *context,
                  struct sdme_error *error)
{
    static const int families[] = {NFPROTO_IPV4, NFPROTO_IPV6};
    struct listing listing = {.each = each, .context = context};

    for (size_t i = 0; i < ELEMENTS(families); i++) {
        struct sdme_netlink request = {0};
        struct nlmsghdr *header =
            sdme_nftables_begin(&request, NFT_MSG_GETSETELEM, NLM_F_DUMP, families[i]);

        add_map(&request);
        sdme_netlink_end(&request, header);
        int code = sdme_netlink_converse(NETLINK_NETFILTER, &request, read_elements, &listing);
        if (code < 0 && !sdme_nftables_is_absent(code))
            return sdme_fail(error, code, "list map %s of table %s", map_name, table_name);
    }
    return 0;
}

static void add_key(struct sdme_netlink *request, const struct key *key)
{
    struct nlattr *elements =
        sdme_netlink_begin_attribute(request, NLA_F_NESTED | NFTA_SET_ELEM_LIST_ELEMENTS);
    struct nlattr *element = sdme_netlink_begin_attribute(request, NLA_F_NESTED | NFTA_LIST_ELEM);
    struct nlattr *value = sdme_netlink_begin_attribute(request, NLA_F_NESTED | NFTA_SET_ELEM_KEY);

    sdme_netlink_add(request, NFTA_DATA_VALUE, key, sizeof *key);
    sdme_netlink_end_attribute(request, value);
    sdme_netlink_end_attribute(request, element);
    sdme_netlink_end_attribute(request, elements);
}

int sdme_nat_remove(int family, int type, uint16_t number, struct sdme_error *error)
{
    const struct key key = {
        .protocol = type == SOCK_DGRAM ? IPPROTO_UDP : IPPROTO_TCP,
        .port = htons(number),
    };
    struct sdme_netlink request = {0};

    sdme_nftables_begin_batch(&request);
    struct nlmsghdr *header = sdme_nftables_begin(&request, NFT_MSG_DELSETELEM, NLM_F_ACK,
                                                  family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
    add_map(&request);
    add_key(&request, &key);
    sdme_netlink_end(&request, header);
    sdme_nftables_end_batch(&request);

    int code = sdme_netlink_converse(NETLINK_NETFILTER, &request, NULL, NULL);
    if (code < 0 && !sdme_nftables_is_absent(code))
        return sdme_fail(error, code, "remove port %u from map %s of table %s", number, map_name,
                         table_name);
    return 0;
}
