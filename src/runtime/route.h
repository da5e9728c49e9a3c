/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ROUTE_H
#define SDME_RUNTIME_ROUTE_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>

#include "error.h"

/*
 * What interfaces have on them: addresses, routes and neighbours, by rtnetlink(7). A namespace is
 * a descriptor, or SDME_NETNS_OWN for that of the caller. Nothing outlives its interface.
 */

/* An address and how many of its leading bits are those of its network: all, if it is alone. */
struct sdme_prefix {
    int family; /* AF_INET or AF_INET6 */
    uint8_t length;
    union {
        struct in_addr v4;
        struct in6_addr v6;
    } address;
};

enum { SDME_PREFIX_TEXT_SIZE = INET6_ADDRSTRLEN + sizeof "/128" - 1 };

/* Reads "192.0.2.1/24", "2001:db8::1", ...; -EINVAL if it is none. */
int sdme_prefix_parse(const char *text, struct sdme_prefix *ret_prefix, struct sdme_error *error);

/* Writes it into @text, of SDME_PREFIX_TEXT_SIZE bytes, and returns that. */
const char *sdme_prefix_format(const struct sdme_prefix *prefix, char *text);

/* The network that it is in: the bits behind the leading ones are 0. */
struct sdme_prefix sdme_prefix_network(const struct sdme_prefix *prefix);

/* Bytes of its address. */
size_t sdme_prefix_size(const struct sdme_prefix *prefix);

/*
 * Gives an interface an address, which is used at once: nobody is asked whether another has it
 * (RFC 4862, section 5.4). One that it has already stays as it is.
 */
int sdme_address_add(int netns, const char *link, const struct sdme_prefix *address,
                     struct sdme_error *error);

/* No failure if it doesn't have that address. */
int sdme_address_remove(int netns, const char *link, const struct sdme_prefix *address,
                        struct sdme_error *error);

/*
 * Has what is for @to go out at an interface, by way of @gateway unless that is NULL. Replaces the
 * route to the same network.
 */
int sdme_route_add(int netns, const struct sdme_prefix *to, const char *link,
                   const struct sdme_prefix *gateway, struct sdme_error *error);

/* Tells an interface the hardware address (RFC 826, RFC 4861) of a neighbour, for good. */
int sdme_neighbour_add(int netns, const char *link, const struct sdme_prefix *address,
                       const uint8_t hardware[6], struct sdme_error *error);

struct sdme_route {
    struct sdme_prefix to;      /* length 0: the default route */
    struct sdme_prefix gateway; /* family AF_UNSPEC: none */
    char link[IF_NAMESIZE];     /* "": none, or several */
};

/*
 * Calls @each for every route of a namespace by which packets leave it, IPv4 and IPv6, in any of
 * its tables; a negative result ends that and is returned.
 */
int sdme_route_list(int netns, int (*each)(const struct sdme_route *route, void *context),
                    void *context, struct sdme_error *error);

#endif
