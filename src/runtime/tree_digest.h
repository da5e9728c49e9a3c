/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_TREE_DIGEST_H
#define SDME_RUNTIME_TREE_DIGEST_H

#include "digest.h"
#include "error.h"
#include "path_set.h"
#include "tree.h"
#include "tree_metadata.h"
#include "util.h"

/*
 * A digest of all that a copy of a tree is: for each entry its path in the tree, type, mode, owner
 * (unless the copy gets another one), device, target, kept attributes and content, and which names
 * are of one file. Times and the place of the tree aren't in it, and nor is the order in which its
 * entries are met: each is digested for itself (SHA-256), and those digests are sorted and digested
 * in the end.
 */
struct sdme_tree_digest;

/* What stands for the path of a directory within the tree, whatever its depth. */
struct sdme_tree_digest_path {
    unsigned char value[32];
};

int sdme_tree_digest_new(const struct sdme_tree_metadata *metadata,
                         const struct sdme_cancel *cancel, struct sdme_tree_digest **ret_digest,
                         struct sdme_error *error);
void sdme_tree_digest_free(struct sdme_tree_digest *digest);

/* The path of the directory @name in @parent; the tree's own is all zero. */
int sdme_tree_digest_descend(struct sdme_tree_digest *digest,
                             const struct sdme_tree_digest_path *parent, const char *name,
                             struct sdme_tree_digest_path *ret_path, struct sdme_error *error);

struct sdme_tree_digest_entry {
    const struct sdme_tree_digest_path *directory;
    const char *name;         /* in it, or "" for the directory itself, or all there is */
    int fd;                   /* the entry */
    const struct statx *file; /* of it */
    int content_fd;           /* of a regular file: what is read, from its start */
    const char *path;         /* of the directory, for messages */
    const char *shown;        /* the name, for messages */
};

/* Adds an entry. Any number of threads may, at a time. -EBUSY if the content has another length. */
int sdme_tree_digest_add(struct sdme_tree_digest *digest,
                         const struct sdme_tree_digest_entry *entry, struct sdme_error *error);

/* The digest of all that was added. */
int sdme_tree_digest_value(struct sdme_tree_digest *digest, char ret_hex[SDME_DIGEST_HEX],
                           struct sdme_error *error);

/*
 * The digest that sdme_tree_copy() with the same options would give for @source, which is only
 * read. A file that changes meanwhile is -EBUSY.
 */
int sdme_tree_digest(int source_root, const char *source, const struct sdme_tree_copy *options,
                     char ret_hex[SDME_DIGEST_HEX], struct sdme_tree_size *ret_size,
                     struct sdme_error *error);

#endif
