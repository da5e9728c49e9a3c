/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_ATTRIBUTE_H
#define SDME_RUNTIME_ARCHIVE_ATTRIBUTE_H

#include <stddef.h>

#include "archive_names.h"
#include "error.h"

/* What becomes of an extended attribute that an archive has. */
enum sdme_archive_attribute {
    SDME_ATTRIBUTE_LEFT_OUT, /* of the host's policy (security.selinux, ima, evm), of an overlay */
    SDME_ATTRIBUTE_SET,      /* user.*, security.capability, ACLs */
    SDME_ATTRIBUTE_TRUSTED,  /* trusted.*, for which one needs CAP_SYS_ADMIN: xattr(7) */
};

enum sdme_archive_attribute sdme_archive_attribute(const char *name);

/*
 * An ACL as text (acl(5), long or short form; entries between commas or newlines; star's form with
 * the number at the end) as the value of "system.posix_acl_access" (linux/posix_acl_xattr.h). Names
 * without a number, but for root's, are looked up in @names, and refused if they aren't there: an
 * ACL without one of its entries may allow more. Without @names they are -ESRCH. @ret_value holds
 * SDME_ACL_MAX bytes.
 */
#define SDME_ACL_MAX 65536
int sdme_archive_acl(const char *text, size_t size, const struct sdme_archive_names *names,
                     unsigned char *ret_value, size_t *ret_size, struct sdme_error *error);

#endif
