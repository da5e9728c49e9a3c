/* SPDX-License-Identifier: MIT */
#include "archive_attribute.h"

#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>

#include "archive_pax.h"
#include "util.h"

#define ENTRIES_MAX                                                                                \
    ((SDME_ACL_MAX - sizeof(struct posix_acl_xattr_header)) / sizeof(struct posix_acl_xattr_entry))

enum sdme_archive_attribute sdme_archive_attribute(const char *name)
{
    static const struct {
        const char *prefix;
        enum sdme_archive_attribute result;
    } rules[] = {
        {"user.overlay.", SDME_ATTRIBUTE_LEFT_OUT}, {"trusted.overlay.", SDME_ATTRIBUTE_LEFT_OUT},
        {"trusted.sdme.", SDME_ATTRIBUTE_LEFT_OUT}, {"trusted.SGI_ACL_", SDME_ATTRIBUTE_LEFT_OUT},
        {"trusted.xfs:", SDME_ATTRIBUTE_LEFT_OUT},  {"user.", SDME_ATTRIBUTE_SET},
        {"trusted.", SDME_ATTRIBUTE_TRUSTED},
    };
    static const char *const whole[] = {"security.capability", "system.posix_acl_access",
                                        "system.posix_acl_default"};

    for (size_t i = 0; i < ELEMENTS(rules); i++)
        if (!strncmp(name, rules[i].prefix, strlen(rules[i].prefix)))
            return rules[i].result;
    for (size_t i = 0; i < ELEMENTS(whole); i++)
        if (!strcmp(name, whole[i]))
            return SDME_ATTRIBUTE_SET;
    return SDME_ATTRIBUTE_LEFT_OUT;
}

static bool equals(struct sdme_tar_text text, const char *word)
{
    return text.size == strlen(word) && !memcmp(text.data, word, text.size);
}

static struct sdme_tar_text trimmed(struct sdme_tar_text text)
{
    while (text.size > 0 && (*text.data == ' ' || *text.data == '\t')) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

static bool is_one_of(char byte, const char *bytes)
{
    return byte && strchr(bytes, byte);
}

/* The text up to one of @ends, which is taken with it. */
static struct sdme_tar_text next_part(struct sdme_tar_text *text, const char *ends)
{
    struct sdme_tar_text part = {text->data, 0};

    while (part.size < text->size && !is_one_of(text->data[part.size], ends))
        part.size++;
    size_t taken = part.size < text->size ? part.size + 1 : part.size;
    text->data += taken;
    text->size -= taken;
    return trimmed(part);
}

static bool read_permissions(struct sdme_tar_text text, unsigned int *ret_permissions)
{
    unsigned int permissions = 0;

    for (size_t i = 0; i < text.size; i++) {
        switch (text.data[i]) {
        case 'r':
            permissions |= ACL_READ;
            break;
        case 'w':
            permissions |= ACL_WRITE;
            break;
        case 'x':
            permissions |= ACL_EXECUTE;
            break;
        case '-':
            break;
        default:
            return false;
        }
    }
    *ret_permissions = permissions;
    return text.size > 0;
}

struct acl_entry {
    unsigned int tag;
    unsigned int permissions;
    uint64_t id;
};

/* Who an entry is about: by a number, or root by that name too. */
static bool read_id(struct sdme_tar_text who, struct sdme_tar_text number, uint64_t *ret_id)
{
    if (number.size == 0 && equals(who, "root")) {
        *ret_id = 0;
        return true;
    }
    return sdme_pax_number(number.size > 0 ? number : who, ret_id) && *ret_id < UINT32_MAX;
}

static int fail_entry(struct sdme_tar_text text, struct sdme_error *error)
{
    return sdme_fail_as(error, SDME_EFORMAT, "an ACL can't have '%.*s'",
                        text.size > 40 ? 40 : (int) text.size, text.data);
}

/* Who an entry is about, by a name alone. */
static int find_id(struct sdme_tar_text whole, struct sdme_tar_text who, bool is_group,
                   const struct sdme_archive_names *names, uint64_t *ret_id,
                   struct sdme_error *error)
{
    if (!names)
        return sdme_fail(error, ESRCH, "an ACL has a name without a number");
    if (sdme_archive_names_find(names, is_group, who.data, who.size, ret_id))
        return 0;
    return sdme_fail_as(error, SDME_EFORMAT,
                        "an ACL has '%.*s', a name that its %s hasn't got: tar(1) writes numbers "
                        "with --numeric-owner",
                        whole.size > 40 ? 40 : (int) whole.size, whole.data,
                        is_group ? "etc/group" : "etc/passwd");
}

/* "TAG:QUALIFIER:PERMISSIONS[:NUMBER]" or, without a qualifier, "TAG:PERMISSIONS". */
static int read_acl_entry(struct sdme_tar_text whole, const struct sdme_archive_names *names,
                          struct acl_entry *ret_entry, struct sdme_error *error)
{
    static const struct {
        const char *word, *letter;
        unsigned int plain, named;
    } tags[] = {
        {"user", "u", ACL_USER_OBJ, ACL_USER},
        {"group", "g", ACL_GROUP_OBJ, ACL_GROUP},
        {"mask", "m", ACL_MASK, 0},
        {"other", "o", ACL_OTHER, 0},
    };
    struct sdme_tar_text text = whole, tag = next_part(&text, ":"), who = next_part(&text, ":");
    struct sdme_tar_text permissions = next_part(&text, ":"), number = trimmed(text);
    struct acl_entry entry = {.id = (uint32_t) ACL_UNDEFINED_ID};
    size_t i = 0;

    while (i < ELEMENTS(tags) && !equals(tag, tags[i].word) && !equals(tag, tags[i].letter))
        i++;
    if (i == ELEMENTS(tags))
        return fail_entry(whole, error);
    if (!tags[i].named && permissions.size == 0) {
        permissions = who;
        who.size = 0;
    }
    entry.tag = who.size > 0 ? tags[i].named : tags[i].plain;
    if (!entry.tag || !read_permissions(permissions, &entry.permissions))
        return fail_entry(whole, error);
    if (who.size > 0 && !read_id(who, number, &entry.id)) {
        if (number.size > 0 || (*who.data >= '0' && *who.data <= '9'))
            return fail_entry(whole, error);
        int code = find_id(whole, who, entry.tag == ACL_GROUP, names, &entry.id, error);
        if (code < 0)
            return code;
    }
    *ret_entry = entry;
    return 0;
}

static int compare_entries(const void *a, const void *b)
{
    const struct acl_entry *left = a, *right = b;

    if (left->tag != right->tag)
        return left->tag < right->tag ? -1 : 1;
    return (left->id > right->id) - (left->id < right->id);
}

/* Nobody twice, and everybody that must be: acl(5), "VALID ACLs". */
static bool is_valid(const struct acl_entry *entries, size_t count)
{
    unsigned int tags = 0;

    for (size_t i = 0; i < count; i++) {
        if (i > 0 && compare_entries(&entries[i - 1], &entries[i]) == 0)
            return false;
        tags |= entries[i].tag;
    }
    unsigned int required = ACL_USER_OBJ | ACL_GROUP_OBJ | ACL_OTHER;
    if (tags & (ACL_USER | ACL_GROUP))
        required |= ACL_MASK;
    return (tags & required) == required;
}

static size_t write_acl(const struct acl_entry *entries, size_t count, unsigned char *value)
{
    struct posix_acl_xattr_header header = {.a_version = htole32(POSIX_ACL_XATTR_VERSION)};
    size_t size = sizeof header;

    memcpy(value, &header, sizeof header);
    for (size_t i = 0; i < count; i++) {
        struct posix_acl_xattr_entry entry = {
            .e_tag = htole16((uint16_t) entries[i].tag),
            .e_perm = htole16((uint16_t) entries[i].permissions),
            .e_id = htole32((uint32_t) entries[i].id),
        };

        memcpy(value + size, &entry, sizeof entry);
        size += sizeof entry;
    }
    return size;
}

int sdme_archive_acl(const char *text, size_t size, const struct sdme_archive_names *names,
                     unsigned char *ret_value, size_t *ret_size, struct sdme_error *error)
{
    struct sdme_tar_text rest = {text, size};
    _cleanup_free_ struct acl_entry *entries = calloc(ENTRIES_MAX, sizeof *entries);
    size_t count = 0;

    if (!entries)
        return sdme_fail(error, ENOMEM, "an ACL");
    while (rest.size > 0) {
        struct sdme_tar_text line = next_part(&rest, ",\n");
        struct sdme_tar_text part = next_part(&line, "#");
        if (part.size == 0)
            continue;
        if (count == ENTRIES_MAX)
            return sdme_fail_as(error, SDME_EFORMAT, "an ACL of more than %zu entries",
                                ENTRIES_MAX);
        int code = read_acl_entry(part, names, &entries[count++], error);
        if (code < 0)
            return code;
    }
    if (count > 0)
        qsort(entries, count, sizeof *entries, compare_entries);
    if (!is_valid(entries, count))
        return sdme_fail_as(error, SDME_EFORMAT,
                            "an ACL that hasn't everybody that it must have just once");
    *ret_size = write_acl(entries, count, ret_value);
    return 0;
}
