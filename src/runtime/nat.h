/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_NAT_H
#define SDME_RUNTIME_NAT_H

#include <stdint.h>

#include "error.h"
#include "netns.h"

/*
 * The ports of this host that systemd translates to containers: the elements of the map
 * `map_port_ipport` in the nftables tables `io.systemd.nat` of IPv4 and IPv6, where
 * systemd-nspawn's
 * --port= has put them (systemd, src/shared/firewall-util-nft.c). It takes them out when it ends,
 * but not when it is killed, and some versions of it can't put others in their place.
 */
struct sdme_nat_port {
    int type; /* SOCK_STREAM or SOCK_DGRAM */
    uint16_t number;
    union sdme_address target;
};

/*
 * Calls @each for every port; a negative result ends it. Where systemd has no such table, or the
 * kernel no nftables, there are none.
 */
int sdme_nat_list(int (*each)(const struct sdme_nat_port *port, void *context), void *context,
                  struct sdme_error *error);

/*
 * Takes one out: of the table for @family (AF_INET, AF_INET6). No failure if it isn't there.
 */
int sdme_nat_remove(int family, int type, uint16_t number, struct sdme_error *error);

#endif
