/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>

#include "library.h"
#include "poll.h"
#include "systemd.h"
#include "util.h"

/* What we call in libsystemd, under the names it has there. */
#define FUNCTIONS(X)                                                                               \
    X(sd_journal_add_disjunction)                                                                  \
    X(sd_journal_add_match)                                                                        \
    X(sd_journal_close)                                                                            \
    X(sd_journal_get_data)                                                                         \
    X(sd_journal_get_events)                                                                       \
    X(sd_journal_get_fd)                                                                           \
    X(sd_journal_get_realtime_usec)                                                                \
    X(sd_journal_get_timeout)                                                                      \
    X(sd_journal_next)                                                                             \
    X(sd_journal_open)                                                                             \
    X(sd_journal_open_directory_fd)                                                                \
    X(sd_journal_previous_skip)                                                                    \
    X(sd_journal_process)                                                                          \
    X(sd_journal_seek_head)                                                                        \
    X(sd_journal_seek_tail)                                                                        \
    X(sd_journal_set_data_threshold)

struct sd_journal_functions {
    FUNCTIONS(SDME_LIBRARY_MEMBER)
};

static const char *const names[] = {FUNCTIONS(SDME_LIBRARY_NAME) NULL};

struct sdme_journal {
    struct sd_journal_functions lib;
    sd_journal *reader;
    uint64_t since;
    bool positioned; /* the entry to begin with is the one that we are at */
    bool followed;
    int failure;
};

static int add_match(struct sdme_journal *journal, const char *field, const char *value)
{
    _cleanup_free_ char *match = NULL;

    if (asprintf(&match, "%s=%s", field, value) < 0) {
        match = NULL;
        return -ENOMEM;
    }
    return journal->lib.sd_journal_add_match(journal->reader, match, 0);
}

/* Entries of the unit's processes, those of PID 1 about it, and those of root's about it. */
static int match_either(struct sdme_journal *journal, const char *own, const char *managers,
                        const char *others, const char *value)
{
    int r = add_match(journal, own, value);

    if (r < 0 || (r = journal->lib.sd_journal_add_disjunction(journal->reader)) < 0 ||
        (r = add_match(journal, "_PID", "1")) < 0 || (r = add_match(journal, managers, value)) < 0)
        return r;
    if (!others)
        return 0;
    if ((r = journal->lib.sd_journal_add_disjunction(journal->reader)) < 0 ||
        (r = add_match(journal, "_UID", "0")) < 0)
        return r;
    return add_match(journal, others, value);
}

static int match(struct sdme_journal *journal, const struct sdme_journal_options *options)
{
    if (options->invocation)
        return match_either(journal, "_SYSTEMD_INVOCATION_ID", "INVOCATION_ID", NULL,
                            options->invocation);
    if (options->unit)
        return match_either(journal, "_SYSTEMD_UNIT", "UNIT", "OBJECT_SYSTEMD_UNIT", options->unit);
    return 0;
}

/* Goes to the first entry that is wanted; says in @journal whether we are at one. */
static int seek(struct sdme_journal *journal, uint64_t lines)
{
    int r = journal->lib.sd_journal_seek_tail(journal->reader);

    if (r < 0)
        return r;
    r = journal->lib.sd_journal_previous_skip(journal->reader, lines > 0 ? lines : 1);
    if (r < 0)
        return r;
    /* From the end of an empty journal there is no way to what comes later. */
    if (r == 0)
        return journal->lib.sd_journal_seek_head(journal->reader);
    journal->positioned = lines > 0;
    return 0;
}

struct sdme_journal *sdme_journal_free(struct sdme_journal *journal)
{
    if (!journal)
        return NULL;
    if (journal->reader)
        journal->lib.sd_journal_close(journal->reader);
    free(journal);
    return NULL;
}

int sdme_journal_open(const struct sdme_journal_options *options, struct sdme_journal **ret_journal,
                      struct sdme_error *error)
{
    struct sdme_journal *journal = calloc(1, sizeof *journal);
    int r;

    if (!journal)
        return sdme_fail(error, ENOMEM, "open the journal");
    r = sdme_library_load(SDME_LIBSYSTEMD, names, &journal->lib, error);
    if (r < 0) {
        free(journal);
        return r;
    }
    journal->since = options->since;
    if (options->directory >= 0)
        r = journal->lib.sd_journal_open_directory_fd(&journal->reader, options->directory, 0);
    else
        r = journal->lib.sd_journal_open(&journal->reader, SD_JOURNAL_LOCAL_ONLY);
    if (r >= 0 &&
        (r = journal->lib.sd_journal_set_data_threshold(journal->reader, SDME_JOURNAL_FIELD_MAX)) >=
            0 &&
        (r = match(journal, options)) >= 0)
        r = seek(journal, options->lines);
    if (r < 0) {
        sdme_journal_free(journal);
        return sdme_fail(error, r, "open the journal");
    }
    *ret_journal = journal;
    return 0;
}

uint64_t sdme_journal_time(struct sdme_journal *journal)
{
    uint64_t usec;

    return journal->lib.sd_journal_get_realtime_usec(journal->reader, &usec) < 0 ? 0 : usec;
}

int sdme_journal_next(struct sdme_journal *journal, struct sdme_error *error)
{
    int r;

    if (journal->failure)
        return sdme_fail(error, journal->failure, "follow the journal");
    do {
        if (journal->followed && (r = journal->lib.sd_journal_process(journal->reader)) < 0)
            return sdme_fail(error, r, "follow the journal");
        r = journal->positioned ? 1 : journal->lib.sd_journal_next(journal->reader);
        journal->positioned = false;
        if (r < 0)
            return sdme_fail(error, r, "read the journal");
    } while (r > 0 && journal->since && sdme_journal_time(journal) < journal->since);
    return r > 0;
}

const char *sdme_journal_field(struct sdme_journal *journal, const char *name, size_t *ret_size)
{
    size_t length = strlen(name), size;
    const void *data;

    if (journal->lib.sd_journal_get_data(journal->reader, name, &data, &size) < 0 ||
        size < length + 1)
        return NULL;
    size -= length + 1;
    /* The threshold of sd-journal is for what it has to decompress. */
    *ret_size = size < SDME_JOURNAL_FIELD_MAX ? size : SDME_JOURNAL_FIELD_MAX;
    return (const char *) data + length + 1;
}

static double left_until(uint64_t usec)
{
    double left = (double) usec / 1e6 - sdme_now();

    return left > 0 ? left : 0;
}

void sdme_journal_poll(struct sdme_journal *journal, struct pollfd *ret_entry, double *ret_timeout)
{
    int fd = journal->lib.sd_journal_get_fd(journal->reader),
        events = journal->lib.sd_journal_get_events(journal->reader), r;
    uint64_t usec;

    r = journal->lib.sd_journal_get_timeout(journal->reader, &usec);
    ret_entry->fd = -1;
    *ret_timeout = 0;
    if (fd < 0 || events < 0 || r < 0) {
        journal->failure = fd < 0 ? fd : events < 0 ? events : r; /* the next step tells */
        return;
    }
    *ret_entry = (struct pollfd){.fd = fd, .events = (short) events};
    /* Until now nobody watched, so there may be an entry that nothing will tell us of. */
    if (journal->followed)
        *ret_timeout = usec == UINT64_MAX ? -1 : left_until(usec);
    journal->followed = true;
}
