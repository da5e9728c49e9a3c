/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_LIBRARY_H
#define SDME_RUNTIME_LIBRARY_H

#include "error.h"

/*
 * Shared libraries that are loaded on first use, because loading them all would take ten times as
 * long as sdme itself (curl alone 10 ms).
 *
 * A user lists what it calls, under the names of the library's header, and gets typed pointers:
 *
 *     #define FUNCTIONS(X) X(archive_read_new) X(archive_read_free)
 *     struct libarchive { FUNCTIONS(SDME_LIBRARY_MEMBER) };
 *     static const char *const names[] = {FUNCTIONS(SDME_LIBRARY_NAME) NULL};
 *
 *     struct libarchive archive;
 *     code = sdme_library_load("libarchive.so.13", names, &archive, error);
 */
#define SDME_LIBRARY_MEMBER(function) __typeof__(function) *function;
#define SDME_LIBRARY_NAME(function)   #function,

/*
 * Loads @library (its soname) and puts the addresses of @names (NULL at its end) one after the
 * other into @ret_functions. The library stays until the process ends. -SDME_EUNSUPPORTED if it
 * isn't there, or lacks one of them; then nothing was put.
 */
int sdme_library_load(const char *library, const char *const *names, void *ret_functions,
                      struct sdme_error *error);

#endif
