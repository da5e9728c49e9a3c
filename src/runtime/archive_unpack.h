/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_UNPACK_H
#define SDME_RUNTIME_ARCHIVE_UNPACK_H

#include "archive_writer.h"
#include "digest.h"

/*
 * Unpacks a tar archive, plain or compressed, into an empty directory, in a child process that has
 * this directory as its root and can do nothing but make files in it. The input is read to its end.
 * Whatever fails, what was unpacked by then stays: the directory is the caller's to remove.
 */
struct sdme_unpack_options {
    int input;               /* a file or a pipe, from where it is; not needed once we have begun */
    int directory;           /* stays the caller's */
    const char *compression; /* as for sdme_archive_input_new() */
    unsigned int threads;    /* 1 to 3; 0: what suits the processors */
    bool undigested;         /* if it is compressed, only what is in it is digested */
    bool whiteouts;
    bool unmarked_end; /* as in struct sdme_tar_source */
    struct sdme_archive_limits limits;
};

struct sdme_unpack_result {
    char digest[SDME_DIGEST_HEX];  /* SHA-256 of what was read, or "", */
    char diff_id[SDME_DIGEST_HEX]; /* and of the tar stream inside */
    const char *compression;       /* "none", "gzip", ... */
    uint64_t consumed;             /* bytes that were read */
    uint64_t size;                 /* bytes in files, holes too */
    uint64_t entries;
    bool whiteouts; /* some name began with ".wh." */
    /* The directories that entries lie in and no entry is about, with a NUL behind each; these are
     * the struct sdme_unpack's. */
    const char *implied;
    size_t implied_size;
};

/* 1 TiB, 10 million entries, 1000 : 1, 128 MiB as zstd(1), and what paths may have in Linux. */
extern const struct sdme_archive_limits sdme_archive_limits_standard;

struct sdme_unpack;

/* -ENOTEMPTY if the directory isn't. The caller frees @ret_unpack. */
int sdme_unpack_start(const struct sdme_unpack_options *options, struct sdme_unpack **ret_unpack,
                      struct sdme_error *error);

/* Goes on without waiting: 1 and the result at the end, 0 before. */
int sdme_unpack_step(struct sdme_unpack *unpack, struct sdme_unpack_result *ret_result,
                     struct sdme_error *error);

/* What is readable when there is something to do for step(); -1 if it need not wait. */
int sdme_unpack_descriptor(const struct sdme_unpack *unpack);

/* Bytes read, and entries begun. */
void sdme_unpack_progress(const struct sdme_unpack *unpack, uint64_t *ret_consumed,
                          uint64_t *ret_entries);

/* Kills and reaps the child, if there still is one. */
void sdme_unpack_free(struct sdme_unpack *unpack);

#endif
