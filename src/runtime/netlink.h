/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_NETLINK_H
#define SDME_RUNTIME_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Messages to the kernel and back: netlink(7), in which everything begins at a multiple of four
 * bytes.
 */
struct sdme_netlink {
    char data[4096] __attribute__((aligned(NLMSG_ALIGNTO)));
    size_t size;
};

/*
 * Begins a message, with the @size bytes of the header of its family behind its own; what is
 * appended until sdme_netlink_end() is part of it.
 */
struct nlmsghdr *sdme_netlink_begin(struct sdme_netlink *request, int type, int flags,
                                    const void *family_header, size_t size);
void sdme_netlink_end(struct sdme_netlink *request, struct nlmsghdr *message);

/* An attribute with what is appended until it is ended; or with @size bytes of @data. */
struct nlattr *sdme_netlink_begin_attribute(struct sdme_netlink *request, int type);
void sdme_netlink_end_attribute(struct sdme_netlink *request, struct nlattr *attribute);
void sdme_netlink_add(struct sdme_netlink *request, int type, const void *data, size_t size);

/* Appends @size bytes of @data as they are: the header of what is nested in an attribute. */
void sdme_netlink_append(struct sdme_netlink *request, const void *data, size_t size);

/*
 * Sends the messages to the part of the kernel that is called @protocol, and reads all of the
 * answer to the one that asks for some. Calls @each, which may be NULL, for each message of it; a
 * negative result ends that. Returns 0 or a negative code.
 */
int sdme_netlink_converse(int protocol, const struct sdme_netlink *request,
                          int (*each)(const struct nlmsghdr *message, void *context),
                          void *context);

/* The same on @fd, a socket of that protocol, which may be in another network namespace. */
int sdme_netlink_converse_on(int fd, const struct sdme_netlink *request,
                             int (*each)(const struct nlmsghdr *message, void *context),
                             void *context);

/* Asks on @fd for all that there is of a kind: a request of @type without attributes. */
int sdme_netlink_list_on(int fd, int type, const void *family_header, size_t size,
                         int (*each)(const struct nlmsghdr *message, void *context), void *context);

/* Attributes one after the other, from @data on. */
struct sdme_netlink_reader {
    const char *data;
    size_t size;
};

/* What of a message is behind its header and the @size bytes of that of its family. */
struct sdme_netlink_reader sdme_netlink_read(const struct nlmsghdr *message, size_t size);

/* The content of the attribute of a type; empty if there is none. */
struct sdme_netlink_reader sdme_netlink_find(struct sdme_netlink_reader reader, int wanted);

/* Takes an attribute off; false at the end, or where there is none but rubbish. */
bool sdme_netlink_next(struct sdme_netlink_reader *reader, int *ret_type,
                       struct sdme_netlink_reader *ret_content);

#endif
