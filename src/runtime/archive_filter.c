/* SPDX-License-Identifier: MIT */
#include <archive.h>

#include "archive_source.h"
#include "library.h"

#define FUNCTIONS(X)                                                                               \
    X(archive_read_new)                                                                            \
    X(archive_read_free)                                                                           \
    X(archive_read_support_filter_bzip2)                                                           \
    X(archive_read_support_filter_xz)                                                              \
    X(archive_read_support_filter_lz4)                                                             \
    X(archive_read_support_format_raw)                                                             \
    X(archive_read_open)                                                                           \
    X(archive_read_next_header)                                                                    \
    X(archive_read_data)                                                                           \
    X(archive_filter_count)                                                                        \
    X(archive_error_string)

struct libarchive {
    FUNCTIONS(SDME_LIBRARY_MEMBER)
};

static const char *const names[] = {FUNCTIONS(SDME_LIBRARY_NAME) NULL};

struct filter {
    const char *name;
    struct libarchive library;
    struct archive *archive;
    bool opened;

    struct sdme_archive_source *source; /* for the call-back */
    struct sdme_error *error;
    bool source_failed;
};

static int support_bzip2(const struct libarchive *library, struct archive *archive)
{
    return library->archive_read_support_filter_bzip2(archive);
}

static int support_xz(const struct libarchive *library, struct archive *archive)
{
    return library->archive_read_support_filter_xz(archive);
}

static int support_lz4(const struct libarchive *library, struct archive *archive)
{
    return library->archive_read_support_filter_lz4(archive);
}

static void filter_free(void *state)
{
    struct filter *filter = state;

    if (filter && filter->archive)
        filter->library.archive_read_free(filter->archive);
    free(filter);
}

static int fail_filter(const struct filter *filter, struct sdme_error *error)
{
    const char *why = filter->library.archive_error_string(filter->archive);

    return sdme_fail_as(error, SDME_EFORMAT, "%s: %s, before offset %llu", filter->name,
                        why ? why : "damaged",
                        (unsigned long long) sdme_archive_source_offset(filter->source));
}

/* ARCHIVE_WARN would mean that libarchive wants to run a program for it. */
static int filter_make(const char *name,
                       int (*support)(const struct libarchive *, struct archive *),
                       void **ret_state, struct sdme_error *error)
{
    struct filter *filter = calloc(1, sizeof *filter);

    if (!filter)
        return sdme_fail(error, ENOMEM, "%s", name);
    filter->name = name;
    int code = sdme_library_load("libarchive.so.13", names, &filter->library, error);
    if (code >= 0) {
        filter->archive = filter->library.archive_read_new();
        if (!filter->archive)
            code = sdme_fail(error, ENOMEM, "%s", name);
        else if (support(&filter->library, filter->archive) != ARCHIVE_OK ||
                 filter->library.archive_read_support_format_raw(filter->archive) != ARCHIVE_OK)
            code = sdme_fail_as(error, SDME_EUNSUPPORTED, "libarchive was built without %s", name);
    }
    if (code < 0) {
        filter_free(filter);
        return code;
    }
    *ret_state = filter;
    return 0;
}

static int bzip2_make(void **ret_state, struct sdme_error *error)
{
    return filter_make("bzip2", support_bzip2, ret_state, error);
}

static int xz_make(void **ret_state, struct sdme_error *error)
{
    return filter_make("xz", support_xz, ret_state, error);
}

static int lz4_make(void **ret_state, struct sdme_error *error)
{
    return filter_make("lz4", support_lz4, ret_state, error);
}

static ssize_t give_bytes(struct archive *archive, void *context, const void **ret_data)
{
    struct filter *filter = context;
    struct sdme_archive_source *source = filter->source;

    (void) archive;
    int code = sdme_archive_source_fill(source, filter->error);
    filter->source_failed = code < 0;
    if (code <= 0)
        return code;
    ssize_t size = (ssize_t) source->left;
    *ret_data = source->at;
    sdme_archive_source_take(source, source->left);
    return size;
}

/* What is compressed twice is not a tar archive once it is decompressed. */
static int filter_open(struct filter *filter, struct sdme_error *error)
{
    const struct libarchive *library = &filter->library;
    struct archive_entry *entry;

    if (library->archive_read_open(filter->archive, filter, NULL, give_bytes, NULL) != ARCHIVE_OK ||
        library->archive_read_next_header(filter->archive, &entry) != ARCHIVE_OK)
        return filter->source_failed ? -error->code : fail_filter(filter, error);
    if (library->archive_filter_count(filter->archive) != 2)
        return sdme_fail_as(error, SDME_EFORMAT, "%s: not compressed just once", filter->name);
    filter->opened = true;
    return 0;
}

static int filter_read(void *state, struct sdme_archive_source *source, unsigned char *buffer,
                       size_t size, size_t *ret_size, struct sdme_error *error)
{
    struct sdme_error own = {0};
    struct filter *filter = state;
    size_t filled = 0;

    if (!error)
        error = &own;
    filter->source = source;
    filter->error = error;
    int code = filter->opened ? 0 : filter_open(filter, error);
    if (code < 0)
        return code;
    while (filled < size) {
        ssize_t count =
            filter->library.archive_read_data(filter->archive, buffer + filled, size - filled);

        if (count < 0)
            return filter->source_failed ? -error->code : fail_filter(filter, error);
        if (count == 0)
            break;
        filled += (size_t) count;
    }
    *ret_size = filled;
    return 0;
}

const struct sdme_archive_decoder sdme_archive_bzip2 = {"bzip2", bzip2_make, filter_read,
                                                        filter_free};
const struct sdme_archive_decoder sdme_archive_xz = {"xz", xz_make, filter_read, filter_free};
const struct sdme_archive_decoder sdme_archive_lz4 = {"lz4", lz4_make, filter_read, filter_free};
