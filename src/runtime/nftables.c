/* SPDX-License-Identifier: MIT */
#include "nftables.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

static struct nlmsghdr *begin_message(struct sdme_netlink *request, int type, int flags, int family,
                                      uint16_t resource)
{
    const struct nfgenmsg general = {
        .nfgen_family = (uint8_t) family,
        .version = NFNETLINK_V0,
        .res_id = htons(resource),
    };

    return sdme_netlink_begin(request, type, flags, &general, sizeof general);
}

int sdme_nftables_type(int type)
{
    return NFNL_SUBSYS_NFTABLES << 8 | type;
}

struct nlmsghdr *sdme_nftables_begin(struct sdme_netlink *request, int type, int flags, int family)
{
    return begin_message(request, sdme_nftables_type(type), flags, family, 0);
}

void sdme_nftables_begin_batch(struct sdme_netlink *request)
{
    sdme_netlink_end(
        request, begin_message(request, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
}

void sdme_nftables_end_batch(struct sdme_netlink *request)
{
    sdme_netlink_end(
        request, begin_message(request, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
}

bool sdme_nftables_is_absent(int code)
{
    return code == -ENOENT || code == -EPROTONOSUPPORT || code == -EAFNOSUPPORT ||
           code == -EOPNOTSUPP || code == -EINVAL;
}
