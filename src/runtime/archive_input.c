/* SPDX-License-Identifier: MIT */
#include "archive_input.h"

#include <string.h>

#include "archive_tar.h"

/* Without limits on the ratio: no more than this can fill a disk. */
#define FREE_OUTPUT (64ULL << 20)

static const struct {
    const struct sdme_archive_decoder *decoder;
    unsigned char magic[6];
    size_t size;
} kinds[] = {
    {&sdme_archive_gzip, {0x1f, 0x8b}, 2},
    {&sdme_archive_bzip2, {'B', 'Z', 'h'}, 3},
    {&sdme_archive_xz, {0xfd, '7', 'z', 'X', 'Z', 0}, 6},
    {&sdme_archive_zstd, {0x28, 0xb5, 0x2f, 0xfd}, 4},
    {&sdme_archive_lz4, {0x04, 0x22, 0x4d, 0x18}, 4},
};

static const char none[] = "none";

struct sdme_archive_input {
    struct sdme_archive_source source;
    const struct sdme_archive_decoder *decoder; /* NULL: the tar stream as it is */
    bool known;                                 /* which of them it is */
    bool undigested;                            /* what is compressed */
    void *states[ELEMENTS(kinds)];
    void *state;
    uint64_t output;
    uint64_t max_ratio;
};

const char *sdme_archive_compression(unsigned int number)
{
    if (number == 0)
        return none;
    return number <= ELEMENTS(kinds) ? kinds[number - 1].decoder->name : NULL;
}

static bool is_compression(const char *text)
{
    for (unsigned int i = 0; sdme_archive_compression(i); i++)
        if (!strcmp(sdme_archive_compression(i), text))
            return true;
    return false;
}

/* The index of a kind, or -1. */
static int kind_of_magic(const unsigned char *data, size_t size)
{
    for (size_t i = 0; i < ELEMENTS(kinds); i++)
        if (size >= kinds[i].size && !memcmp(data, kinds[i].magic, kinds[i].size))
            return (int) i;
    /* Skippable frames of zstd (RFC 8878, 3.1.2), of which some archives have an index in front. */
    if (size >= 4 && (data[0] & 0xf0) == 0x50 && data[1] == 0x2a && data[2] == 0x4d &&
        data[3] == 0x18)
        return kind_of_magic(kinds[3].magic, kinds[3].size);
    return -1;
}

/* Of what may come, -1 for everything: a pipe can't be looked into. */
static int likely_kind(int fd, const char *compression)
{
    unsigned char magic[6];

    for (size_t i = 0; compression && i < ELEMENTS(kinds); i++)
        if (!strcmp(compression, kinds[i].decoder->name))
            return (int) i;
    off_t offset = lseek(fd, 0, SEEK_CUR);
    if (offset < 0 || pread(fd, magic, sizeof magic, offset) != sizeof magic)
        return -1;
    return kind_of_magic(magic, sizeof magic);
}

static int make_decoders(struct sdme_archive_input *input, int fd, const char *compression,
                         struct sdme_error *error)
{
    int likely = likely_kind(fd, compression);

    for (int i = 0; i < (int) ELEMENTS(kinds); i++) {
        if (likely >= 0 && i != likely)
            continue;
        int code = kinds[i].decoder->make(&input->states[i], error);
        if (code < 0)
            return code;
    }
    return 0;
}

static int prepare(struct sdme_archive_input *input, int fd, const char *compression,
                   struct sdme_error *error)
{
    input->source.buffer = malloc(SDME_ARCHIVE_READ);
    if (!input->source.buffer)
        return sdme_fail(error, ENOMEM, "read the archive");
    int code = sdme_digest_new("sha256", &input->source.digest, error);
    if (code < 0 || (compression && !strcmp(compression, none)))
        return code;
    return make_decoders(input, fd, compression, error);
}

static void drop_digest(struct sdme_archive_input *input)
{
    sdme_digest_free(input->source.digest);
    input->source.digest = NULL;
}

static void choose(struct sdme_archive_input *input, int kind)
{
    input->known = true;
    if (kind < 0)
        return;
    if (input->undigested)
        drop_digest(input);
    input->decoder = kinds[kind].decoder;
    input->state = input->states[kind];
}

int sdme_archive_input_new(int fd, const char *compression, uint64_t max_ratio, uint64_t max_window,
                           _Atomic uint64_t *consumed, struct sdme_archive_input **ret_input,
                           struct sdme_error *error)
{
    if (compression && !is_compression(compression))
        return sdme_fail_as(error, EINVAL, "no such compression: %s", compression);
    struct sdme_archive_input *input = calloc(1, sizeof *input);
    if (!input)
        return sdme_fail(error, ENOMEM, "read the archive");
    input->source.fd = fd;
    input->source.consumed = consumed;
    input->source.max_window = max_window;
    input->max_ratio = max_ratio;
    int code = prepare(input, fd, compression, error);
    if (code < 0) {
        sdme_archive_input_free(input);
        return code;
    }
    if (compression)
        choose(input, strcmp(compression, none) ? likely_kind(fd, compression) : -1);
    *ret_input = input;
    return 0;
}

void sdme_archive_input_free(struct sdme_archive_input *input)
{
    if (!input)
        return;
    for (size_t i = 0; i < ELEMENTS(kinds); i++)
        kinds[i].decoder->free(input->states[i]);
    sdme_digest_free(input->source.digest);
    free(input->source.buffer);
    free(input);
}

void sdme_archive_input_leave_undigested(struct sdme_archive_input *input)
{
    input->undigested = true;
    if (input->decoder)
        drop_digest(input);
}

void sdme_archive_input_move(struct sdme_archive_input *input, int fd)
{
    input->source.fd = fd;
}

/* A name in a tar header may begin with anything, so that comes first. */
static int detect(struct sdme_archive_input *input, struct sdme_error *error)
{
    struct sdme_archive_source *source = &input->source;

    int code = sdme_archive_source_want(source, SDME_TAR_BLOCK, error);
    if (code < 0)
        return code;
    if (code == 0)
        return sdme_fail_as(error, SDME_EFORMAT, "the archive is empty");
    if (source->left >= SDME_TAR_BLOCK && sdme_tar_is_header(source->at)) {
        choose(input, -1);
        return 0;
    }
    int kind = kind_of_magic(source->at, source->left);
    if (kind < 0)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "this is no tar archive, neither plain nor compressed with gzip, "
                            "bzip2, xz, zstd or lz4");
    if (!input->states[kind]) /* the file is not what it was a moment ago */
        return sdme_fail(error, EBUSY, "read the archive");
    choose(input, kind);
    return 0;
}

static int read_plain(struct sdme_archive_source *source, unsigned char *buffer, size_t size,
                      size_t *ret_size, struct sdme_error *error)
{
    size_t filled = 0;

    while (filled < size) {
        int code = sdme_archive_source_fill(source, error);
        if (code < 0)
            return code;
        if (code == 0)
            break;
        size_t count = source->left < size - filled ? source->left : size - filled;
        memcpy(buffer + filled, source->at, count);
        sdme_archive_source_take(source, count);
        filled += count;
    }
    *ret_size = filled;
    return 0;
}

int sdme_archive_input_read(struct sdme_archive_input *input, unsigned char *buffer, size_t size,
                            size_t *ret_size, struct sdme_error *error)
{
    struct sdme_archive_source *source = &input->source;

    int code = input->known ? 0 : detect(input, error);
    if (code < 0)
        return code;
    if (!input->decoder)
        return read_plain(source, buffer, size, ret_size, error);
    code = input->decoder->read(input->state, source, buffer, size, ret_size, error);
    if (code < 0)
        return code;
    input->output += *ret_size;
    if (input->output > FREE_OUTPUT && input->max_ratio > 0 &&
        input->output / input->max_ratio > sdme_archive_source_offset(source))
        return sdme_fail_as(error, EFBIG,
                            "%s: the data expands to more than %llu times its size, the limit on "
                            "the ratio",
                            input->decoder->name, (unsigned long long) input->max_ratio);
    return 0;
}

unsigned int sdme_archive_input_compression(const struct sdme_archive_input *input)
{
    for (unsigned int i = 0; i < ELEMENTS(kinds); i++)
        if (kinds[i].decoder == input->decoder)
            return i + 1;
    return 0;
}

bool sdme_archive_input_is_plain(const struct sdme_archive_input *input)
{
    return !input->decoder;
}

int sdme_archive_input_digest(struct sdme_archive_input *input, char ret_hex[SDME_DIGEST_HEX],
                              uint64_t *ret_consumed, struct sdme_error *error)
{
    unsigned char value[SDME_DIGEST_MAX];
    size_t size;

    *ret_consumed = input->source.read;
    ret_hex[0] = '\0';
    if (!input->source.digest)
        return 0;
    int code = sdme_digest_value(input->source.digest, value, &size, error);
    if (code < 0)
        return code;
    sdme_digest_hex(value, size, ret_hex);
    return 0;
}
