/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_HEADER_H
#define SDME_RUNTIME_ARCHIVE_HEADER_H

#include <stddef.h>

#include "archive_tar.h"

/* A header: ustar's, with what GNU tar puts where ustar has its prefix. */
struct sdme_tar_header {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[8];
    char user[32];
    char group[32];
    char major[8];
    char minor[8];
    union {
        char prefix[155];
        struct {
            char atime[12];
            char ctime[12];
            char offset[12];
            char names[4];
            char unused;
            struct {
                char offset[12];
                char size[12];
            } extents[4];
            char continues;
            char real_size[12];
        } gnu;
    };
    char padding[12];
};

_Static_assert(sizeof(struct sdme_tar_header) == SDME_TAR_BLOCK, "a header is a block");

/*
 * The number in a field: octal digits between spaces and NULs, or, with the first bit set, a
 * big-endian number in two's complement (GNU tar manual, "Extensions").
 */
bool sdme_tar_number(const char *field, size_t size, int64_t *ret_number);
#define SDME_TAR_NUMBER(field, ret_number) sdme_tar_number(field, sizeof(field), ret_number)

bool sdme_tar_has_checksum(const struct sdme_tar_header *header);
bool sdme_tar_is_zero(const unsigned char *block);

/* -SDME_EFORMAT, without where. */
int sdme_tar_fail_field(struct sdme_error *error, const char *field);
int sdme_tar_fail_truncated(struct sdme_error *error);

#endif
