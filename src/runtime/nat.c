/* SPDX-License-Identifier: MIT */
#include "nat.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

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

/* A message in the making: netlink(7), in which everything begins at a multiple of four bytes. */
struct writer {
    char data[1024] __attribute__((aligned(NLMSG_ALIGNTO)));
    size_t size;
};

static void *append(struct writer *writer, size_t size)
{
    void *place = writer->data + writer->size;

    writer->size += NLMSG_ALIGN(size);
    return place;
}

static struct nlmsghdr *begin_message(struct writer *writer, int type, int flags, int family,
                                      uint16_t resource)
{
    struct nlmsghdr *header = append(writer, sizeof *header);
    struct nfgenmsg *general = append(writer, sizeof *general);

    header->nlmsg_type = (uint16_t) type;
    header->nlmsg_flags = (uint16_t) (NLM_F_REQUEST | flags);
    header->nlmsg_seq = 1;
    general->nfgen_family = (uint8_t) family;
    general->version = NFNETLINK_V0;
    general->res_id = htons(resource);
    return header;
}

static void end_message(struct writer *writer, struct nlmsghdr *header)
{
    header->nlmsg_len = (uint32_t) (writer->data + writer->size - (char *) header);
}

static struct nlattr *begin_attribute(struct writer *writer, int type)
{
    struct nlattr *attribute = append(writer, sizeof *attribute);

    attribute->nla_type = (uint16_t) type;
    return attribute;
}

static void end_attribute(struct writer *writer, struct nlattr *attribute)
{
    attribute->nla_len = (uint16_t) (writer->data + writer->size - (char *) attribute);
}

static void add_attribute(struct writer *writer, int type, const void *data, size_t size)
{
    struct nlattr *attribute = begin_attribute(writer, type);

    memcpy(append(writer, size), data, size);
    attribute->nla_len = (uint16_t) (sizeof *attribute + size);
}

static void add_map(struct writer *writer)
{
    add_attribute(writer, NFTA_SET_ELEM_LIST_TABLE, table_name, sizeof table_name);
    add_attribute(writer, NFTA_SET_ELEM_LIST_SET, map_name, sizeof map_name);
}

static int message_type(int type)
{
    return NFNL_SUBSYS_NFTABLES << 8 | type;
}

/* Returns a socket on which the message is sent, or -errno. */
static int send_message(const struct writer *writer)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

    if (fd < 0)
        return -errno;
    if (sendto(fd, writer->data, writer->size, 0, (struct sockaddr *) &kernel, sizeof kernel) < 0)
        return -errno;
    return sdme_take_fd(&fd);
}

/* What there is nothing to be found in: no such table, or no nftables in this kernel. */
static bool is_absent(int code)
{
    return code == -ENOENT || code == -EPROTONOSUPPORT || code == -EAFNOSUPPORT ||
           code == -EOPNOTSUPP || code == -EINVAL;
}

/* Attributes one after the other, from @data on. */
struct reader {
    const char *data;
    size_t size;
};

static bool next_attribute(struct reader *reader, int *ret_type, struct reader *ret_content)
{
    struct nlattr attribute;

    if (reader->size < sizeof attribute)
        return false;
    memcpy(&attribute, reader->data, sizeof attribute);
    if (attribute.nla_len < sizeof attribute || attribute.nla_len > reader->size)
        return false;
    *ret_type = attribute.nla_type & NLA_TYPE_MASK;
    *ret_content = (struct reader){
        .data = reader->data + sizeof attribute,
        .size = attribute.nla_len - sizeof attribute,
    };
    size_t step = (size_t) NLA_ALIGN((int) attribute.nla_len);
    step = step < reader->size ? step : reader->size;
    reader->data += step;
    reader->size -= step;
    return true;
}

/* The attribute of a type; empty if there is none. */
static struct reader find_attribute(struct reader reader, int wanted)
{
    struct reader content;
    int type;

    while (next_attribute(&reader, &type, &content))
        if (type == wanted)
            return content;
    return (struct reader){0};
}

static struct reader find_value(struct reader element, int type)
{
    return find_attribute(find_attribute(element, type), NFTA_DATA_VALUE);
}

static bool read_element(struct reader element, struct sdme_nat_port *ret_port)
{
    struct reader key_value = find_value(element, NFTA_SET_ELEM_KEY);
    struct reader target = find_value(element, NFTA_SET_ELEM_DATA);
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

static int read_elements(const struct nlmsghdr *header, const struct listing *listing)
{
    struct reader content = {
        .data = (const char *) header + NLMSG_SPACE(sizeof(struct nfgenmsg)),
        .size = header->nlmsg_len - NLMSG_SPACE(sizeof(struct nfgenmsg)),
    };
    struct reader elements, element;
    int type, code = 0;

    if (header->nlmsg_len < NLMSG_SPACE(sizeof(struct nfgenmsg)))
        return 0;
    elements = find_attribute(content, NFTA_SET_ELEM_LIST_ELEMENTS);
    while (code >= 0 && next_attribute(&elements, &type, &element)) {
        struct sdme_nat_port port;

        if (read_element(element, &port))
            code = listing->each(&port, listing->context);
    }
    return code;
}

/* 1 when the answer is complete, 0 if there is more to come, or a negative code. */
static int read_answer(const char *data, size_t size, const struct listing *listing)
{
    const struct nlmsghdr *header = (const void *) data;
    int code = 0;

    for (; NLMSG_OK(header, size) && code >= 0; header = NLMSG_NEXT(header, size)) {
        if (header->nlmsg_type == NLMSG_DONE)
            return 1;
        if (header->nlmsg_type == NLMSG_ERROR) {
            const struct nlmsgerr *failure = NLMSG_DATA(header);

            return header->nlmsg_len < NLMSG_LENGTH(sizeof *failure) ? -EBADMSG
                   : failure->error                                  ? failure->error
                                                                     : 1;
        }
        if (listing && header->nlmsg_type == message_type(NFT_MSG_NEWSETELEM))
            code = read_elements(header, listing);
    }
    return code;
}

/* Sends a message and reads all of the answer: 0 or a negative code. */
static int converse(const struct writer *writer, const struct listing *listing)
{
    char answer[32 * 1024] __attribute__((aligned(NLMSG_ALIGNTO)));
    _cleanup_close_ int fd = send_message(writer);
    int code = fd < 0 ? fd : 0;

    while (code == 0) {
        ssize_t size = recv(fd, answer, sizeof answer, 0);

        if (size < 0 && errno == EINTR)
            continue;
        code = size < 0 ? -errno : read_answer(answer, (size_t) size, listing);
    }
    return code < 0 ? code : 0;
}

int sdme_nat_list(int (*each)(const struct sdme_nat_port *port, void *context), void *context,
                  struct sdme_error *error)
{
    static const int families[] = {NFPROTO_IPV4, NFPROTO_IPV6};
    const struct listing listing = {.each = each, .context = context};

    for (size_t i = 0; i < ELEMENTS(families); i++) {
        struct writer writer = {0};
        struct nlmsghdr *header =
            begin_message(&writer, message_type(NFT_MSG_GETSETELEM), NLM_F_DUMP, families[i], 0);

        add_map(&writer);
        end_message(&writer, header);
        int code = converse(&writer, &listing);
        if (code < 0 && !is_absent(code))
            return sdme_fail(error, code, "list map %s of table %s", map_name, table_name);
    }
    return 0;
}

static void add_key(struct writer *writer, const struct key *key)
{
    struct nlattr *elements = begin_attribute(writer, NLA_F_NESTED | NFTA_SET_ELEM_LIST_ELEMENTS);
    struct nlattr *element = begin_attribute(writer, NLA_F_NESTED | NFTA_LIST_ELEM);
    struct nlattr *value = begin_attribute(writer, NLA_F_NESTED | NFTA_SET_ELEM_KEY);

    add_attribute(writer, NFTA_DATA_VALUE, key, sizeof *key);
    end_attribute(writer, value);
    end_attribute(writer, element);
    end_attribute(writer, elements);
}

int sdme_nat_remove(int family, int type, uint16_t number, struct sdme_error *error)
{
    const struct key key = {
        .protocol = type == SOCK_DGRAM ? IPPROTO_UDP : IPPROTO_TCP,
        .port = htons(number),
    };
    struct writer writer = {0};

    /* Changes come as a transaction, which these two messages are the limits of. */
    end_message(&writer,
                begin_message(&writer, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
    struct nlmsghdr *header = begin_message(&writer, message_type(NFT_MSG_DELSETELEM), NLM_F_ACK,
                                            family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4, 0);
    add_map(&writer);
    add_key(&writer, &key);
    end_message(&writer, header);
    end_message(&writer,
                begin_message(&writer, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));

    int code = converse(&writer, NULL);
    if (code < 0 && !is_absent(code))
        return sdme_fail(error, code, "remove port %u from map %s of table %s", number, map_name,
                         table_name);
    return 0;
}
