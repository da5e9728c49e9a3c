/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_PATH_SET_H
#define SDME_RUNTIME_PATH_SET_H

#include "error.h"

/*
 * Paths within a tree, by their components, so that whoever walks the tree meets them on the way:
 * a node stands for a directory, and its children for what matters in it.
 */
struct sdme_path_set {
    struct sdme_path_set *children;
    struct sdme_path_set *next; /* sibling */
    unsigned int marks;         /* of the paths that end here; the caller's bits */
    char name[];
};

/* An empty set is its root node alone. */
int sdme_path_set_new(struct sdme_path_set **ret_set, struct sdme_error *error);
void sdme_path_set_free(struct sdme_path_set *set);

/*
 * Adds @mark to what ends at @path. Slashes at both ends and "." say nothing; "" and "/" are the
 * root. -EINVAL for "..": a symlink could lead to what it isn't.
 */
int sdme_path_set_add(struct sdme_path_set *set, const char *path, unsigned int mark,
                      struct sdme_error *error);

/* The node of @name in @set; NULL if there is none, or @set is NULL. */
const struct sdme_path_set *sdme_path_set_find(const struct sdme_path_set *set, const char *name);

#endif
