/* SPDX-License-Identifier: MIT */
#include "text.h"

struct text text_of(const char *string)
{
    struct text text = {string, 0};

    while (string[text.length])
        text.length++;
    return text;
}

bool text_equal(struct text a, struct text b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++)
        if (a.bytes[i] != b.bytes[i])
            return false;
    return true;
}

bool text_cut(struct text *rest, char separator, struct text *ret_field)
{
    size_t end = 0;

    if (!rest->bytes)
        return false;
    while (end < rest->length && rest->bytes[end] != separator)
        end++;
    *ret_field = (struct text){rest->bytes, end};
    if (end == rest->length)
        *rest = (struct text){NULL, 0};
    else
        *rest = (struct text){rest->bytes + end + 1, rest->length - end - 1};
    return true;
}

bool text_is_decimal(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
    return text.length > 0;
}

bool text_to_number(struct text text, uint64_t most, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (!text_is_decimal(text))
        return false;
    for (size_t i = 0; i < text.length; i++) {
        uint64_t digit = (uint64_t) (text.bytes[i] - '0');

        if (number > (most - digit) / 10 || digit > most)
            return false;
        number = number * 10 + digit;
    }
    *ret_number = number;
    return true;
}

size_t text_from_number(uint64_t number, char *buffer)
{
    char digits[20];
    size_t count = 0;

    do {
        digits[count++] = (char) ('0' + number % 10);
        number /= 10;
    } while (number);
    for (size_t i = 0; i < count; i++)
        buffer[i] = digits[count - 1 - i];
    buffer[count] = '\0';
    return count;
}

void text_join(char *buffer, const char *first, struct text middle, const char *last)
{
    while (*first)
        *buffer++ = *first++;
    for (size_t i = 0; i < middle.length; i++)
        *buffer++ = middle.bytes[i];
    while (*last)
        *buffer++ = *last++;
    *buffer = '\0';
}
