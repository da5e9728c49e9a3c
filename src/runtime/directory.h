/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_DIRECTORY_H
#define SDME_RUNTIME_DIRECTORY_H

#include <stddef.h>

#include "error.h"

/*
 * The whole content of a directory, read at once, so that the directory may change or be closed
 * while it is worked through. "." and ".." are left out.
 */
struct sdme_name {
    unsigned char type; /* DT_REG, ...; DT_UNKNOWN where the filesystem doesn't say: readdir(3) */
    char *name;
};

struct sdme_names {
    struct sdme_name *entries;
    size_t count;
    char *text; /* what the names lie in */
};

/* Reads from the start of the directory @fd (not an O_PATH descriptor); @path is for the message.
 * The caller frees @ret_names. */
int sdme_names_read(int fd, const char *path, struct sdme_names *ret_names,
                    struct sdme_error *error);
void sdme_names_free(struct sdme_names *names);

/* Byte by byte. */
void sdme_names_sort(struct sdme_names *names);

#endif
