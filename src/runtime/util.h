/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_UTIL_H
#define SDME_RUNTIME_UTIL_H

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "error.h"

#define ELEMENTS(array) (sizeof(array) / sizeof *(array))
#define _cleanup_(function) __attribute__((cleanup(function)))

/* Closes and returns -1, so that `fd = sdme_close(fd)` can't close twice. errno stays. */
static inline int sdme_close(int fd)
{
    if (fd >= 0) {
        int saved = errno;
        close(fd);
        errno = saved;
    }
    return -1;
}

static inline void sdme_closep(int *fd)
{
    *fd = sdme_close(*fd);
}

static inline void sdme_freep(void *pointer)
{
    free(*(void **) pointer);
}

static inline void sdme_closedirp(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static inline void sdme_fclosep(FILE **file)
{
    if (*file)
        fclose(*file);
}

#define _cleanup_close_ _cleanup_(sdme_closep)
#define _cleanup_free_ _cleanup_(sdme_freep)
#define _cleanup_closedir_ _cleanup_(sdme_closedirp)
#define _cleanup_fclose_ _cleanup_(sdme_fclosep)

/* Hands a descriptor over: its value now, -1 to be cleaned up later. */
static inline int sdme_take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

static inline void *sdme_take_pointer_(void **pointer)
{
    void *taken = *pointer;
    *pointer = NULL;
    return taken;
}

#define SDME_TAKE(pointer) ((__typeof__(pointer)) sdme_take_pointer_((void **) &(pointer)))

/* The static analyser sees one file at a time and has to be told that a failure is negative. */
#ifdef __clang_analyzer__
#define sdme_fail(...) (sdme_fail(__VA_ARGS__), -1)
#define sdme_fail_as(...) (sdme_fail_as(__VA_ARGS__), -1)
#define sdme_fail_in(...) (sdme_fail_in(__VA_ARGS__), -1)
#endif

/*
 * What a long operation looks at between two steps: whoever runs it sets `requested` from a signal
 * handler or another thread, and the operation ends with -ECANCELED and cleans up.
 */
struct sdme_cancel {
    atomic_int requested;
};

static inline bool sdme_cancelled(const struct sdme_cancel *cancel)
{
    return cancel && atomic_load_explicit(&cancel->requested, memory_order_relaxed) != 0;
}

#endif
