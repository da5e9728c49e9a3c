/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ERROR_H
#define SDME_RUNTIME_ERROR_H

#include <stddef.h>

/*
 * How every runtime function fails: it returns a negative code and fills a message that names the
 * thing that failed. A code is an errno, or one of the numbers below, which lie above every errno
 * (the kernel reserves 1..4095, see errno(3)).
 */
enum {
    SDME_EUNSUPPORTED = 5000, /* this kernel, filesystem or systemd can't do it */
    SDME_EDIGEST,             /* content is not what its digest says */
    SDME_EFORMAT,             /* input that breaks the rules of its format */
};

struct sdme_error {
    int code;           /* positive: an errno, or one of the above; 0 while nothing failed */
    char message[1024]; /* one line, without a final newline; control characters became '?' */
};

/*
 * Records "MESSAGE: WHY" where WHY is the text of @code, and returns -|code|, so that a caller can
 * write `return sdme_fail(error, -errno, "open %s", path)`. @code may have either sign. @error may
 * be NULL.
 */
int sdme_fail(struct sdme_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, but the message is complete: nothing is appended to it. */
int sdme_fail_as(struct sdme_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "PREFIX: " in front of the message of a failed call that @error already holds. */
int sdme_fail_in(struct sdme_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "ENOENT", "EUNSUPPORTED", ...: a static string; "E<number>" is never returned: "EUNKNOWN" is. */
const char *sdme_error_name(int code);

/* The number of an errno name or one of ours, 0 if there is none. */
int sdme_error_number(const char *name);

#endif
