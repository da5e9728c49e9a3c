/* SPDX-License-Identifier: MIT */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    int code;
    const char *name;
    const char *text;
} own_errors[] = {
    {SDME_EUNSUPPORTED, "EUNSUPPORTED", "not supported here"},
    {SDME_EDIGEST, "EDIGEST", "digest mismatch"},
    {SDME_EFORMAT, "EFORMAT", "malformed"},
};

static const char *error_text(int code, char *buffer, size_t size)
{
    for (size_t i = 0; i < sizeof own_errors / sizeof *own_errors; i++)
        if (own_errors[i].code == code)
            return own_errors[i].text;
    return strerror_r(code, buffer, size);
}

const char *sdme_error_name(int code)
{
    code = abs(code);
    for (size_t i = 0; i < sizeof own_errors / sizeof *own_errors; i++)
        if (own_errors[i].code == code)
            return own_errors[i].name;
    const char *name = strerrorname_np(code);
    return name ? name : "EUNKNOWN";
}

int sdme_error_number(const char *name)
{
    for (size_t i = 0; i < sizeof own_errors / sizeof *own_errors; i++)
        if (!strcmp(own_errors[i].name, name))
            return own_errors[i].code;
    for (int code = 1; code < 134; code++) {
        const char *candidate = strerrorname_np(code);
        if (candidate && !strcmp(candidate, name))
            return code;
    }
    return 0;
}

/* Messages have names in them that somebody else chose: nothing of those may steer a terminal. */
static void keep_printable(char *text)
{
    for (unsigned char *at = (unsigned char *) text; *at; at++) {
        if (*at < ' ' || *at == 0x7f) {
            *at = '?';
        } else if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f) { /* U+0080..9F in UTF-8 */
            at[0] = at[1] = '?';
        }
    }
}

static void append_reason(struct sdme_error *error)
{
    char buffer[128];
    size_t used = strlen(error->message);

    snprintf(error->message + used, sizeof error->message - used, "%s%s", used ? ": " : "",
             error_text(error->code, buffer, sizeof buffer));
}

static void describe(struct sdme_error *error, int code, const char *format, va_list arguments)
{
    error->code = abs(code);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    keep_printable(error->message);
}

int sdme_fail(struct sdme_error *error, int code, const char *format, ...)
{
    va_list arguments;

    if (!error)
        return -abs(code);
    va_start(arguments, format);
    describe(error, code, format, arguments);
    va_end(arguments);
    append_reason(error);
    return -abs(code);
}

int sdme_fail_as(struct sdme_error *error, int code, const char *format, ...)
{
    va_list arguments;

    if (!error)
        return -abs(code);
    va_start(arguments, format);
    describe(error, code, format, arguments);
    va_end(arguments);
    return -abs(code);
}

int sdme_fail_in(struct sdme_error *error, int code, const char *format, ...)
{
    char message[sizeof error->message];
    va_list arguments;
    int length;

    code = abs(code);
    if (!error)
        return -code;
    memcpy(message, error->message, sizeof message);
    va_start(arguments, format);
    length = vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    keep_printable(error->message);
    if (length >= 0 && (size_t) length < sizeof error->message)
        snprintf(error->message + length, sizeof error->message - (size_t) length, ": %.*s",
                 (int) (sizeof message - (size_t) length), message);
    return -code;
}
