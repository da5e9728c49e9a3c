/* SPDX-License-Identifier: MIT */
#include "archive_source.h"

#include <zstd.h>
#include <zstd_errors.h>

#include "library.h"

#define FUNCTIONS(X)                                                                               \
    X(ZSTD_createDStream)                                                                          \
    X(ZSTD_freeDStream)                                                                            \
    X(ZSTD_decompressStream)                                                                       \
    X(ZSTD_DCtx_setParameter)                                                                      \
    X(ZSTD_isError)                                                                                \
    X(ZSTD_getErrorCode)                                                                           \
    X(ZSTD_getErrorName)

struct libzstd {
    FUNCTIONS(SDME_LIBRARY_MEMBER)
};

static const char *const names[] = {FUNCTIONS(SDME_LIBRARY_NAME) NULL};

struct zstd {
    struct libzstd library;
    ZSTD_DStream *stream;
    bool inside; /* a frame, or the library holds back some output */
    bool first;
};

static int zstd_make(void **ret_state, struct sdme_error *error)
{
    _cleanup_free_ struct zstd *zstd = calloc(1, sizeof *zstd);

    if (!zstd)
        return sdme_fail(error, ENOMEM, "zstd");
    int code = sdme_library_load("libzstd.so.1", names, &zstd->library, error);
    if (code < 0)
        return code;
    zstd->stream = zstd->library.ZSTD_createDStream();
    if (!zstd->stream)
        return sdme_fail(error, ENOMEM, "zstd");
    zstd->first = true;
    *ret_state = SDME_TAKE(zstd);
    return 0;
}

static void zstd_free(void *state)
{
    struct zstd *zstd = state;

    if (zstd)
        zstd->library.ZSTD_freeDStream(zstd->stream);
    free(zstd);
}

/* Windows of zstd are powers of two, from 1 KiB on, and a bit more. */
static void limit_window(const struct zstd *zstd, uint64_t bytes)
{
    int log = bytes < 1024 ? 10 : 63 - __builtin_clzll(bytes);

    zstd->library.ZSTD_DCtx_setParameter(zstd->stream, ZSTD_d_windowLogMax, log > 31 ? 31 : log);
}

static int fail_zstd(const struct zstd *zstd, size_t result,
                     const struct sdme_archive_source *source, struct sdme_error *error)
{
    if (zstd->library.ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge)
        return sdme_fail_as(error, ENOBUFS,
                            "zstd: it looks back more than %llu bytes, the limit on the window",
                            (unsigned long long) source->max_window);
    return sdme_fail_as(error, SDME_EFORMAT, "zstd: %s, before offset %llu",
                        zstd->library.ZSTD_getErrorName(result),
                        (unsigned long long) sdme_archive_source_offset(source));
}

/* One of several codecs. NOLINTNEXTLINE(readability-non-const-parameter) */
static int zstd_read(void *state, struct sdme_archive_source *source, unsigned char *buffer,
                     size_t size, size_t *ret_size, struct sdme_error *error)
{
    struct zstd *zstd = state;
    ZSTD_outBuffer out = {buffer, size, 0};

    if (zstd->first)
        limit_window(zstd, source->max_window);
    while (out.pos < out.size) {
        int code = sdme_archive_source_fill(source, error);
        if (code < 0)
            return code;
        if (code == 0 && !zstd->inside && !zstd->first)
            break;
        ZSTD_inBuffer in = {source->at, source->left, 0};
        size_t had = out.pos;
        size_t result = zstd->library.ZSTD_decompressStream(zstd->stream, &out, &in);
        if (zstd->library.ZSTD_isError(result))
            return fail_zstd(zstd, result, source, error);
        sdme_archive_source_take(source, in.pos);
        zstd->first = false;
        zstd->inside = result != 0;
        if (code == 0 && zstd->inside && out.pos == had)
            return sdme_fail_as(error, SDME_EFORMAT, "zstd: truncated at offset %llu",
                                (unsigned long long) sdme_archive_source_offset(source));
    }
    *ret_size = out.pos;
    return 0;
}

const struct sdme_archive_decoder sdme_archive_zstd = {"zstd", zstd_make, zstd_read, zstd_free};
