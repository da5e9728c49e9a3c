/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_WRITER_H
#define SDME_RUNTIME_ARCHIVE_WRITER_H

#include "archive_metadata.h"
#include "archive_path.h"

struct sdme_archive_limits {
    uint64_t size;    /* bytes in all files, holes too */
    uint64_t entries; /* of the archive */
    uint64_t ratio;   /* of a byte of the archive to those that it expands to */
    uint64_t window;  /* bytes that a decoder of zstd may have to look back */
    size_t path;      /* bytes of a path, less than PATH_MAX */
    size_t depth;     /* components of a path */
};

/*
 * Puts the entries of an archive into a directory, one after the other, each as the last one of its
 * name. A symlink that leads to a directory is gone through, and never leads out of the tree, like
 * all that is resolved here (openat2(2), RESOLVE_IN_ROOT); whatever else is in the way, and is no
 * directory, makes room for one. What is written is the writer's own: nobody else may change the
 * tree meanwhile. The process's umask must be 0; its working directory is changed.
 */
struct sdme_archive_writer_options {
    int root;       /* the directory, stays the caller's */
    bool whiteouts; /* of an OCI layer become overlayfs's */
    struct sdme_archive_limits limits;

    sdme_archive_set_trusted set_trusted;
    void *context;
};

struct sdme_archive_writer;

int sdme_archive_writer_new(const struct sdme_archive_writer_options *options,
                            struct sdme_archive_writer **ret_writer, struct sdme_error *error);
void sdme_archive_writer_free(struct sdme_archive_writer *writer);

/* Writes the entry that sdme_tar_next() of @tar has just returned. */
int sdme_archive_writer_add(struct sdme_archive_writer *writer, struct sdme_tar *tar,
                            const struct sdme_tar_entry *entry, struct sdme_error *error);

/* Gives the last directory its times back, and sets what had to wait. */
int sdme_archive_writer_finish(struct sdme_archive_writer *writer, struct sdme_error *error);

uint64_t sdme_archive_writer_size(const struct sdme_archive_writer *writer);

/*
 * Calls @found for each directory that entries lie in and that no entry is about, parents first:
 * of a layer, what is below has them as they should be. Of many, only the first thousand.
 */
int sdme_archive_writer_each_implied(const struct sdme_archive_writer *writer,
                                     int (*found)(void *context, const char *path,
                                                  struct sdme_error *error),
                                     void *context, struct sdme_error *error);

/* Whether some name began with ".wh.", whatever became of it. */
bool sdme_archive_writer_saw_whiteout(const struct sdme_archive_writer *writer);

#endif
