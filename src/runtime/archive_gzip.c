/* SPDX-License-Identifier: MIT */
#include "archive_source.h"

#include <isa-l/igzip_lib.h>
#include <string.h>
#include <zlib.h>

#include "library.h"

#define ISAL_FUNCTIONS(X) X(isal_inflate_init) X(isal_inflate_reset) X(isal_inflate)
#define ZLIB_FUNCTIONS(X) X(inflateInit2_) X(inflateReset) X(inflate) X(inflateEnd)

struct isal {
    ISAL_FUNCTIONS(SDME_LIBRARY_MEMBER)
};
struct zlib {
    ZLIB_FUNCTIONS(SDME_LIBRARY_MEMBER)
};

static const char *const isal_names[] = {ISAL_FUNCTIONS(SDME_LIBRARY_NAME) NULL};
static const char *const zlib_names[] = {ZLIB_FUNCTIONS(SDME_LIBRARY_NAME) NULL};

/* What a step has done with the member. */
enum step { STEP_GOES_ON, STEP_ENDED, STEP_BROKEN, STEP_BAD_CHECKSUM, STEP_NO_MEMORY };

struct gzip {
    bool is_isal;
    bool inside; /* a member */
    bool first;
    struct isal isal;
    struct zlib zlib;
    z_stream stream;
    struct inflate_state state;
};

static int gzip_make_zlib(void **ret_state, struct sdme_error *error)
{
    _cleanup_free_ struct gzip *gzip = calloc(1, sizeof *gzip);

    if (!gzip)
        return sdme_fail(error, ENOMEM, "gzip");
    int code = sdme_library_load("libz.so.1", zlib_names, &gzip->zlib, error);
    if (code < 0)
        return code;
    if (gzip->zlib.inflateInit2_(&gzip->stream, 16 + MAX_WBITS, ZLIB_VERSION,
                                 (int) sizeof gzip->stream) != Z_OK)
        return sdme_fail(error, ENOMEM, "gzip");
    gzip->first = true;
    *ret_state = SDME_TAKE(gzip);
    return 0;
}

static int gzip_make(void **ret_state, struct sdme_error *error)
{
    _cleanup_free_ struct gzip *gzip = calloc(1, sizeof *gzip);

    if (!gzip)
        return sdme_fail(error, ENOMEM, "gzip");
    if (sdme_library_load("libisal.so.2", isal_names, &gzip->isal, NULL) < 0)
        return gzip_make_zlib(ret_state, error);
    gzip->isal.isal_inflate_init(&gzip->state);
    gzip->is_isal = gzip->first = true;
    *ret_state = SDME_TAKE(gzip);
    return 0;
}

static void gzip_free(void *state)
{
    struct gzip *gzip = state;

    if (gzip && !gzip->is_isal)
        gzip->zlib.inflateEnd(&gzip->stream);
    free(gzip);
}

static enum step step_isal(struct gzip *gzip, const unsigned char **in, size_t *in_size,
                           unsigned char **out, size_t *out_size)
{
    struct inflate_state *state = &gzip->state;

    state->next_in = (uint8_t *) (uintptr_t) *in;
    state->avail_in = (uint32_t) *in_size;
    state->next_out = *out;
    state->avail_out = (uint32_t) *out_size;
    int result = gzip->isal.isal_inflate(state);
    if (result < 0) /* what it says of the buffers is wrong then: avail_in may wrap */
        return result == ISAL_INCORRECT_CHECKSUM ? STEP_BAD_CHECKSUM : STEP_BROKEN;
    *in = state->next_in;
    *in_size = state->avail_in;
    *out = state->next_out;
    *out_size = state->avail_out;
    return state->block_state == ISAL_BLOCK_FINISH ? STEP_ENDED : STEP_GOES_ON;
}

static enum step step_zlib(struct gzip *gzip, const unsigned char **in, size_t *in_size,
                           unsigned char **out, size_t *out_size)
{
    z_stream *stream = &gzip->stream;

    stream->next_in = (Bytef *) (uintptr_t) *in;
    stream->avail_in = (uInt) *in_size;
    stream->next_out = *out;
    stream->avail_out = (uInt) *out_size;
    int result = gzip->zlib.inflate(stream, Z_NO_FLUSH);
    *in = stream->next_in;
    *in_size = stream->avail_in;
    *out = stream->next_out;
    *out_size = stream->avail_out;
    if (result == Z_MEM_ERROR)
        return STEP_NO_MEMORY;
    if (result == Z_STREAM_END)
        return STEP_ENDED;
    if (result == Z_OK || result == Z_BUF_ERROR)
        return STEP_GOES_ON;
    return stream->msg && !strcmp(stream->msg, "incorrect data check") ? STEP_BAD_CHECKSUM
                                                                       : STEP_BROKEN;
}

static void begin_member(struct gzip *gzip)
{
    if (gzip->is_isal) {
        gzip->isal.isal_inflate_reset(&gzip->state);
        gzip->state.crc_flag = ISAL_GZIP;
    } else {
        gzip->zlib.inflateReset(&gzip->stream);
    }
    gzip->inside = true;
    gzip->first = false;
}

static int skip_zeros(struct sdme_archive_source *source, struct sdme_error *error)
{
    int code;

    while ((code = sdme_archive_source_fill(source, error)) > 0) {
        if (*source->at != 0)
            return sdme_fail_as(error, SDME_EFORMAT, "gzip: garbage behind the data at offset %llu",
                                (unsigned long long) sdme_archive_source_offset(source));
        sdme_archive_source_take(source, 1);
    }
    return code;
}

/* Between two members: 1 if another one begins, 0 at the end. */
static int next_member(struct gzip *gzip, struct sdme_archive_source *source,
                       struct sdme_error *error)
{
    int code = sdme_archive_source_fill(source, error);

    if (code <= 0)
        return code < 0 || !gzip->first ? code : sdme_fail_as(error, SDME_EFORMAT, "gzip: no data");
    if (*source->at != 0x1f && !gzip->first)
        return skip_zeros(source, error);
    begin_member(gzip);
    return 1;
}

static int fail_step(enum step step, const struct sdme_archive_source *source,
                     struct sdme_error *error)
{
    unsigned long long offset = sdme_archive_source_offset(source);

    if (step == STEP_NO_MEMORY)
        return sdme_fail(error, ENOMEM, "gzip");
    if (step == STEP_BAD_CHECKSUM)
        return sdme_fail_as(error, SDME_EFORMAT, "gzip: the checksum behind offset %llu is wrong",
                            offset);
    return sdme_fail_as(error, SDME_EFORMAT, "gzip: damaged behind offset %llu", offset);
}

static int gzip_read(void *state, struct sdme_archive_source *source, unsigned char *buffer,
                     size_t size, size_t *ret_size, struct sdme_error *error)
{
    struct gzip *gzip = state;
    unsigned char *out = buffer;
    size_t left = size;

    while (left > 0) {
        int code = gzip->inside ? sdme_archive_source_fill(source, error)
                                : next_member(gzip, source, error);
        if (code < 0)
            return code;
        if (!gzip->inside)
            break;
        size_t had = source->left, room = left;
        enum step step = gzip->is_isal ? step_isal(gzip, &source->at, &source->left, &out, &left)
                                       : step_zlib(gzip, &source->at, &source->left, &out, &left);
        if (step == STEP_ENDED)
            gzip->inside = false;
        else if (step != STEP_GOES_ON)
            return fail_step(step, source, error);
        else if (code == 0 && room == left && had == source->left)
            return sdme_fail_as(error, SDME_EFORMAT, "gzip: truncated at offset %llu",
                                (unsigned long long) sdme_archive_source_offset(source));
    }
    *ret_size = size - left;
    return 0;
}

const struct sdme_archive_decoder sdme_archive_gzip = {"gzip", gzip_make, gzip_read, gzip_free};
const struct sdme_archive_decoder sdme_archive_zlib = {"gzip", gzip_make_zlib, gzip_read,
                                                       gzip_free};
