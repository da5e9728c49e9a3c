/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ADDRESS_H
#define SDME_RUNTIME_ADDRESS_H

#include <net/if.h>

#include "error.h"
#include "route.h"

/*
 * The addresses that interfaces have, and when they change: rtnetlink(7). A namespace is a
 * descriptor, or SDME_NETNS_OWN for that of the caller.
 */
struct sdme_link_address {
    struct sdme_prefix prefix;
    char link[IF_NAMESIZE]; /* "" if it has gone meanwhile */
    int index;              /* of the interface */
};

/*
 * Calls @each for every address of a namespace; a negative result ends that and is returned. One
 * that isn't known to be nobody else's yet (RFC 4862, section 5.4) doesn't count.
 */
int sdme_address_list(int netns,
                      int (*each)(const struct sdme_link_address *address, void *context),
                      void *context, struct sdme_error *error);

/*
 * Opens a socket that is ready to be read when an address of the namespace has come or gone. It
 * keeps the namespace.
 */
int sdme_address_watch(int netns, int *ret_fd, struct sdme_error *error);

/* Takes what has come to such a socket: 1 if there was something, 0 if not, or a negative code. */
int sdme_address_changed(int fd, struct sdme_error *error);

#endif
