/* SPDX-License-Identifier: MIT */
#include "archive_pack_compress.h"

#include <archive.h>
#include <archive_entry.h>
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "library.h"
#include "util.h"

#define ZLIB(X)                                                                                    \
    X(deflateInit2_)                                                                               \
    X(deflate)                                                                                     \
    X(deflateReset)                                                                                \
    X(deflateSetDictionary)                                                                        \
    X(deflateEnd)                                                                                  \
    X(crc32)                                                                                       \
    X(crc32_combine64)

#define ZSTD(X)                                                                                    \
    X(ZSTD_createCCtx)                                                                             \
    X(ZSTD_freeCCtx)                                                                               \
    X(ZSTD_CCtx_setParameter)                                                                      \
    X(ZSTD_compressStream2)                                                                        \
    X(ZSTD_isError)                                                                                \
    X(ZSTD_getErrorName)

#define ARCHIVE(X)                                                                                 \
    X(archive_write_new)                                                                           \
    X(archive_write_free)                                                                          \
    X(archive_write_add_filter_bzip2)                                                              \
    X(archive_write_add_filter_xz)                                                                 \
    X(archive_write_add_filter_lz4)                                                                \
    X(archive_write_set_format_raw)                                                                \
    X(archive_write_set_filter_option)                                                             \
    X(archive_write_set_bytes_per_block)                                                           \
    X(archive_write_set_bytes_in_last_block)                                                       \
    X(archive_write_open)                                                                          \
    X(archive_write_header)                                                                        \
    X(archive_write_data)                                                                          \
    X(archive_write_close)                                                                         \
    X(archive_error_string)                                                                        \
    X(archive_entry_new)                                                                           \
    X(archive_entry_free)                                                                          \
    X(archive_entry_set_filetype)

static const char *const zlib_names[] = {ZLIB(SDME_LIBRARY_NAME) NULL};
static const char *const zstd_names[] = {ZSTD(SDME_LIBRARY_NAME) NULL};
static const char *const archive_names[] = {ARCHIVE(SDME_LIBRARY_NAME) NULL};

enum {
    OUT_STEP = 64 * 1024, /* by which what came out grows */
    GZIP_HEADER_SIZE = 10,
    GZIP_TRAILER_SIZE = 8,
    DEFLATE_BITS = -15,          /* a window of 32 KiB, no header */
    DEFLATE_MEMORY = 8,          /* of 9, zlib's default */
    ZSTD_JOB_SIZE = 1024 * 1024, /* what one of its threads takes; else it follows the level */
};

struct kind {
    const char *name;
    const char *library;
    const char *const *functions;
    int (*open)(struct sdme_compressor *compressor, void **ret_state, struct sdme_error *error);
    int (*block)(struct sdme_compressor *compressor, void *state, struct sdme_block *block,
                 struct sdme_error *error);
    int (*settle)(struct sdme_compressor *compressor, struct sdme_block *block);
    void (*close)(struct sdme_compressor *compressor, void *state);
    int level;
    int level_min;
    int level_max;
    bool parallel;
};

struct sdme_compressor {
    const struct kind *kind;
    int level;
    unsigned int threads;
    union {
        struct {
            ZLIB(SDME_LIBRARY_MEMBER)
        } zlib;
        struct {
            ZSTD(SDME_LIBRARY_MEMBER)
        } zstd;
        struct {
            ARCHIVE(SDME_LIBRARY_MEMBER)
        } archive;
    };
    uint64_t size; /* of what went in, and its checksum: gzip's trailer */
    uint32_t checksum;
};

/* Room for @size more bytes. */
static unsigned char *make_room(struct sdme_block *block, size_t size)
{
    if (block->out_room - block->out_size < size) {
        size_t room = block->out_size + size + OUT_STEP;
        unsigned char *out = realloc(block->out, room);

        if (!out)
            return NULL;
        block->out = out;
        block->out_room = room;
    }
    return block->out + block->out_size;
}

static int append(struct sdme_block *block, const void *data, size_t size)
{
    unsigned char *room = make_room(block, size);

    if (!room)
        return -ENOMEM;
    memcpy(room, data, size);
    block->out_size += size;
    return 0;
}

/*
 * gzip: each block is deflated by itself, with the end of the one before as its dictionary, and
 * ends at a byte: one after the other, they are one stream. RFC 1951 and 1952.
 */
static int gzip_open(struct sdme_compressor *compressor, void **ret_state, struct sdme_error *error)
{
    z_stream *stream = calloc(1, sizeof *stream);

    if (!stream)
        return sdme_fail(error, ENOMEM, "gzip");
    int result = compressor->zlib.deflateInit2_(stream, compressor->level, Z_DEFLATED, DEFLATE_BITS,
                                                DEFLATE_MEMORY, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                                                (int) sizeof *stream);
    if (result != Z_OK) {
        free(stream);
        return sdme_fail(error, result == Z_MEM_ERROR ? ENOMEM : EINVAL, "gzip");
    }
    *ret_state = stream;
    return 0;
}

static void gzip_close(struct sdme_compressor *compressor, void *state)
{
    compressor->zlib.deflateEnd(state);
    free(state);
}

static int gzip_block(struct sdme_compressor *compressor, void *state, struct sdme_block *block,
                      struct sdme_error *error)
{
    z_stream *stream = state;
    int flush = block->last ? Z_FINISH : Z_SYNC_FLUSH;

    block->checksum = (uint32_t) compressor->zlib.crc32(0, block->data, (uInt) block->size);
    compressor->zlib.deflateReset(stream);
    if (block->before_size > 0)
        compressor->zlib.deflateSetDictionary(stream, block->before, (uInt) block->before_size);
    stream->next_in = block->data;
    stream->avail_in = (uInt) block->size;
    do {
        unsigned char *room = make_room(block, OUT_STEP);

        if (!room)
            return sdme_fail(error, ENOMEM, "gzip");
        stream->next_out = room;
        stream->avail_out = OUT_STEP;
        if (compressor->zlib.deflate(stream, flush) == Z_STREAM_ERROR)
            return sdme_fail(error, EIO, "gzip");
        block->out_size += OUT_STEP - stream->avail_out;
    } while (stream->avail_out == 0);
    return 0;
}

static int gzip_settle(struct sdme_compressor *compressor, struct sdme_block *block)
{
    /* No name and no time; made on Unix. */
    static const unsigned char header[GZIP_HEADER_SIZE] = {0x1f, 0x8b, Z_DEFLATED, [9] = 3};
    uint32_t trailer[2];

    if (compressor->size == 0) {
        if (!make_room(block, sizeof header))
            return -ENOMEM;
        memmove(block->out + sizeof header, block->out, block->out_size);
        memcpy(block->out, header, sizeof header);
        block->out_size += sizeof header;
    }
    compressor->checksum = (uint32_t) compressor->zlib.crc32_combine64(
        compressor->checksum, block->checksum, (z_off64_t) block->size);
    compressor->size += block->size;
    if (!block->last)
        return 0;
    _Static_assert(sizeof trailer == GZIP_TRAILER_SIZE, "gzip trailer");
    trailer[0] = htole32(compressor->checksum);
    trailer[1] = htole32((uint32_t) compressor->size);
    return append(block, trailer, sizeof trailer);
}

/* zstd: with workers, the same comes out whatever their number is, but not without any. */
static int zstd_open(struct sdme_compressor *compressor, void **ret_state, struct sdme_error *error)
{
    const struct {
        ZSTD_cParameter parameter;
        int value;
    } parameters[] = {
        {ZSTD_c_compressionLevel, compressor->level},
        {ZSTD_c_checksumFlag, 1},
        {ZSTD_c_nbWorkers, (int) compressor->threads},
        {ZSTD_c_jobSize, ZSTD_JOB_SIZE},
    };
    ZSTD_CCtx *context = compressor->zstd.ZSTD_createCCtx();

    if (!context)
        return sdme_fail(error, ENOMEM, "zstd");
    for (size_t i = 0; i < ELEMENTS(parameters); i++) {
        size_t result = compressor->zstd.ZSTD_CCtx_setParameter(context, parameters[i].parameter,
                                                                parameters[i].value);

        if (compressor->zstd.ZSTD_isError(result)) {
            compressor->zstd.ZSTD_freeCCtx(context);
            return sdme_fail_as(error, SDME_EUNSUPPORTED, "zstd: %s",
                                compressor->zstd.ZSTD_getErrorName(result));
        }
    }
    *ret_state = context;
    return 0;
}

static void zstd_close(struct sdme_compressor *compressor, void *state)
{
    compressor->zstd.ZSTD_freeCCtx(state);
}

static int zstd_block(struct sdme_compressor *compressor, void *state, struct sdme_block *block,
                      struct sdme_error *error)
{
    ZSTD_EndDirective directive = block->last ? ZSTD_e_end : ZSTD_e_continue;
    ZSTD_inBuffer in = {.src = block->data, .size = block->size};
    size_t left;

    do {
        ZSTD_outBuffer out = {.dst = make_room(block, OUT_STEP), .size = OUT_STEP};

        if (!out.dst)
            return sdme_fail(error, ENOMEM, "zstd");
        left = compressor->zstd.ZSTD_compressStream2(state, &out, &in, directive);
        if (compressor->zstd.ZSTD_isError(left))
            return sdme_fail_as(error, EIO, "zstd: %s", compressor->zstd.ZSTD_getErrorName(left));
        block->out_size += out.pos;
    } while (in.pos < in.size || (block->last && left > 0));
    return 0;
}

/* The others: an archive of libarchive's "raw" format, which is nothing but one file's content. */
struct raw {
    struct archive *archive;
    struct sdme_block *block; /* whose output is being made; NULL: nobody wants it */
};

static la_ssize_t raw_write(struct archive *archive, void *context, const void *data, size_t size)
{
    struct raw *raw = context;

    (void) archive;
    return raw->block && append(raw->block, data, size) < 0 ? -1 : (la_ssize_t) size;
}

static void raw_close(struct sdme_compressor *compressor, void *state)
{
    struct raw *raw = state;

    raw->block = NULL; /* freeing an archive finishes it */
    compressor->archive.archive_write_free(raw->archive);
    free(raw);
}

static int raw_fail(struct sdme_compressor *compressor, struct raw *raw, int code,
                    struct sdme_error *error)
{
    const char *why = compressor->archive.archive_error_string(raw->archive);

    return sdme_fail_as(error, code, "%s: %s", compressor->kind->name, why ? why : "it failed");
}

static int raw_add_filter(struct sdme_compressor *compressor, struct raw *raw)
{
    const char *name = compressor->kind->name;
    char level[2] = {(char) ('0' + compressor->level)};
    int result;

    if (!strcmp(name, "bzip2"))
        result = compressor->archive.archive_write_add_filter_bzip2(raw->archive);
    else if (!strcmp(name, "xz"))
        result = compressor->archive.archive_write_add_filter_xz(raw->archive);
    else
        result = compressor->archive.archive_write_add_filter_lz4(raw->archive);
    /* A warning says that another program would do it. */
    return result == ARCHIVE_OK && compressor->archive.archive_write_set_filter_option(
                                       raw->archive, name, "compression-level", level) == ARCHIVE_OK
               ? 0
               : -SDME_EUNSUPPORTED;
}

static int raw_begin(struct sdme_compressor *compressor, struct raw *raw)
{
    struct archive_entry *entry = compressor->archive.archive_entry_new();

    if (!entry)
        return -ENOMEM;
    compressor->archive.archive_entry_set_filetype(entry, AE_IFREG);
    bool done =
        compressor->archive.archive_write_set_format_raw(raw->archive) == ARCHIVE_OK &&
        compressor->archive.archive_write_set_bytes_per_block(raw->archive, 0) == ARCHIVE_OK &&
        compressor->archive.archive_write_set_bytes_in_last_block(raw->archive, 1) == ARCHIVE_OK &&
        compressor->archive.archive_write_open(raw->archive, raw, NULL, raw_write, NULL) ==
            ARCHIVE_OK &&
        compressor->archive.archive_write_header(raw->archive, entry) == ARCHIVE_OK;
    compressor->archive.archive_entry_free(entry);
    return done ? 0 : -EIO;
}

static int raw_open(struct sdme_compressor *compressor, void **ret_state, struct sdme_error *error)
{
    struct raw *raw = calloc(1, sizeof *raw);

    if (raw)
        raw->archive = compressor->archive.archive_write_new();
    if (!raw || !raw->archive) {
        free(raw);
        return sdme_fail(error, ENOMEM, "%s", compressor->kind->name);
    }
    int code = raw_add_filter(compressor, raw);
    if (code < 0) {
        raw_fail(compressor, raw, code, error);
        raw_close(compressor, raw);
        return code;
    }
    *ret_state = raw;
    return 0;
}

static int raw_block(struct sdme_compressor *compressor, void *state, struct sdme_block *block,
                     struct sdme_error *error)
{
    bool first = compressor->size == 0;
    struct raw *raw = state;
    int code = 0;

    raw->block = block;
    compressor->size += block->size;
    if (first)
        code = raw_begin(compressor, raw);
    if (code >= 0 && block->size > 0 &&
        compressor->archive.archive_write_data(raw->archive, block->data, block->size) !=
            (la_ssize_t) block->size)
        code = -EIO;
    if (code >= 0 && block->last &&
        compressor->archive.archive_write_close(raw->archive) != ARCHIVE_OK)
        code = -EIO;
    return code < 0 ? raw_fail(compressor, raw, code, error) : 0;
}

#define RAW                                                                                        \
    .library = "libarchive.so.13", .functions = archive_names, .open = raw_open,                   \
    .block = raw_block, .close = raw_close

/* The usual levels are those of the programs, but for xz: its 6 takes 94 MB, 4 takes 48. */
static const struct kind kinds[] = {
    {.name = "gzip",
     .level = 6,
     .level_min = 1,
     .level_max = 9,
     .library = "libz.so.1",
     .functions = zlib_names,
     .parallel = true,
     .open = gzip_open,
     .block = gzip_block,
     .settle = gzip_settle,
     .close = gzip_close},
    {.name = "zstd",
     .level = 3,
     .level_min = 1,
     .level_max = 19,
     .library = "libzstd.so.1",
     .functions = zstd_names,
     .open = zstd_open,
     .block = zstd_block,
     .close = zstd_close},
    {.name = "bzip2", .level = 9, .level_min = 1, .level_max = 9, RAW},
    {.name = "xz", .level = 4, .level_min = 1, .level_max = 9, RAW},
    {.name = "lz4", .level = 1, .level_min = 1, .level_max = 9, RAW},
};

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < ELEMENTS(kinds); i++)
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    return NULL;
}

int sdme_compressor_new(const char *name, int level, unsigned int threads,
                        struct sdme_compressor **ret_compressor, struct sdme_error *error)
{
    const struct kind *kind = find_kind(name);

    if (!kind)
        return sdme_fail_as(error, EINVAL, "no such compression: %s", name);
    if (level != 0 && (level < kind->level_min || level > kind->level_max))
        return sdme_fail_as(error, EINVAL, "%s has the levels %d to %d, and no %d", name,
                            kind->level_min, kind->level_max, level);
    _cleanup_free_ struct sdme_compressor *compressor = calloc(1, sizeof *compressor);
    if (!compressor)
        return sdme_fail(error, ENOMEM, "%s", name);
    compressor->kind = kind;
    compressor->level = level ? level : kind->level;
    compressor->threads = threads > 0 ? threads : 1;
    int code = sdme_library_load(kind->library, kind->functions, &compressor->zlib, error);
    if (code < 0)
        return code;
    *ret_compressor = SDME_TAKE(compressor);
    return 0;
}

void sdme_compressor_free(struct sdme_compressor *compressor)
{
    free(compressor);
}

unsigned int sdme_compressor_threads(const struct sdme_compressor *compressor)
{
    return compressor->kind->parallel ? compressor->threads : 1;
}

int sdme_compressor_open(struct sdme_compressor *compressor, void **ret_state,
                         struct sdme_error *error)
{
    return compressor->kind->open(compressor, ret_state, error);
}

void sdme_compressor_close(struct sdme_compressor *compressor, void *state)
{
    compressor->kind->close(compressor, state);
}

int sdme_compressor_block(struct sdme_compressor *compressor, void *state, struct sdme_block *block,
                          struct sdme_error *error)
{
    block->out_size = 0;
    return compressor->kind->block(compressor, state, block, error);
}

int sdme_compressor_settle(struct sdme_compressor *compressor, struct sdme_block *block,
                           struct sdme_error *error)
{
    int code = compressor->kind->settle ? compressor->kind->settle(compressor, block) : 0;

    return code < 0 ? sdme_fail(error, code, "%s", compressor->kind->name) : 0;
}
