/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_JOURNAL_H
#define SDME_RUNTIME_JOURNAL_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* What is longer in a field is cut off. */
#define SDME_JOURNAL_FIELD_MAX 65536

struct sdme_journal;

struct sdme_journal_options {
    const char *unit;       /* entries of and about a unit, as `journalctl -u`; NULL: any */
    const char *invocation; /* and of one of its runs only: an ID of 32 hexadecimal digits; NULL */
    int directory;          /* of journal files, open until the journal is freed; -1: this host's */
    uint64_t lines;         /* begin that many entries before the end */
    uint64_t since;         /* nothing older than this: microseconds since 1970 */
};

/*
 * Opens a journal for reading (sd-journal(3)). Files are mapped: in a directory of somebody who
 * may shorten them meanwhile, reading can end in SIGBUS. So a directory of a container is for when
 * that is stopped.
 */
int sdme_journal_open(const struct sdme_journal_options *options, struct sdme_journal **ret_journal,
                      struct sdme_error *error);
struct sdme_journal *sdme_journal_free(struct sdme_journal *journal);

/* Goes to the next entry: 1, or 0 when there is none (yet). */
int sdme_journal_next(struct sdme_journal *journal, struct sdme_error *error);

/* The time of the entry, in microseconds since 1970. */
uint64_t sdme_journal_time(struct sdme_journal *journal);

/*
 * The value of a field of the entry (systemd.journal-fields(7)): any bytes, which last until the
 * next call. NULL if the entry has no such field, or it can't be read.
 */
const char *sdme_journal_field(struct sdme_journal *journal, const char *name, size_t *ret_size);

/*
 * What to poll for when there was no next entry (descriptor -1: nothing), and for how long at most
 * (seconds, -1: any). A failure is the next sdme_journal_next()'s.
 */
void sdme_journal_poll(struct sdme_journal *journal, struct pollfd *ret_entry, double *ret_timeout);

#endif
