/* SPDX-License-Identifier: MIT */
#include "netlink.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "util.h"

static void *append(struct sdme_netlink *request, size_t size)
{
    void *place = request->data + request->size;

    request->size += NLMSG_ALIGN(size);
    return place;
}

struct nlmsghdr *sdme_netlink_begin(struct sdme_netlink *request, int type, int flags,
                                    const void *family_header, size_t size)
{
    struct nlmsghdr *message = append(request, sizeof *message);

    message->nlmsg_type = (uint16_t) type;
    message->nlmsg_flags = (uint16_t) (NLM_F_REQUEST | flags);
    message->nlmsg_seq = 1;
    memcpy(append(request, size), family_header, size);
    return message;
}

void sdme_netlink_end(struct sdme_netlink *request, struct nlmsghdr *message)
{
    message->nlmsg_len = (uint32_t) (request->data + request->size - (char *) message);
}

struct nlattr *sdme_netlink_begin_attribute(struct sdme_netlink *request, int type)
{
    struct nlattr *attribute = append(request, sizeof *attribute);

    attribute->nla_type = (uint16_t) type;
    return attribute;
}

void sdme_netlink_end_attribute(struct sdme_netlink *request, struct nlattr *attribute)
{
    attribute->nla_len = (uint16_t) (request->data + request->size - (char *) attribute);
}

void sdme_netlink_append(struct sdme_netlink *request, const void *data, size_t size)
{
    memcpy(append(request, size), data, size);
}

void sdme_netlink_add(struct sdme_netlink *request, int type, const void *data, size_t size)
{
    struct nlattr *attribute = sdme_netlink_begin_attribute(request, type);

    memcpy(append(request, size), data, size);
    attribute->nla_len = (uint16_t) (sizeof *attribute + size);
}

struct answer {
    int (*each)(const struct nlmsghdr *message, void *context);
    void *context;
};

/* 1 when the answer is complete, 0 if there is more to come, or a negative code. */
static int read_answer(const char *data, size_t size, const struct answer *answer)
{
    const struct nlmsghdr *message = (const void *) data;
    int code = 0;

    for (; NLMSG_OK(message, size) && code >= 0; message = NLMSG_NEXT(message, size)) {
        if (message->nlmsg_type == NLMSG_DONE)
            return 1;
        if (message->nlmsg_type == NLMSG_ERROR) {
            const struct nlmsgerr *failure = NLMSG_DATA(message);

            return message->nlmsg_len < NLMSG_LENGTH(sizeof *failure) ? -EBADMSG
                   : failure->error                                   ? failure->error
                                                                      : 1;
        }
        if (answer->each)
            code = answer->each(message, answer->context);
    }
    return code < 0 ? code : 0;
}

static int send_request(int fd, const struct sdme_netlink *request)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    struct sockaddr *address = (struct sockaddr *) &kernel;

    return sendto(fd, request->data, request->size, 0, address, sizeof kernel) < 0 ? -errno : 0;
}

int sdme_netlink_converse_on(int fd, const struct sdme_netlink *request,
                             int (*each)(const struct nlmsghdr *message, void *context),
                             void *context)
{
    char data[32 * 1024] __attribute__((aligned(NLMSG_ALIGNTO)));
    const struct answer answer = {.each = each, .context = context};
    int code = send_request(fd, request);

    while (code == 0) {
        ssize_t size = recv(fd, data, sizeof data, 0);

        if (size < 0 && errno == EINTR)
            continue;
        code = size < 0 ? -errno : read_answer(data, (size_t) size, &answer);
    }
    return code < 0 ? code : 0;
}

int sdme_netlink_converse(int protocol, const struct sdme_netlink *request,
                          int (*each)(const struct nlmsghdr *message, void *context), void *context)
{
    _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

    return fd < 0 ? -errno : sdme_netlink_converse_on(fd, request, each, context);
}

int sdme_netlink_list_on(int fd, int type, const void *family_header, size_t size,
                         int (*each)(const struct nlmsghdr *message, void *context), void *context)
{
    struct sdme_netlink request = {0};
    struct nlmsghdr *message = sdme_netlink_begin(&request, type, NLM_F_DUMP, family_header, size);

    sdme_netlink_end(&request, message);
    return sdme_netlink_converse_on(fd, &request, each, context);
}

struct sdme_netlink_reader sdme_netlink_read(const struct nlmsghdr *message, size_t size)
{
    if (message->nlmsg_len < NLMSG_SPACE(size))
        return (struct sdme_netlink_reader){0};
    return (struct sdme_netlink_reader){
        .data = (const char *) message + NLMSG_SPACE(size),
        .size = message->nlmsg_len - NLMSG_SPACE(size),
    };
}

bool sdme_netlink_next(struct sdme_netlink_reader *reader, int *ret_type,
                       struct sdme_netlink_reader *ret_content)
{
    struct nlattr attribute;

    if (reader->size < sizeof attribute)
        return false;
    memcpy(&attribute, reader->data, sizeof attribute);
    if (attribute.nla_len < sizeof attribute || attribute.nla_len > reader->size)
        return false;
    *ret_type = attribute.nla_type & NLA_TYPE_MASK;
    *ret_content = (struct sdme_netlink_reader){
        .data = reader->data + sizeof attribute,
        .size = attribute.nla_len - sizeof attribute,
    };
    size_t step = (size_t) NLA_ALIGN((int) attribute.nla_len);
    step = step < reader->size ? step : reader->size;
    reader->data += step;
    reader->size -= step;
    return true;
}

struct sdme_netlink_reader sdme_netlink_find(struct sdme_netlink_reader reader, int wanted)
{
    struct sdme_netlink_reader content;
    int type;

    while (sdme_netlink_next(&reader, &type, &content))
        if (type == wanted)
            return content;
    return (struct sdme_netlink_reader){0};
}
