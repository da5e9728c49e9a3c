/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include "runtime/error.h"

/*
 * Messages have names in them that came from a rootfs, and end on a terminal: one line, without
 * anything that steers it, whatever is put in.
 */
static void must_be_harmless(const struct sdme_error *error, int code)
{
    const unsigned char *text = (const unsigned char *) error->message;
    size_t length = strnlen(error->message, sizeof error->message);

    MUST(length > 0 && length < sizeof error->message && error->code == code);
    for (size_t i = 0; i < length; i++) {
        MUST(text[i] >= ' ' && text[i] != 0x7f);
        MUST(text[i] != 0xc2 || text[i + 1] < 0x80 || text[i + 1] > 0x9f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sdme_error error = {0};
    char *text = to_text(data, size);
    int code = 1 + (int) (size % 40);
    const char *name = sdme_error_name(code);

    MUST(sdme_fail(&error, -code, "open %s", text) == -code);
    must_be_harmless(&error, code);
    MUST(!strncmp(error.message, "open ", 5));
    MUST(sdme_fail_in(&error, code, "in %s", text) == -code);
    must_be_harmless(&error, code);
    MUST(sdme_fail_as(&error, code, "open %s", text) == -code);
    must_be_harmless(&error, code);
    MUST(sdme_error_number(name) == code);
    int number = sdme_error_number(text);
    MUST(!number || !strcmp(sdme_error_name(number), text));
    free(text);
    return 0;
}
