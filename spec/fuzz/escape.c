/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <stdbool.h>

#include "runtime/pty.h"

enum { ESCAPE = 0x1d };

/* Pairs of bytes: eighths of a second that pass, and what is typed then. */
static bool is_escaped(const uint8_t *pairs, size_t count)
{
    unsigned int now = 0, times[2] = {0};
    size_t row = 0;

    for (size_t i = 0; i < count; i++) {
        now += pairs[2 * i] % 16;
        if (pairs[2 * i + 1] != ESCAPE) {
            row = 0;
            continue;
        }
        if (row >= 2 && now - times[row % 2] <= 8)
            return true;
        times[row++ % 2] = now;
    }
    return false;
}

/* It comes out the same as when looked at plainly, however the input is cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sdme_escape escape = SDME_ESCAPE_NONE;
    size_t count = size / 2;
    unsigned int now = 0;
    bool found = false;
    char *typed = malloc(count + 1);

    MUST(typed);
    for (size_t i = 0; i < count && !found;) {
        size_t length = 0;

        now += data[2 * i] % 16;
        do
            typed[length++] = (char) data[2 * i++ + 1];
        while (i < count && data[2 * i] % 16 == 0);
        found = sdme_escape_scan(&escape, typed, length, now / 8.0);
    }
    MUST(found == is_escaped(data, count));
    free(typed);
    return 0;
}
