/* SPDX-License-Identifier: MIT */
#include "file.h"

#include "system.h"

int file_load(int fd, char *buffer, size_t size, struct text *ret_content)
{
    char beyond;
    size_t length = 0;
    long count;

    do {
        bool full = length == size;

        count = full ? sys_read(fd, &beyond, 1) : sys_read(fd, buffer + length, size - length);
        if (full && count > 0)
            count = -EFBIG;
        else if (count > 0)
            length += (size_t) count;
    } while (count > 0 || count == -EINTR);
    sys_close(fd);
    *ret_content = (struct text){buffer, length};
    return (int) count;
}
