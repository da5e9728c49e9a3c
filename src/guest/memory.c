/* SPDX-License-Identifier: MIT */
/* What a compiler calls of its own accord (gcc's manual, "Standards", freestanding environment). */
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((char *) to)[i] = ((const char *) from)[i];
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    if ((const char *) to < (const char *) from)
        return memcpy(to, from, size);
    while (size-- > 0)
        ((char *) to)[size] = ((const char *) from)[size];
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((char *) to)[i] = (char) byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *left = a, *right = b;

    for (size_t i = 0; i < size; i++)
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    return 0;
}
