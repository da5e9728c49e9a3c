/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_NAMES_H
#define SDME_RUNTIME_ARCHIVE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The users and groups of a tree that was unpacked: passwd(5), group(5). */
struct sdme_archive_names {
    char *text[2]; /* of users, of groups; NULL: none */
    size_t size[2];
};

/* Reads those below @root. What can't be read, is no file or has more than 1 MiB has no names. */
void sdme_archive_names_read(int root, struct sdme_archive_names *ret_names);
void sdme_archive_names_free(struct sdme_archive_names *names);

/* The number of a user or a group: the first one of that name counts. False where there is none. */
bool sdme_archive_names_find(const struct sdme_archive_names *names, bool is_group,
                             const char *name, size_t size, uint64_t *ret_id);

#endif
