/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_FIREWALL_H
#define SDME_RUNTIME_FIREWALL_H

#include "route.h"

/*
 * The nftables table `inet sdme` of the caller's network namespace: whatever comes from one of the
 * networks in it, and is for none of them, leaves with the address of this host.
 */

/*
 * Adds a network, with the table if it isn't there, and its rule if somebody has taken that away.
 * One that is in it already stays. -SDME_EUNSUPPORTED where the kernel
 * has no nftables.
 */
int sdme_firewall_add(const struct sdme_prefix *network, struct sdme_error *error);

/* Takes a network out; the table goes with the last one. No failure if it isn't there. */
int sdme_firewall_remove(const struct sdme_prefix *network, struct sdme_error *error);

/*
 * Calls @each with the first address of each network; a negative result ends that. Where there is
 * no table, there are none.
 */
int sdme_firewall_list(int (*each)(const struct sdme_prefix *first, void *context), void *context,
                       struct sdme_error *error);

/* 0 if the kernel has what this needs, as far as can be told without a change, or
 * -SDME_EUNSUPPORTED. */
int sdme_firewall_probe(struct sdme_error *error);

#endif
