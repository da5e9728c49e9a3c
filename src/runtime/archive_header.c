/* SPDX-License-Identifier: MIT */
#include "archive_header.h"

#include <string.h>

bool sdme_tar_is_zero(const unsigned char *block)
{
    return block[0] == 0 && !memcmp(block, block + 1, SDME_TAR_BLOCK - 1);
}

bool sdme_tar_number(const char *field, size_t size, int64_t *ret_number)
{
    size_t i = 0;
    int64_t number = 0;

    if (field[0] & 0x80) {
        number = field[0] & 0x40 ? -1 : 0;
        for (; i < size; i++) {
            unsigned char byte = (unsigned char) field[i];

            if (i == 0)
                byte = byte & 0x40 ? byte : byte & 0x3f;
            if (__builtin_mul_overflow(number, 256, &number))
                return false;
            number |= byte;
        }
        *ret_number = number;
        return true;
    }
    while (i < size && field[i] == ' ')
        i++;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
        number = number * 8 + (field[i] - '0');
    for (; i < size; i++)
        if (field[i] != ' ' && field[i] != '\0')
            return false;
    *ret_number = number;
    return true;
}

/* Some old writers added signed bytes. */
bool sdme_tar_has_checksum(const struct sdme_tar_header *header)
{
    const unsigned char *bytes = (const unsigned char *) header;
    size_t start = offsetof(struct sdme_tar_header, checksum),
           end = start + sizeof header->checksum;
    int64_t expected, sum = 0, signed_sum = 0;

    for (size_t i = 0; i < sizeof *header; i++) {
        unsigned char byte = i >= start && i < end ? ' ' : bytes[i];

        sum += byte;
        signed_sum += (int8_t) byte;
    }
    return SDME_TAR_NUMBER(header->checksum, &expected) &&
           (expected == sum || expected == signed_sum);
}

bool sdme_tar_is_header(const unsigned char *block)
{
    struct sdme_tar_header header;

    memcpy(&header, block, sizeof header);
    return sdme_tar_is_zero(block) || sdme_tar_has_checksum(&header);
}

int sdme_tar_fail_field(struct sdme_error *error, const char *field)
{
    return sdme_fail_as(error, SDME_EFORMAT, "the header has no valid %s", field);
}

int sdme_tar_fail_truncated(struct sdme_error *error)
{
    return sdme_fail_as(error, SDME_EFORMAT, "the archive is truncated");
}
