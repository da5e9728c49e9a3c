/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_SHIFT_H
#define SDME_RUNTIME_SHIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "util.h"

/*
 * Moving users and groups: the ids FROM..FROM+COUNT-1 become TO.., all others stay. It is what a
 * user namespace does to ids, written into the files: their owners, the ids in their ACLs, and the
 * root that their capabilities are for.
 */
struct sdme_shift {
    uint32_t from;
    uint32_t to;
    uint32_t count; /* 0: no shift at all */
};

/* -EINVAL if the ranges overlap, or reach 2^32-1, which is no id. */
int sdme_shift_check(const struct sdme_shift *shift, struct sdme_error *error);

uint32_t sdme_shift_id(const struct sdme_shift *shift, uint32_t id);

/* Whether @id is one of those that are moved. */
bool sdme_shift_has(const struct sdme_shift *shift, uint32_t id);

/*
 * Shifts the value of an extended attribute in place, if it is one that holds ids:
 * system.posix_acl_access and _default, and security.capability, which may grow to
 * SDME_SHIFT_CAPABILITY_MAX bytes (see "Namespaced file capabilities" in capabilities(7)).
 * @buffer_size is the room there is. Returns whether it changed, or -EBADMSG for a malformed value.
 */
int sdme_shift_attribute(const struct sdme_shift *shift, const char *name, void *value,
                         size_t *size, size_t buffer_size);

#define SDME_SHIFT_CAPABILITY_MAX 24

/*
 * Shifts a whole tree, the directory @path (or below @root_fd) included, staying on its mount.
 * Setuid bits and capabilities survive. It may be interrupted at any moment and started again.
 */
struct sdme_shift_tree {
    struct sdme_shift shift;
    unsigned int threads; /* 0: as many as there are processors */
    const struct sdme_cancel *cancel;
};
int sdme_shift_tree(int root_fd, const char *path, const struct sdme_shift_tree *options,
                    uint64_t *ret_changed, struct sdme_error *error);

#endif
