/* SPDX-License-Identifier: MIT */
#include "runtime/archive_pack_header.h"

#include "fuzz.h"

/*
 * Numbers, then a path, a link and the name of an attribute, each with a NUL, and its value, which
 * is taken for an ACL too. What comes out must be whole blocks with right checksums, and records
 * that lie one behind the other.
 */

static void check_block(const unsigned char *block)
{
    unsigned int sum = 0;

    for (size_t i = 0; i < SDME_PACK_BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : block[i];
    MUST(strtoul((const char *) block + 148, NULL, 8) == sum);
    MUST(!memcmp(block + 257,
                 "ustar\0"
                 "00",
                 8));
}

static void check_records(const char *records, size_t size)
{
    for (size_t at = 0; at < size;) {
        char *end;
        size_t length = strtoul(records + at, &end, 10);

        MUST(*end == ' ' && length > 0 && length <= size - at);
        MUST(memchr(end, '=', (size_t) (records + at + length - end)));
        MUST(records[at + length - 1] == '\n');
        at += length;
    }
}

static void check_header(const unsigned char *data, size_t size)
{
    MUST(size >= SDME_PACK_BLOCK && size % SDME_PACK_BLOCK == 0);
    if (size > SDME_PACK_BLOCK) {
        char octal[13] = {0};

        check_block(data);
        MUST(data[156] == 'x');
        memcpy(octal, data + 124, 12);
        size_t length = strtoul(octal, NULL, 8);
        MUST((length + SDME_PACK_BLOCK - 1) / SDME_PACK_BLOCK + 2 == size / SDME_PACK_BLOCK);
        check_records((const char *) data + SDME_PACK_BLOCK, length);
    }
    check_block(data + size - SDME_PACK_BLOCK);
}

/* The text up to the next NUL, which @data is moved behind. */
static char *take_text(const uint8_t **data, size_t *size)
{
    char *text = to_text(*data, *size);
    size_t taken = strlen(text) + 1;

    taken = taken > *size ? *size : taken;
    *data += taken;
    *size -= taken;
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sdme_shift shift = {.from = 524288, .to = 0, .count = 65536};
    struct sdme_pack_header header = {0};
    struct sdme_pack_header_entry entry;
    const void *result;
    size_t result_size;
    uint64_t numbers[5];

    if (size < sizeof numbers)
        return 0;
    memcpy(numbers, data, sizeof numbers);
    data += sizeof numbers;
    size -= sizeof numbers;
    char *path = take_text(&data, &size), *link = take_text(&data, &size),
         *name = take_text(&data, &size);
    entry = (struct sdme_pack_header_entry){
        .type = SDME_PACK_FILE,
        .path = path,
        .link = *link ? link : NULL,
        .uid = (uint32_t) numbers[0],
        .gid = (uint32_t) (numbers[0] >> 32),
        .mtime = (int64_t) numbers[1],
        .mtime_nsec = (uint32_t) (numbers[2] % 1000000000),
        .size = numbers[3] >> 1,
        .sparse = numbers[2] >> 63,
        .real_size = numbers[4] >> 1,
    };
    if (strlen(name) <= 255)
        sdme_pack_header_add_attribute(&header, name, data, size);
    void *value = malloc(size + 1);
    memcpy(value, data, size);
    sdme_pack_header_add_acl(&header, "system.posix_acl_access", value, size, &shift);
    if (sdme_pack_header_finish(&header, &entry, &result, &result_size) >= 0)
        check_header(result, result_size);
    sdme_pack_header_free(&header);
    free(value);
    free(path);
    free(link);
    free(name);
    return 0;
}
