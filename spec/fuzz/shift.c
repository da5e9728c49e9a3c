/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/shift.h"

/*
 * The first byte chooses the attribute, the rest is its value, in a buffer of exactly the size that
 * is promised. Shifting there and back again must give what was before.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run(const char *name, const uint8_t *data, size_t size, size_t room)
{
    static const struct sdme_shift to = {.from = 0, .to = 524288, .count = 65536};
    static const struct sdme_shift back = {.from = 524288, .to = 0, .count = 65536};
    unsigned char *value = malloc(room + 1), *before = malloc(size + 1);
    size_t length = size;

    memcpy(value, data, size);
    int code = sdme_shift_attribute(&back, name, value, &length, room);
    if (code >= 0) {
        size_t first = length;

        memcpy(before, value, length < size ? length : size);
        if (length > room || sdme_shift_attribute(&to, name, value, &length, room) < 0 ||
            sdme_shift_attribute(&back, name, value, &length, room) < 0)
            abort();
        if (length == first && first <= size && memcmp(before, value, length) != 0)
            abort();
    }
    free(value);
    free(before);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t length = size - 1;

    switch (data[0] % 3) {
    case 0:
        return run("system.posix_acl_access", data + 1, length, length);
    case 1:
        return run("system.posix_acl_default", data + 1, length, length);
    default:
        return run("security.capability", data + 1, length,
                   length > SDME_SHIFT_CAPABILITY_MAX ? length : SDME_SHIFT_CAPABILITY_MAX);
    }
}
