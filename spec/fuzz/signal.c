/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <signal.h>
#include <stdio.h>

#include "runtime/signal.h"

/* A name that is known has a number that has a name that has that number. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *name = to_text(data, size), buffer[SDME_SIGNAL_NAME_SIZE], prefixed[64];
    int number = sdme_signal_number(name);

    MUST(number >= 0 && number <= SIGRTMAX);
    if (number > 0) {
        MUST(sdme_signal_name(number, buffer) == buffer);
        MUST(strlen(buffer) < sizeof buffer && sdme_signal_number(buffer) == number);
        snprintf(prefixed, sizeof prefixed, "SIG%s", buffer);
        MUST(sdme_signal_number(prefixed) == number);
    }
    free(name);
    return 0;
}
