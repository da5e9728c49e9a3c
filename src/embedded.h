/* SPDX-License-Identifier: MIT */
#ifndef SDME_EMBEDDED_H
#define SDME_EMBEDDED_H

#include <stddef.h>

/* The Lua floor inside the interpreter and libsdme, written by embed.lua, in the order of names. */
struct sdme_embedded {
    const char *name; /* as `require` takes it */
    const unsigned char *code;
    size_t size;
};

extern const struct sdme_embedded sdme_embedded[];
extern const size_t sdme_embedded_count;

#endif
