/* SPDX-License-Identifier: MIT */
/* Bytes that end nowhere but at their length, and the little of string.h that is needed. */
#ifndef SDME_GUEST_TEXT_H
#define SDME_GUEST_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    const char *bytes;
    size_t length;
};

struct text text_of(const char *string);
bool text_equal(struct text a, struct text b);

/* Cuts the first field off @rest, which ends at @separator or the end; false if none is left. */
bool text_cut(struct text *rest, char separator, struct text *ret_field);

bool text_is_decimal(struct text text);

/* A decimal number up to @most. false for anything else: signs, spaces, nothing, too much. */
bool text_to_number(struct text text, uint64_t most, uint64_t *ret_number);

/* Writes @number in decimal and a NUL; returns the length. @buffer has 21 bytes. */
size_t text_from_number(uint64_t number, char *buffer);

/* Writes the three one after another and a NUL, for which @buffer must have room. */
void text_join(char *buffer, const char *first, struct text middle, const char *last);

#endif
