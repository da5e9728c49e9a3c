/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_NFTABLES_H
#define SDME_RUNTIME_NFTABLES_H

#include <stdbool.h>

#include "netlink.h"

/*
 * Messages to nftables (linux/netfilter/nf_tables.h). Changes come as a batch, which is one
 * transaction: all of it happens, or nothing. Its last message asks for the answer (NLM_F_ACK).
 */

/* Begins the message NFT_MSG_@type for tables of a family (NFPROTO_...). */
struct nlmsghdr *sdme_nftables_begin(struct sdme_netlink *request, int type, int flags, int family);

void sdme_nftables_begin_batch(struct sdme_netlink *request);
void sdme_nftables_end_batch(struct sdme_netlink *request);

/* What the header of a message NFT_MSG_@type has as its type. */
int sdme_nftables_type(int type);

/* True for the code of what there is nothing to be found in: no such table, or no nftables. */
bool sdme_nftables_is_absent(int code);

#endif
