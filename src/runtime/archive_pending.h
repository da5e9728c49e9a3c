/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_PENDING_H
#define SDME_RUNTIME_ARCHIVE_PENDING_H

#include "archive_tar.h"

/*
 * ACLs that name users and groups. What their numbers are says the archive itself, maybe later: in
 * its etc/passwd and etc/group.
 */
struct sdme_archive_pending;

int sdme_archive_pending_new(int root, struct sdme_archive_pending **ret_pending,
                             struct sdme_error *error);
void sdme_archive_pending_free(struct sdme_archive_pending *pending);

/*
 * Notes an ACL for the file of @fd, which stays the caller's: the extended attribute @name, which
 * is constant. There may be many: then those that are noted are set now.
 */
int sdme_archive_pending_add(struct sdme_archive_pending *pending, int fd, const char *path,
                             const char *name, struct sdme_tar_text acl, struct sdme_error *error);

/* Sets them, which changes no other metadata. -SDME_EFORMAT where a name isn't known. */
int sdme_archive_pending_set(struct sdme_archive_pending *pending, struct sdme_error *error);

#endif
