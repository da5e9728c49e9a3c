/* SPDX-License-Identifier: MIT */
#include "firewall.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "netlink.h"
#include "nftables.h"
#include "util.h"

static const char table_name[] = "sdme";
static const char chain_name[] = "outgoing";
static const char chain_type[] = "nat";

static const char unsupported[] = "the kernel has no nftables that translate addresses";

/* The networks of a family are a set, and a rule compares both addresses of a packet with it. */
struct family {
    int family;
    int protocol;      /* NFPROTO_... */
    const char *set;   /* its name */
    uint32_t key_type; /* what nft(8) knows the type of the set as (libnftables, datatype.h) */
    uint32_t size;     /* bytes of an address */
    uint32_t source;   /* offset of the source address in the packet */
    uint32_t target;   /* that of the destination */
};

static const struct family families[] = {
    {AF_INET, NFPROTO_IPV4, "networks4", 7, 4, 12, 16},
    {AF_INET6, NFPROTO_IPV6, "networks6", 8, 16, 8, 24},
};

static const struct family *family_of(const struct sdme_prefix *network)
{
    return &families[network->family == AF_INET6];
}

static void add_number(struct sdme_netlink *request, int type, uint32_t value)
{
    const uint32_t bytes = htonl(value);

    sdme_netlink_add(request, type, &bytes, sizeof bytes);
}

static void add_string(struct sdme_netlink *request, int type, const char *text)
{
    sdme_netlink_add(request, type, text, strlen(text) + 1);
}

static struct nlattr *begin_nested(struct sdme_netlink *request, int type)
{
    return sdme_netlink_begin_attribute(request, NLA_F_NESTED | type);
}

static struct nlmsghdr *begin(struct sdme_netlink *request, int type, int flags)
{
    return sdme_nftables_begin(request, type, flags, NFPROTO_INET);
}

static void add_table(struct sdme_netlink *request)
{
    struct nlmsghdr *message = begin(request, NFT_MSG_NEWTABLE, NLM_F_CREATE);

    add_string(request, NFTA_TABLE_NAME, table_name);
    sdme_netlink_end(request, message);
}

static void add_set(struct sdme_netlink *request, const struct family *family)
{
    struct nlmsghdr *message = begin(request, NFT_MSG_NEWSET, NLM_F_CREATE);

    add_string(request, NFTA_SET_TABLE, table_name);
    add_string(request, NFTA_SET_NAME, family->set);
    add_number(request, NFTA_SET_FLAGS, NFT_SET_INTERVAL);
    add_number(request, NFTA_SET_KEY_TYPE, family->key_type);
    add_number(request, NFTA_SET_KEY_LEN, family->size);
    add_number(request, NFTA_SET_ID, (uint32_t) (family - families) + 1);
    sdme_netlink_end(request, message);
}

/* Where nft(8) has the priority "srcnat". */
static void add_chain(struct sdme_netlink *request)
{
    struct nlmsghdr *message = begin(request, NFT_MSG_NEWCHAIN, NLM_F_CREATE);

    add_string(request, NFTA_CHAIN_TABLE, table_name);
    add_string(request, NFTA_CHAIN_NAME, chain_name);
    struct nlattr *hook = begin_nested(request, NFTA_CHAIN_HOOK);
    add_number(request, NFTA_HOOK_HOOKNUM, NF_INET_POST_ROUTING);
    add_number(request, NFTA_HOOK_PRIORITY, 100);
    sdme_netlink_end_attribute(request, hook);
    add_string(request, NFTA_CHAIN_TYPE, chain_type);
    sdme_netlink_end(request, message);
}

static void empty_chain(struct sdme_netlink *request)
{
    struct nlmsghdr *message = begin(request, NFT_MSG_DELRULE, 0);

    add_string(request, NFTA_RULE_TABLE, table_name);
    add_string(request, NFTA_RULE_CHAIN, chain_name);
    sdme_netlink_end(request, message);
}

/* A part of a rule: its name, and what it is told until it is ended. */
struct expression {
    struct nlattr *element, *data;
};

static struct expression begin_expression(struct sdme_netlink *request, const char *name)
{
    struct expression expression = {.element = begin_nested(request, NFTA_LIST_ELEM)};

    add_string(request, NFTA_EXPR_NAME, name);
    expression.data = begin_nested(request, NFTA_EXPR_DATA);
    return expression;
}

static void end_expression(struct sdme_netlink *request, struct expression expression)
{
    sdme_netlink_end_attribute(request, expression.data);
    sdme_netlink_end_attribute(request, expression.element);
}

static void match_protocol(struct sdme_netlink *request, const struct family *family)
{
    const uint8_t protocol = (uint8_t) family->protocol;
    struct expression meta = begin_expression(request, "meta");

    add_number(request, NFTA_META_KEY, NFT_META_NFPROTO);
    add_number(request, NFTA_META_DREG, NFT_REG_1);
    end_expression(request, meta);
    struct expression compare = begin_expression(request, "cmp");
    add_number(request, NFTA_CMP_SREG, NFT_REG_1);
    add_number(request, NFTA_CMP_OP, NFT_CMP_EQ);
    struct nlattr *data = begin_nested(request, NFTA_CMP_DATA);
    sdme_netlink_add(request, NFTA_DATA_VALUE, &protocol, sizeof protocol);
    sdme_netlink_end_attribute(request, data);
    end_expression(request, compare);
}

/* The address at @offset is in the set, or with NFT_LOOKUP_F_INV it isn't. */
static void match_address(struct sdme_netlink *request, const struct family *family,
                          uint32_t offset, uint32_t flags)
{
    struct expression payload = begin_expression(request, "payload");

    add_number(request, NFTA_PAYLOAD_DREG, NFT_REG_1);
    add_number(request, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
    add_number(request, NFTA_PAYLOAD_OFFSET, offset);
    add_number(request, NFTA_PAYLOAD_LEN, family->size);
    end_expression(request, payload);
    struct expression lookup = begin_expression(request, "lookup");
    add_string(request, NFTA_LOOKUP_SET, family->set);
    add_number(request, NFTA_LOOKUP_SREG, NFT_REG_1);
    add_number(request, NFTA_LOOKUP_FLAGS, flags);
    end_expression(request, lookup);
}

static void add_rule(struct sdme_netlink *request, const struct family *family)
{
    struct nlmsghdr *message = begin(request, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);

    add_string(request, NFTA_RULE_TABLE, table_name);
    add_string(request, NFTA_RULE_CHAIN, chain_name);
    struct nlattr *expressions = begin_nested(request, NFTA_RULE_EXPRESSIONS);
    match_protocol(request, family);
    match_address(request, family, family->source, 0);
    match_address(request, family, family->target, NFT_LOOKUP_F_INV);
    end_expression(request, begin_expression(request, "masq"));
    sdme_netlink_end_attribute(request, expressions);
    sdme_netlink_end(request, message);
}

static void add_element(struct sdme_netlink *request, const struct family *family,
                        const uint8_t *address, uint32_t flags)
{
    struct nlattr *element = begin_nested(request, NFTA_LIST_ELEM);

    if (flags)
        add_number(request, NFTA_SET_ELEM_FLAGS, flags);
    struct nlattr *key = begin_nested(request, NFTA_SET_ELEM_KEY);
    sdme_netlink_add(request, NFTA_DATA_VALUE, address, family->size);
    sdme_netlink_end_attribute(request, key);
    sdme_netlink_end_attribute(request, element);
}

/* Adds 1 at the last bit of the network; false if there is no address behind it. */
static bool go_behind(uint8_t *address, unsigned length)
{
    unsigned add = length ? 1U << ((8 - length % 8) % 8) : 0;

    for (unsigned i = length ? (length - 1) / 8 + 1 : 0; i-- > 0 && add;) {
        unsigned sum = address[i] + add;

        address[i] = (uint8_t) sum;
        add = sum >> 8;
    }
    return length && !add;
}

/* Its first address, and the first one behind it. */
static void change_network(struct sdme_netlink *request, int type, int flags,
                           const struct sdme_prefix *network)
{
    const struct family *family = family_of(network);
    struct nlmsghdr *message = begin(request, type, flags | NLM_F_ACK);
    uint8_t address[sizeof network->address];

    memcpy(address, &network->address, sizeof address);
    add_string(request, NFTA_SET_ELEM_LIST_TABLE, table_name);
    add_string(request, NFTA_SET_ELEM_LIST_SET, family->set);
    struct nlattr *elements = begin_nested(request, NFTA_SET_ELEM_LIST_ELEMENTS);
    add_element(request, family, address, 0);
    if (go_behind(address, network->length))
        add_element(request, family, address, NFT_SET_ELEM_INTERVAL_END);
    sdme_netlink_end_attribute(request, elements);
    sdme_netlink_end(request, message);
}

static int fail_network(struct sdme_error *error, int code, const char *what,
                        const struct sdme_prefix *network)
{
    char text[SDME_PREFIX_TEXT_SIZE];

    sdme_prefix_format(network, text);
    if (sdme_nftables_is_absent(code))
        return sdme_fail_as(error, SDME_EUNSUPPORTED, "%s network %s: %s", what, text, unsupported);
    return sdme_fail(error, code, "%s network %s in nftables table %s", what, text, table_name);
}

int sdme_firewall_add(const struct sdme_prefix *network, struct sdme_error *error)
{
    struct sdme_netlink request = {0};

    sdme_nftables_begin_batch(&request);
    add_table(&request);
    add_chain(&request);
    empty_chain(&request);
    for (size_t i = 0; i < ELEMENTS(families); i++) {
        add_set(&request, &families[i]);
        add_rule(&request, &families[i]);
    }
    change_network(&request, NFT_MSG_NEWSETELEM, NLM_F_CREATE, network);
    sdme_nftables_end_batch(&request);
    int code = sdme_netlink_converse(NETLINK_NETFILTER, &request, NULL, NULL);
    return code < 0 ? fail_network(error, code, "add", network) : 0;
}

struct listing {
    int (*each)(const struct sdme_prefix *first, void *context);
    void *context;
    const struct family *family;
    size_t count;
};

static bool is_end(struct sdme_netlink_reader element)
{
    struct sdme_netlink_reader flags = sdme_netlink_find(element, NFTA_SET_ELEM_FLAGS);
    uint32_t value = 0;

    if (flags.size == sizeof value)
        memcpy(&value, flags.data, sizeof value);
    return ntohl(value) & NFT_SET_ELEM_INTERVAL_END;
}

static int list_element(struct listing *listing, struct sdme_netlink_reader element)
{
    struct sdme_netlink_reader key =
        sdme_netlink_find(sdme_netlink_find(element, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);
    struct sdme_prefix first = {
        .family = listing->family->family,
        .length = (uint8_t) (8 * listing->family->size),
    };

    if (key.size != listing->family->size || is_end(element))
        return 0;
    memcpy(&first.address, key.data, key.size);
    listing->count++;
    return listing->each ? listing->each(&first, listing->context) : 0;
}

static int read_elements(const struct nlmsghdr *message, void *context)
{
    struct listing *listing = context;
    struct sdme_netlink_reader content, elements, element;
    int type, code = 0;

    if (message->nlmsg_type != sdme_nftables_type(NFT_MSG_NEWSETELEM))
        return 0;
    content = sdme_netlink_read(message, sizeof(struct nfgenmsg));
    elements = sdme_netlink_find(content, NFTA_SET_ELEM_LIST_ELEMENTS);
    while (code >= 0 && sdme_netlink_next(&elements, &type, &element))
        code = list_element(listing, element);
    return code;
}

static int list_networks(struct listing *listing, struct sdme_error *error)
{
    for (size_t i = 0; i < ELEMENTS(families); i++) {
        struct sdme_netlink request = {0};
        struct nlmsghdr *message = begin(&request, NFT_MSG_GETSETELEM, NLM_F_DUMP);

        listing->family = &families[i];
        add_string(&request, NFTA_SET_ELEM_LIST_TABLE, table_name);
        add_string(&request, NFTA_SET_ELEM_LIST_SET, families[i].set);
        sdme_netlink_end(&request, message);
        int code = sdme_netlink_converse(NETLINK_NETFILTER, &request, read_elements, listing);
        if (code < 0 && !sdme_nftables_is_absent(code))
            return sdme_fail(error, code, "list the networks of nftables table %s", table_name);
    }
    return 0;
}

int sdme_firewall_list(int (*each)(const struct sdme_prefix *first, void *context), void *context,
                       struct sdme_error *error)
{
    struct listing listing = {.each = each, .context = context};

    return list_networks(&listing, error);
}

static int remove_table(struct sdme_error *error)
{
    struct sdme_netlink request = {0};

    sdme_nftables_begin_batch(&request);
    struct nlmsghdr *message = begin(&request, NFT_MSG_DELTABLE, NLM_F_ACK);
    add_string(&request, NFTA_TABLE_NAME, table_name);
    sdme_netlink_end(&request, message);
    sdme_nftables_end_batch(&request);
    int code = sdme_netlink_converse(NETLINK_NETFILTER, &request, NULL, NULL);
    if (code < 0 && !sdme_nftables_is_absent(code))
        return sdme_fail(error, code, "remove nftables table %s", table_name);
    return 0;
}

int sdme_firewall_remove(const struct sdme_prefix *network, struct sdme_error *error)
{
    struct sdme_netlink request = {0};
    struct listing listing = {0};

    sdme_nftables_begin_batch(&request);
    change_network(&request, NFT_MSG_DELSETELEM, 0, network);
    sdme_nftables_end_batch(&request);
    int code = sdme_netlink_converse(NETLINK_NETFILTER, &request, NULL, NULL);
    if (code < 0 && !sdme_nftables_is_absent(code))
        return fail_network(error, code, "remove", network);
    code = list_networks(&listing, error);
    return code < 0 || listing.count > 0 ? code : remove_table(error);
}

int sdme_firewall_probe(struct sdme_error *error)
{
    struct sdme_netlink request = {0};
    struct nlmsghdr *message = begin(&request, NFT_MSG_GETTABLE, NLM_F_DUMP);

    sdme_netlink_end(&request, message);
    int code = sdme_netlink_converse(NETLINK_NETFILTER, &request, NULL, NULL);
    if (code < 0)
        return sdme_nftables_is_absent(code)
                   ? sdme_fail_as(error, SDME_EUNSUPPORTED, "%s", unsupported)
                   : sdme_fail(error, code, "look for nftables");
    return 0;
}
