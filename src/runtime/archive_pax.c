/* SPDX-License-Identifier: MIT */
#include "archive_pax.h"

#include <string.h>

#include "util.h"

enum kind { KIND_TEXT, KIND_NAME, KIND_NUMBER, KIND_TIME };

static const struct {
    const char *name;
    enum kind kind;
    bool global; /* may be said of all entries */
} keys[SDME_PAX_KEYS] = {
    [SDME_PAX_PATH] = {"path", KIND_NAME, false},
    [SDME_PAX_LINK] = {"linkpath", KIND_NAME, false},
    [SDME_PAX_SIZE] = {"size", KIND_NUMBER, false},
    [SDME_PAX_UID] = {"uid", KIND_NUMBER, true},
    [SDME_PAX_GID] = {"gid", KIND_NUMBER, true},
    [SDME_PAX_MTIME] = {"mtime", KIND_TIME, true},
    [SDME_PAX_ATIME] = {"atime", KIND_TIME, true},
    [SDME_PAX_MAJOR] = {"SCHILY.devmajor", KIND_NUMBER, false},
    [SDME_PAX_MINOR] = {"SCHILY.devminor", KIND_NUMBER, false},
    [SDME_PAX_ACL_ACCESS] = {"SCHILY.acl.access", KIND_TEXT, false},
    [SDME_PAX_ACL_DEFAULT] = {"SCHILY.acl.default", KIND_TEXT, false},
    [SDME_PAX_SPARSE_NAME] = {"GNU.sparse.name", KIND_NAME, false},
    [SDME_PAX_SPARSE_REAL_SIZE] = {"GNU.sparse.realsize", KIND_NUMBER, false},
    [SDME_PAX_SPARSE_SIZE] = {"GNU.sparse.size", KIND_NUMBER, false},
    [SDME_PAX_SPARSE_MAJOR] = {"GNU.sparse.major", KIND_NUMBER, false},
    [SDME_PAX_SPARSE_MINOR] = {"GNU.sparse.minor", KIND_NUMBER, false},
    [SDME_PAX_SPARSE_MAP] = {"GNU.sparse.map", KIND_TEXT, false},
};

/*
 * Extended attributes. libarchive writes each one in both ways; what it has of its own is the name
 * as in a URL, and the value in Base64 (archive_write_set_format_pax.c).
 */
static const char attribute_prefix[] = "SCHILY.xattr.";
static const char encoded_prefix[] = "LIBARCHIVE.xattr.";

bool sdme_pax_number(struct sdme_tar_text text, uint64_t *ret_number)
{
    uint64_t number = 0;

    for (size_t i = 0; i < text.size; i++) {
        unsigned int digit = (unsigned int) (unsigned char) text.data[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, digit, &number))
            return false;
    }
    *ret_number = number;
    return text.size > 0;
}

bool sdme_pax_time(struct sdme_tar_text text, struct timespec *ret_time)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    const char *start = text.data + negative, *end = text.data + text.size;
    const char *point = memchr(text.data, '.', text.size);
    struct sdme_tar_text whole = {start, (size_t) ((point ? point : end) - start)};
    uint64_t seconds;
    long nanoseconds = 0;

    if (!sdme_pax_number(whole, &seconds) || seconds > INT64_MAX / 2)
        return false;
    long unit = 100000000;
    for (const char *digit = point ? point + 1 : end; digit < end; digit++, unit /= 10) {
        if (*digit < '0' || *digit > '9')
            return false;
        nanoseconds += (*digit - '0') * unit;
    }
    ret_time->tv_sec = negative ? -(time_t) seconds : (time_t) seconds;
    ret_time->tv_nsec = nanoseconds;
    if (negative && nanoseconds > 0) { /* the nanoseconds always count upwards */
        ret_time->tv_sec--;
        ret_time->tv_nsec = 1000000000 - nanoseconds;
    }
    return true;
}

/* Room for one more: the array, or NULL. */
static void *grow(void **array, size_t *size, size_t count, size_t width)
{
    if (count < *size)
        return *array;
    size_t larger = *size ? *size * 2 : 16;
    void *moved = reallocarray(*array, larger, width);
    if (!moved)
        return NULL;
    *array = moved;
    *size = larger;
    return moved;
}

int sdme_pax_add_extent(struct sdme_pax *pax, uint64_t offset, uint64_t size,
                        struct sdme_error *error)
{
    if (pax->extent_count == SDME_TAR_EXTENTS_MAX)
        return sdme_fail_as(error, SDME_EFORMAT, "a sparse file of more than %d parts",
                            SDME_TAR_EXTENTS_MAX);
    struct sdme_tar_extent *extents =
        grow((void **) &pax->extents, &pax->extent_size, pax->extent_count, sizeof *extents);
    if (!extents)
        return sdme_fail(error, ENOMEM, "a sparse file");
    extents[pax->extent_count++] = (struct sdme_tar_extent){offset, size};
    return 0;
}

/* GNU tar writes '%' and '=' in names of attributes as %25 and %3D. */
static size_t decode_name(char *name)
{
    char *out = name;

    for (const char *in = name; *in; in++, out++) {
        *out = *in;
        if (strncmp(in, "%25", 3) != 0 && strncmp(in, "%3D", 3) != 0)
            continue;
        *out = in[1] == '2' ? '%' : '=';
        in += 2;
    }
    *out = '\0';
    return (size_t) (out - name);
}

static int hexadecimal(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = digit ? strchr(digits, digit | ('A' ^ 'a')) : NULL;

    return found && (digit >= 'A' || (digit >= '0' && digit <= '9')) ? (int) (found - digits) : -1;
}

/* Decodes %XX in place; 0 where that isn't it, or is a NUL. */
static size_t decode_url(char *name)
{
    char *out = name;

    for (const char *in = name; *in; in++) {
        int byte = (unsigned char) *in;

        if (*in == '%') {
            int high = hexadecimal(in[1]), low = high < 0 ? -1 : hexadecimal(in[2]);
            if (low < 0 || high + low == 0)
                return 0;
            byte = high << 4 | low;
            in += 2;
        }
        *out++ = (char) byte;
    }
    *out = '\0';
    return (size_t) (out - name);
}

/* Decodes Base64 in place (RFC 4648, 4), with its padding or without. */
static bool decode_base64(char *text, size_t size, size_t *ret_size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned int bits = 0, count = 0;
    size_t written = 0;

    size_t padding = size > 0 && size % 4 == 0 ? 2 : 0;
    for (; padding > 0 && text[size - 1] == '='; padding--)
        size--;
    if (size % 4 == 1)
        return false;
    for (size_t i = 0; i < size; i++) {
        const char *digit = memchr(digits, text[i], sizeof digits - 1);

        if (!digit)
            return false;
        bits = (bits << 6 | (unsigned int) (digit - digits)) & 0xffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            text[written++] = (char) (bits >> count);
        }
    }
    *ret_size = written;
    return true;
}

static int add_attribute(struct sdme_pax *pax, struct sdme_tar_text name,
                         struct sdme_tar_text value, bool weak, struct sdme_error *error)
{
    struct sdme_tar_attribute *attributes = grow((void **) &pax->attributes, &pax->attribute_size,
                                                 pax->attribute_count, sizeof *attributes);

    if (!attributes)
        return sdme_fail(error, ENOMEM, "extended attributes");
    attributes[pax->attribute_count++] = (struct sdme_tar_attribute){
        .name = name,
        .value = value,
        .weak = weak,
    };
    return 0;
}

static int fail_value(struct sdme_error *error, const char *key, struct sdme_tar_text value)
{
    return sdme_fail_as(error, SDME_EFORMAT, "the extended header '%s' can't be '%.*s'", key,
                        value.size > 40 ? 40 : (int) value.size, value.data);
}

/* What stands behind LIBARCHIVE.xattr., with its value where split_record() has put that. */
static int add_encoded(struct sdme_pax *pax, char *name, struct sdme_tar_text value,
                       struct sdme_error *error)
{
    char *text = name + strlen(name) + 1;
    size_t size, length = decode_url(name);

    if (!length)
        return sdme_fail_as(error, SDME_EFORMAT, "'%s%.40s' is no name of an attribute",
                            encoded_prefix, name);
    if (!decode_base64(text, value.size, &size))
        return sdme_fail_as(error, SDME_EFORMAT, "the value of '%s%.40s' isn't Base64",
                            encoded_prefix, name);
    return add_attribute(pax, (struct sdme_tar_text){name, length},
                         (struct sdme_tar_text){text, size}, true, error);
}

static int set_value(struct sdme_pax *pax, enum sdme_pax_key key, struct sdme_tar_text value,
                     struct sdme_error *error)
{
    bool valid = true;

    if (keys[key].kind == KIND_NUMBER)
        valid = value.size == 0 || sdme_pax_number(value, &pax->number[key]);
    else if (keys[key].kind == KIND_TIME)
        valid = value.size == 0 || sdme_pax_time(value, &pax->time[key]);
    else if (keys[key].kind == KIND_NAME)
        valid = strlen(value.data) == value.size;
    if (!valid)
        return fail_value(error, keys[key].name, value);
    pax->text[key] = value;
    pax->present[key] = value.size > 0; /* an empty one takes back what was said before */
    return 0;
}

/* Version 0.0 of sparse files has two records for each extent. */
static int read_extent(struct sdme_pax *pax, const char *key, struct sdme_tar_text value,
                       struct sdme_error *error)
{
    bool is_size = !strcmp(key, "GNU.sparse.numbytes");
    uint64_t number;

    if (!sdme_pax_number(value, &number) || is_size != pax->extent_open)
        return fail_value(error, key, value);
    pax->extent_open = !is_size;
    if (!is_size)
        return sdme_pax_add_extent(pax, number, 0, error);
    pax->extents[pax->extent_count - 1].size = number;
    return 0;
}

static int read_record(struct sdme_pax *pax, char *key, struct sdme_tar_text value, bool global,
                       struct sdme_error *error)
{
    size_t prefix = strlen(attribute_prefix);

    for (int i = 0; i < SDME_PAX_KEYS; i++) {
        if (strcmp(key, keys[i].name) != 0)
            continue;
        if (global && !keys[i].global)
            return sdme_fail_as(error, SDME_EFORMAT, "'%s' is said of all entries", key);
        return set_value(pax, (enum sdme_pax_key) i, value, error);
    }
    if (global)
        return 0;
    if (!strncmp(key, attribute_prefix, prefix))
        return add_attribute(pax, (struct sdme_tar_text){key + prefix, decode_name(key + prefix)},
                             value, false, error);
    if (!strncmp(key, encoded_prefix, strlen(encoded_prefix)))
        return add_encoded(pax, key + strlen(encoded_prefix), value, error);
    if (!strcmp(key, "GNU.sparse.offset") || !strcmp(key, "GNU.sparse.numbytes"))
        return read_extent(pax, key, value, error);
    return 0;
}

struct record {
    size_t length; /* of all of it */
    char *key;
    struct sdme_tar_text value;
};

/* Takes apart the record at the start of the @size bytes at @data; false if there is none. */
static bool split_record(char *data, size_t size, struct record *ret_record)
{
    char *space = memchr(data, ' ', size);
    uint64_t length;

    if (!space)
        return false;
    struct sdme_tar_text digits = {data, (size_t) (space - data)};
    if (!sdme_pax_number(digits, &length) || length > size || length <= digits.size + 2 ||
        data[length - 1] != '\n')
        return false;
    char *key = space + 1, *end = data + length - 1;
    char *equals = memchr(key, '=', (size_t) (end - key));
    if (!equals || equals == key || memchr(key, '\0', (size_t) (equals - key)))
        return false;
    *equals = *end = '\0';
    *ret_record = (struct record){length, key, {equals + 1, (size_t) (end - equals) - 1}};
    return true;
}

int sdme_pax_read(struct sdme_pax *pax, char *data, size_t size, bool global,
                  struct sdme_error *error)
{
    struct record record;

    for (size_t at = 0; at < size; at += record.length) {
        if (!split_record(data + at, size - at, &record))
            return sdme_fail_as(error, SDME_EFORMAT,
                                "the extended header has no record at its byte %zu", at);
        int code = read_record(pax, record.key, record.value, global, error);
        if (code < 0)
            return code;
    }
    if (pax->extent_open)
        return sdme_fail_as(error, SDME_EFORMAT, "a part of a sparse file has no size");
    return 0;
}

void sdme_pax_clear(struct sdme_pax *pax)
{
    memset(pax->present, 0, sizeof pax->present);
    pax->attribute_count = 0;
    pax->extent_count = 0;
    pax->extent_open = false;
}

void sdme_pax_free(struct sdme_pax *pax)
{
    free(pax->attributes);
    free(pax->extents);
}
