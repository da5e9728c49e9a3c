/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_METADATA_H
#define SDME_RUNTIME_ARCHIVE_METADATA_H

#include "archive_pending.h"
#include "archive_tar.h"

#define SDME_ACL_DEFAULT "system.posix_acl_default"

/* Sets what only CAP_SYS_ADMIN may set, of the file at @path below the root: trusted.*. */
typedef int (*sdme_archive_set_trusted)(void *context, const char *path, const char *name,
                                        const void *value, size_t size, struct sdme_error *error);

/* A file that is there, and gets what an entry says of it. */
struct sdme_archive_target {
    int fd;            /* open for reading or writing; -1: it goes by its name */
    int directory;     /* that it is in, */
    const char *name;  /* and its name there, which is not followed; */
    const char *path;  /* its path below the root */
    bool is_new;       /* it was made just now, with the entry's lower nine bits as its mode, */
    bool is_roots;     /* belongs to 0:0, */
    bool inherits_acl; /* and has an ACL from its directory */
    sdme_archive_set_trusted set_trusted;
    void *context;
    struct sdme_archive_pending *pending; /* for its ACLs that have names */
    bool has_default_acl; /* set if it has got one */
};

/*
 * Gives it the entry's owner, ACLs, attributes, mode and times. The process's umask must be 0; its
 * working directory is changed for what goes by its name. Fails without saying what file it was.
 */
int sdme_archive_set_metadata(struct sdme_archive_target *target,
                              const struct sdme_tar_entry *entry, struct sdme_error *error);

#endif
