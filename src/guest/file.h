/* SPDX-License-Identifier: MIT */
#ifndef SDME_GUEST_FILE_H
#define SDME_GUEST_FILE_H

#include "text.h"

/*
 * Reads @fd to its end into @buffer and closes it. A negative errno, -EFBIG for more than @size
 * bytes.
 */
int file_load(int fd, char *buffer, size_t size, struct text *ret_content);

#endif
