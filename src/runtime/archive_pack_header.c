/* SPDX-License-Identifier: MIT */
#include "archive_pack_header.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive_header.h"
#include "util.h"

enum {
    EXTENDED = 'x',
    ATTRIBUTE_NAME_MAX = 255, /* XATTR_NAME_MAX of <linux/limits.h> */
    NUMBER_SIZE = 32,         /* a 64-bit number, or a time, with a NUL */
    ACL_ENTRY_MAX = sizeof "default:group:4294967295:rwx,",
};

static const char posix_magic[] = "ustar\0" /* and the version: */ "00";

static const char sparse_directory[] = "GNUSparseFile.0/", extended_directory[] = "PaxHeaders/";

/* Makes room for @size more bytes; the first block is for the header of the extended header. */
static char *extend(struct sdme_pack_header *header, size_t size)
{
    size_t used = header->size > 0 ? header->size : SDME_PACK_BLOCK;

    if (header->failed == 0 && (size > SDME_PACK_MAX || used + size > SDME_PACK_MAX))
        header->failed = -E2BIG;
    if (header->failed < 0)
        return NULL;
    if (used + size > header->room) {
        size_t room = 2 * (used + size) + 4096;
        char *data = realloc(header->data, room);

        if (!data) {
            header->failed = -ENOMEM;
            return NULL;
        }
        header->data = data;
        header->room = room;
    }
    header->size = used + size;
    return header->data + used;
}

static size_t count_digits(size_t number)
{
    size_t count = 1;

    for (; number >= 10; number /= 10)
        count++;
    return count;
}

/* "LENGTH KEY=VALUE\n", where the length is that of all of it. */
void sdme_pack_header_add(struct sdme_pack_header *header, const char *key, const void *value,
                          size_t size)
{
    size_t rest = strlen(" =\n") + strlen(key) + size;
    size_t length = rest + count_digits(rest + count_digits(rest));
    char digits[NUMBER_SIZE];

    char *record = extend(header, length);
    if (!record)
        return;
    snprintf(digits, sizeof digits, "%zu", length);
    record = stpcpy(stpcpy(stpcpy(stpcpy(record, digits), " "), key), "=");
    if (size > 0)
        memcpy(record, value, size);
    record[size] = '\n';
}

static void add_text(struct sdme_pack_header *header, const char *key, const char *value)
{
    sdme_pack_header_add(header, key, value, strlen(value));
}

static void add_number(struct sdme_pack_header *header, const char *key, uint64_t number)
{
    char text[NUMBER_SIZE];

    snprintf(text, sizeof text, "%" PRIu64, number);
    add_text(header, key, text);
}

/* A decimal fraction, whose sign is that of all of it: -2 s and 750000000 ns are "-1.25". */
static void add_time(struct sdme_pack_header *header, int64_t seconds, uint32_t nsec)
{
    bool negative = seconds < 0;
    uint64_t whole = negative ? 0 - (uint64_t) seconds : (uint64_t) seconds;
    char text[NUMBER_SIZE];

    if (negative && nsec > 0) {
        whole--;
        nsec = 1000000000 - nsec;
    }
    int length =
        snprintf(text, sizeof text, "%s%" PRIu64 ".%09" PRIu32, negative ? "-" : "", whole, nsec);
    while (nsec > 0 && text[length - 1] == '0')
        length--;
    sdme_pack_header_add(header, "mtime", text, (size_t) (nsec > 0 ? length : length - 10));
}

/* "=" would end the keyword: GNU tar writes "%3D", and "%25" for "%". */
void sdme_pack_header_add_attribute(struct sdme_pack_header *header, const char *name,
                                    const void *value, size_t size)
{
    static const char prefix[] = "SCHILY.xattr.";
    char key[sizeof prefix + (size_t) 3 * ATTRIBUTE_NAME_MAX], *end = stpcpy(key, prefix);

    for (; *name; name++) {
        if (*name == '=' || *name == '%')
            end = stpcpy(end, *name == '=' ? "%3D" : "%25");
        else
            *end++ = *name;
    }
    *end = '\0';
    sdme_pack_header_add(header, key, value, size);
}

static const char *acl_tag(unsigned int tag)
{
    switch (tag) {
    case ACL_USER_OBJ:
    case ACL_USER:
        return "user";
    case ACL_GROUP_OBJ:
    case ACL_GROUP:
        return "group";
    case ACL_MASK:
        return "mask";
    case ACL_OTHER:
        return "other";
    default:
        return NULL;
    }
}

/* One entry of the short text form of acl(5), with a comma. Returns its length. */
static int format_acl_entry(const struct posix_acl_xattr_entry *entry,
                            const struct sdme_shift *shift, char text[ACL_ENTRY_MAX])
{
    unsigned int tag = le16toh(entry->e_tag), permissions = le16toh(entry->e_perm);
    const char *name = acl_tag(tag);
    char id[NUMBER_SIZE] = "";

    if (!name || permissions > (ACL_READ | ACL_WRITE | ACL_EXECUTE))
        return -EBADMSG;
    if (tag == ACL_USER || tag == ACL_GROUP) {
        uint32_t number = le32toh(entry->e_id);

        if (shift->count > 0 && !sdme_shift_has(shift, number))
            return -EOVERFLOW;
        snprintf(id, sizeof id, "%" PRIu32, sdme_shift_id(shift, number));
    }
    return snprintf(text, ACL_ENTRY_MAX, "%s:%s:%c%c%c,", name, id,
                    permissions & ACL_READ ? 'r' : '-', permissions & ACL_WRITE ? 'w' : '-',
                    permissions & ACL_EXECUTE ? 'x' : '-');
}

int sdme_pack_header_add_acl(struct sdme_pack_header *header, const char *name, const void *value,
                             size_t size, const struct sdme_shift *shift)
{
    const struct posix_acl_xattr_header *acl = value;
    const struct posix_acl_xattr_entry *entries = (const void *) (acl + 1);
    bool is_default = !strcmp(name, "system.posix_acl_default");
    size_t length = 0;

    if (size <= sizeof *acl || (size - sizeof *acl) % sizeof *entries ||
        le32toh(acl->a_version) != POSIX_ACL_XATTR_VERSION)
        return -EBADMSG;
    size_t count = (size - sizeof *acl) / sizeof *entries;
    _cleanup_free_ char *text = malloc(count * ACL_ENTRY_MAX);
    if (!text)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        int added = format_acl_entry(&entries[i], shift, text + length);

        if (added < 0)
            return added;
        length += (size_t) added;
    }
    sdme_pack_header_add(header, is_default ? "SCHILY.acl.default" : "SCHILY.acl.access", text,
                         length - 1);
    return 0;
}

/* Octal if it fits; else, as GNU tar does it, the binary number behind a set first bit. */
static void put_number(char *field, size_t size, int64_t number)
{
    if (number >= 0 && (uint64_t) number >> 3 * (size - 1) == 0) {
        for (size_t i = size - 1; i-- > 0; number >>= 3)
            field[i] = (char) ('0' + (number & 7));
        return;
    }
    for (size_t i = size; i-- > 0;) {
        field[i] = (char) (number & 255);
        number = number < 0 ? ~(~number >> 8) : number >> 8;
    }
    field[0] = (char) (field[0] | (char) 0x80);
}

static bool fits(size_t size, int64_t number)
{
    return number >= 0 && (uint64_t) number >> 3 * (size - 1) == 0;
}

static void put_checksum(struct sdme_tar_header *header)
{
    const unsigned char *bytes = (const void *) header;
    unsigned int sum = 0;

    memset(header->checksum, ' ', sizeof header->checksum);
    for (size_t i = 0; i < sizeof *header; i++)
        sum += bytes[i];
    snprintf(header->checksum, sizeof header->checksum, "%06o", sum & 0777777);
}

/*
 * What fits, without a NUL if all of the field is used. Whoever reads no extended headers gets at
 * least some name: if it is cut, not one with a slash at its end, which would be a directory's.
 */
static void put_name(char *field, size_t size, const char *directory, const char *path)
{
    size_t length = strlen(directory), rest = strnlen(path, size - length);
    bool is_cut = path[rest] != '\0';

    while (is_cut && rest > 0 && path[rest - 1] == '/')
        rest--;
    for (size_t i = 0; i < length; i++)
        field[i] = directory[i];
    for (size_t i = 0; i < rest; i++)
        field[length + i] = path[i];
}

static void put_header(struct sdme_tar_header *header, const struct sdme_pack_header_entry *entry,
                       const char *directory)
{
    memset(header, 0, sizeof *header);
    put_name(header->name, sizeof header->name, directory, entry->path);
    put_number(header->mode, sizeof header->mode, entry->mode & 07777);
    put_number(header->uid, sizeof header->uid, entry->uid);
    put_number(header->gid, sizeof header->gid, entry->gid);
    put_number(header->size, sizeof header->size, (int64_t) entry->size);
    put_number(header->mtime, sizeof header->mtime, entry->mtime);
    header->type = entry->type;
    if (entry->link)
        put_name(header->link, sizeof header->link, "", entry->link);
    memcpy(header->magic, posix_magic, sizeof header->magic);
    put_number(header->major, sizeof header->major, entry->device_major);
    put_number(header->minor, sizeof header->minor, entry->device_minor);
    put_checksum(header);
}

/* The length of the character at @text in UTF-8 (RFC 3629), 0 if it is none. */
static size_t utf8_length(const unsigned char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = *text < 0x80 ? 1 : *text >> 5 == 6 ? 2 : *text >> 4 == 14 ? 3 : 4;
    uint32_t character = length == 1 ? *text : *text & (0xffu >> (length + 1));

    if (length == 4 && *text >> 3 != 30)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | (text[i] & 0x3f);
    }
    bool is_surrogate = character >= 0xd800 && character < 0xe000;
    return character < least[length] || character > 0x10ffff || is_surrogate ? 0 : length;
}

static bool is_utf8(const char *text)
{
    const unsigned char *at = (const void *) text;

    while (*at) {
        size_t length = utf8_length(at);

        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if (*text & 0x80)
            return false;
    return true;
}

static bool needs_record(const char *text, size_t field_size)
{
    return strlen(text) > field_size || !is_ascii(text);
}

/* What the ustar header can't hold. */
static void add_entry(struct sdme_pack_header *header, const struct sdme_pack_header_entry *entry)
{
    const struct sdme_tar_header *sizes = NULL;

    if (!is_utf8(entry->path) || (entry->link && !is_utf8(entry->link)))
        add_text(header, "hdrcharset", "BINARY");
    if (entry->sparse) {
        add_text(header, "GNU.sparse.major", "1");
        add_text(header, "GNU.sparse.minor", "0");
        add_text(header, "GNU.sparse.name", entry->path);
        add_number(header, "GNU.sparse.realsize", entry->real_size);
    } else if (needs_record(entry->path, sizeof sizes->name)) {
        add_text(header, "path", entry->path);
    }
    if (entry->link && needs_record(entry->link, sizeof sizes->link))
        add_text(header, "linkpath", entry->link);
    if (!fits(sizeof sizes->uid, entry->uid))
        add_number(header, "uid", entry->uid);
    if (!fits(sizeof sizes->gid, entry->gid))
        add_number(header, "gid", entry->gid);
    if (!fits(sizeof sizes->size, (int64_t) entry->size))
        add_number(header, "size", entry->size);
    if (entry->mtime_nsec > 0 || !fits(sizeof sizes->mtime, entry->mtime))
        add_time(header, entry->mtime, entry->mtime_nsec);
}

/* The header of the extended header, in the block that was left for it, and padding after it. */
static void finish_extended(struct sdme_pack_header *header,
                            const struct sdme_pack_header_entry *entry)
{
    struct sdme_pack_header_entry extended = {
        .type = EXTENDED,
        .path = entry->path,
        .mode = 0644,
        .mtime = entry->mtime >= 0 ? entry->mtime : 0,
        .size = header->size - SDME_PACK_BLOCK,
    };
    size_t padding = -header->size % SDME_PACK_BLOCK;

    char *rest = extend(header, padding);
    if (!rest)
        return;
    memset(rest, 0, padding);
    put_header((struct sdme_tar_header *) (void *) header->data, &extended, extended_directory);
}

void sdme_pack_header_drop(struct sdme_pack_header *header)
{
    header->size = 0;
    header->failed = 0;
}

int sdme_pack_header_finish(struct sdme_pack_header *header,
                            const struct sdme_pack_header_entry *entry, const void **ret_data,
                            size_t *ret_size)
{
    add_entry(header, entry);
    bool has_extended = header->size > 0;
    if (has_extended)
        finish_extended(header, entry);
    char *block = extend(header, SDME_PACK_BLOCK);
    int failed = header->failed;
    size_t size = header->size;
    sdme_pack_header_drop(header);
    if (!block || failed < 0)
        return failed;
    put_header((struct sdme_tar_header *) (void *) block, entry,
               entry->sparse ? sparse_directory : "");
    *ret_data = has_extended ? header->data : block;
    *ret_size = has_extended ? size : SDME_PACK_BLOCK;
    return 0;
}

void sdme_pack_header_free(struct sdme_pack_header *header)
{
    free(header->data);
    *header = (struct sdme_pack_header){0};
}
