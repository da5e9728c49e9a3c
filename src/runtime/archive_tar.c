/* SPDX-License-Identifier: MIT */
#include "archive_tar.h"

#include <string.h>

#include "archive_sparse.h"
#include "util.h"

/* What the size in a header may be without the extension: eleven octal digits. */
#define OCTAL_SIZE_MAX ((1ULL << 33) - 1)

struct sdme_tar {
    struct sdme_tar_source source;
    const unsigned char *at;
    size_t available;
    uint64_t offset; /* of `at` */
    uint64_t number; /* of the last entry */

    uint64_t data_left; /* of the entry's content, and then */
    uint64_t padding;   /* up to the next header */

    struct sdme_pax local, global;
    char *extended; /* what `local` and the names point to */
    size_t extended_size;
    size_t extended_used;
    bool has_extended;
    struct sdme_tar_text long_name, long_link; /* of GNU tar */
    char name[256 + 1];                        /* a prefix, a slash, a name */
    char link[100 + 1];
};

int sdme_tar_new(const struct sdme_tar_source *source, struct sdme_tar **ret_tar,
                 struct sdme_error *error)
{
    struct sdme_tar *tar = calloc(1, sizeof *tar);

    if (!tar)
        return sdme_fail(error, ENOMEM, "read a tar archive");
    tar->source = *source;
    *ret_tar = tar;
    return 0;
}

void sdme_tar_free(struct sdme_tar *tar)
{
    if (!tar)
        return;
    sdme_pax_free(&tar->local);
    sdme_pax_free(&tar->global);
    free(tar->extended);
    free(tar);
}

/* Sees to it that there are bytes: 1, or 0 at the end. */
static int fill(struct sdme_tar *tar, struct sdme_error *error)
{
    return tar->available > 0
               ? 1
               : tar->source.next(tar->source.context, &tar->at, &tar->available, error);
}

static void take(struct sdme_tar *tar, size_t size)
{
    tar->at += size;
    tar->available -= size;
    tar->offset += size;
}

/* The next block, there until the next call: 1, or 0 where the stream ends. */
static int read_block(struct sdme_tar *tar, const unsigned char **ret_block,
                      struct sdme_error *error)
{
    int code = fill(tar, error);

    if (code <= 0)
        return code;
    if (tar->available < SDME_TAR_BLOCK)
        return sdme_tar_fail_truncated(error);
    *ret_block = tar->at;
    take(tar, SDME_TAR_BLOCK);
    return 1;
}

static int next_block(void *context, const unsigned char **ret_block, struct sdme_error *error)
{
    return read_block(context, ret_block, error);
}

static int skip(struct sdme_tar *tar, uint64_t size, struct sdme_error *error)
{
    while (size > 0) {
        int code = fill(tar, error);
        if (code <= 0)
            return code < 0 ? code : sdme_tar_fail_truncated(error);
        size_t count = size < tar->available ? (size_t) size : tar->available;
        take(tar, count);
        size -= count;
    }
    return 0;
}

/* Reads what belongs to a header of an extension into our memory, with a NUL behind it. */
static int read_extended(struct sdme_tar *tar, uint64_t size, struct sdme_tar_text *ret_text,
                         struct sdme_error *error)
{
    uint64_t padding = -size % SDME_TAR_BLOCK;
    char *start = tar->extended + tar->extended_used;

    if (size > SDME_TAR_EXTENDED_MAX || tar->extended_used + size > SDME_TAR_EXTENDED_MAX)
        return sdme_fail_as(error, SDME_EFORMAT, "extended headers of more than %d bytes",
                            SDME_TAR_EXTENDED_MAX);
    *ret_text = (struct sdme_tar_text){start, (size_t) size};
    while (size > 0) {
        int code = fill(tar, error);
        if (code <= 0)
            return code < 0 ? code : sdme_tar_fail_truncated(error);
        size_t count = size < tar->available ? (size_t) size : tar->available;
        memcpy(start, tar->at, count);
        take(tar, count);
        start += count;
        size -= count;
    }
    *start = '\0';
    tar->extended_used = (size_t) (start + 1 - tar->extended);
    return skip(tar, padding, error);
}

/* A long name of GNU tar ends with a NUL, which is counted. */
static int read_long_name(struct sdme_tar *tar, uint64_t size, struct sdme_tar_text *name,
                          struct sdme_error *error)
{
    if (name->data)
        return sdme_fail_as(error, SDME_EFORMAT, "two long names for one entry");
    int code = read_extended(tar, size, name, error);
    if (code >= 0)
        name->size = strlen(name->data);
    return code;
}

/* The headers in front of the one of an entry: 1 if it was one of them. */
static int read_extension(struct sdme_tar *tar, const struct sdme_tar_header *header, uint64_t size,
                          struct sdme_error *error)
{
    bool global = header->type == 'g';
    struct sdme_tar_text text;

    if (!strchr("LKxXg", header->type) || !header->type)
        return 0;
    if (!tar->extended)
        tar->extended = malloc(SDME_TAR_EXTENDED_MAX + 2); /* a NUL behind it */
    if (!tar->extended)
        return sdme_fail(error, ENOMEM, "extended headers");
    int code;
    if (header->type == 'L' || header->type == 'K') {
        code = read_long_name(tar, size, header->type == 'L' ? &tar->long_name : &tar->long_link,
                              error);
        return code < 0 ? code : 1;
    }
    if (!global && tar->has_extended)
        return sdme_fail_as(error, SDME_EFORMAT, "two extended headers for one entry");
    code = read_extended(tar, size, &text, error);
    if (code < 0)
        return code;
    code = sdme_pax_read(global ? &tar->global : &tar->local, (char *) (uintptr_t) text.data,
                         text.size, global, error);
    if (global)
        tar->extended_used -= text.size + 1;
    else
        tar->has_extended = true;
    return code < 0 ? code : 1;
}

/* A field of a header that ends with a NUL unless it is full. */
static struct sdme_tar_text copy_field(char *buffer, const char *field, size_t size)
{
    size_t length = strnlen(field, size);

    memcpy(buffer, field, length);
    buffer[length] = '\0';
    return (struct sdme_tar_text){buffer, length};
}

static struct sdme_tar_text read_name(struct sdme_tar *tar, const struct sdme_tar_header *header)
{
    size_t length = 0;

    if (!memcmp(header->magic, "ustar", 6) && header->prefix[0]) {
        length = copy_field(tar->name, header->prefix, sizeof header->prefix).size;
        tar->name[length++] = '/';
    }
    length += copy_field(tar->name + length, header->name, sizeof header->name).size;
    return (struct sdme_tar_text){tar->name, length};
}

/* What both kinds of header say, or only the later one; a user or group of -1 would mean none. */
static int read_id(const struct sdme_tar *tar, enum sdme_pax_key key, const char *field,
                   const char *what, uint32_t *ret_id, struct sdme_error *error)
{
    int64_t number;

    if (tar->local.present[key])
        number = (int64_t) tar->local.number[key];
    else if (tar->global.present[key])
        number = (int64_t) tar->global.number[key];
    else if (!sdme_tar_number(field, 8, &number))
        return sdme_tar_fail_field(error, what);
    if (number < 0 || number >= UINT32_MAX)
        return sdme_fail_as(error, SDME_EFORMAT, "%lld is no %s", (long long) number, what);
    *ret_id = (uint32_t) number;
    return 0;
}

static int read_device(const struct sdme_tar *tar, const struct sdme_tar_header *header,
                       struct sdme_tar_entry *entry, struct sdme_error *error)
{
    const struct sdme_pax *local = &tar->local;
    int64_t major = (int64_t) local->number[SDME_PAX_MAJOR];
    int64_t minor = (int64_t) local->number[SDME_PAX_MINOR];

    if (!local->present[SDME_PAX_MAJOR] && !SDME_TAR_NUMBER(header->major, &major))
        return sdme_tar_fail_field(error, "device number");
    if (!local->present[SDME_PAX_MINOR] && !SDME_TAR_NUMBER(header->minor, &minor))
        return sdme_tar_fail_field(error, "device number");
    /* dev_t of Linux has 12 and 20 bits for them: makedev(3). */
    if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff)
        return sdme_fail_as(error, SDME_EFORMAT, "%lld:%lld is no device", (long long) major,
                            (long long) minor);
    entry->major = (unsigned int) major;
    entry->minor = (unsigned int) minor;
    return 0;
}

static int read_times(const struct sdme_tar *tar, const struct sdme_tar_header *header,
                      struct sdme_tar_entry *entry, struct sdme_error *error)
{
    const struct sdme_pax *sources[] = {&tar->global, &tar->local};
    int64_t seconds;

    if (!SDME_TAR_NUMBER(header->mtime, &seconds))
        return sdme_tar_fail_field(error, "time");
    entry->mtime = (struct timespec){.tv_sec = seconds};
    for (size_t i = 0; i < ELEMENTS(sources); i++)
        if (sources[i]->present[SDME_PAX_MTIME])
            entry->mtime = sources[i]->time[SDME_PAX_MTIME];
    entry->atime = entry->mtime;
    for (size_t i = 0; i < ELEMENTS(sources); i++)
        if (sources[i]->present[SDME_PAX_ATIME])
            entry->atime = sources[i]->time[SDME_PAX_ATIME];
    return 0;
}

static int read_owner_and_mode(const struct sdme_tar *tar, const struct sdme_tar_header *header,
                               struct sdme_tar_entry *entry, struct sdme_error *error)
{
    int64_t mode;

    int code = read_id(tar, SDME_PAX_UID, header->uid, "user number", &entry->uid, error);
    if (code >= 0)
        code = read_id(tar, SDME_PAX_GID, header->gid, "group number", &entry->gid, error);
    if (code < 0)
        return code;
    if (!SDME_TAR_NUMBER(header->mode, &mode) || mode < 0)
        return sdme_tar_fail_field(error, "mode");
    entry->mode = (mode_t) mode & 07777; /* some have the file's type above */
    return read_times(tar, header, entry, error);
}

/*
 * How much content is stored. A reader that goes by the header alone would find other entries
 * behind it than one that goes by the extended header (CVE-2025-62518), so where both can say it,
 * both must say the same.
 */
static int read_size(const struct sdme_tar *tar, const struct sdme_tar_header *header,
                     uint64_t *ret_size, struct sdme_error *error)
{
    uint64_t extended = tar->local.number[SDME_PAX_SIZE];
    int64_t size;

    if (!SDME_TAR_NUMBER(header->size, &size) || size < 0)
        return sdme_tar_fail_field(error, "size");
    if (tar->local.present[SDME_PAX_SIZE]) {
        bool fits = extended <= OCTAL_SIZE_MAX || (header->size[0] & 0x80);

        if (extended > INT64_MAX)
            return sdme_tar_fail_field(error, "size");
        if (fits && extended != (uint64_t) size)
            return sdme_fail_as(error, SDME_EFORMAT,
                                "its header says that it has %lld bytes, and its extended header "
                                "that it has %llu",
                                (long long) size, (unsigned long long) extended);
        size = (int64_t) extended;
    }
    *ret_size = (uint64_t) size;
    return 0;
}

static bool is_directory_name(struct sdme_tar_text name)
{
    return name.size > 0 && name.data[name.size - 1] == '/';
}

enum { TYPE_UNKNOWN = -1, TYPE_IGNORED = -2, TYPE_HARD_LINK = 0 };

/* S_IFREG, ... or one of the above. */
static int type_of(char type, struct sdme_tar_text name)
{
    switch (type) {
    case '\0': /* v7 */
    case '0':
        return is_directory_name(name) ? S_IFDIR : S_IFREG;
    case '7': /* contiguous */
    case 'S': /* sparse, of GNU tar */
        return S_IFREG;
    case '1':
        return TYPE_HARD_LINK;
    case '2':
        return S_IFLNK;
    case '3':
        return S_IFCHR;
    case '4':
        return S_IFBLK;
    case '5':
    case 'D': /* with a list of names as its content, of GNU tar */
        return S_IFDIR;
    case '6':
        return S_IFIFO;
    case 'V': /* a volume's name, of GNU tar */
        return TYPE_IGNORED;
    default:
        return TYPE_UNKNOWN;
    }
}

static int fail_type(struct sdme_error *error, char type)
{
    if (type == 'M')
        return sdme_fail_as(error, SDME_EFORMAT, "the rest of a file of another volume");
    return sdme_fail_as(error, SDME_EFORMAT, "an entry of the unknown type 0x%02x",
                        (unsigned int) (unsigned char) type);
}

static void read_names(struct sdme_tar *tar, const struct sdme_tar_header *header,
                       struct sdme_tar_entry *entry)
{
    const struct sdme_pax *local = &tar->local;

    entry->path = read_name(tar, header);
    entry->link = copy_field(tar->link, header->link, sizeof header->link);
    if (tar->long_name.data)
        entry->path = tar->long_name;
    if (tar->long_link.data)
        entry->link = tar->long_link;
    if (local->present[SDME_PAX_PATH])
        entry->path = local->text[SDME_PAX_PATH];
    if (local->present[SDME_PAX_SPARSE_NAME])
        entry->path = local->text[SDME_PAX_SPARSE_NAME];
    if (local->present[SDME_PAX_LINK])
        entry->link = local->text[SDME_PAX_LINK];
}

static int read_entry(struct sdme_tar *tar, const struct sdme_tar_header *header,
                      struct sdme_tar_entry *entry, struct sdme_error *error)
{
    struct sdme_pax *local = &tar->local;
    uint64_t size = 0;

    int type = type_of(header->type, entry->path);
    if (type == TYPE_UNKNOWN)
        return fail_type(error, header->type);
    int code = read_size(tar, header, &size, error);
    if (code >= 0 && type != TYPE_IGNORED)
        code = read_owner_and_mode(tar, header, entry, error);
    if (code >= 0 && (type == S_IFCHR || type == S_IFBLK))
        code = read_device(tar, header, entry, error);
    if (code < 0)
        return code;
    /* The others have none, whatever they say: GNU tar, Go's archive/tar. */
    tar->data_left = type == S_IFREG || header->type == 'D' || type == TYPE_IGNORED ? size : 0;
    tar->padding = -tar->data_left % SDME_TAR_BLOCK;
    if (type == TYPE_IGNORED)
        return 0;
    entry->type = (mode_t) type;
    entry->attributes = local->attributes;
    entry->attribute_count = local->attribute_count;
    if (local->present[SDME_PAX_ACL_ACCESS])
        entry->acl_access = local->text[SDME_PAX_ACL_ACCESS];
    if (local->present[SDME_PAX_ACL_DEFAULT])
        entry->acl_default = local->text[SDME_PAX_ACL_DEFAULT];
    if (type != S_IFREG)
        return 1;
    entry->size = tar->data_left;
    struct sdme_sparse sparse = {local, &tar->data_left, next_block, tar};
    code = sdme_sparse_read(&sparse, header, entry, error);
    return code < 0 ? code : 1;
}

/* All that is behind the mark of the end belongs to the stream, and means nothing. */
static int read_rest(struct sdme_tar *tar, struct sdme_error *error)
{
    const unsigned char *block = NULL;
    int code = read_block(tar, &block, error);

    if (code > 0 && !sdme_tar_is_zero(block))
        return sdme_fail_as(error, SDME_EFORMAT,
                            "a single block of zeros where the archive ends with two");
    while (code > 0) {
        take(tar, tar->available);
        code = fill(tar, error);
    }
    return code;
}

static void forget_entry(struct sdme_tar *tar)
{
    sdme_pax_clear(&tar->local);
    tar->extended_used = 0;
    tar->has_extended = false;
    tar->long_name = tar->long_link = (struct sdme_tar_text){NULL, 0};
}

/* Behind headers that an entry has to follow. */
static bool is_inside(const struct sdme_tar *tar)
{
    return tar->has_extended || tar->long_name.data || tar->long_link.data;
}

/* What fills up the last block of an entry, and may be cut off where the mark of the end may. */
static int skip_padding(struct sdme_tar *tar, struct sdme_error *error)
{
    struct sdme_error own = {0};
    int code = skip(tar, tar->padding, &own);

    if (code == -SDME_EFORMAT && tar->source.unmarked_end)
        return 0;
    if (code < 0 && error)
        *error = own;
    return code;
}

/* 1 for an entry, 2 for what isn't one (an extension is read then), 0 at the end. */
static int read_header(struct sdme_tar *tar, struct sdme_tar_entry *entry, struct sdme_error *error)
{
    const unsigned char *block = NULL;
    struct sdme_tar_header header;
    int64_t size;

    entry->offset = tar->offset;
    int code = read_block(tar, &block, error);
    if (code < 0)
        return code;
    if (code == 0 && tar->source.unmarked_end && tar->number > 0 && !is_inside(tar))
        return 0;
    if (code == 0 || !block)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "the archive is truncated: it has no mark of its end");
    if (sdme_tar_is_zero(block))
        return read_rest(tar, error);
    memcpy(&header, block, sizeof header);
    if (!sdme_tar_has_checksum(&header))
        return sdme_fail_as(error, SDME_EFORMAT, "no header with a valid checksum");
    if (!SDME_TAR_NUMBER(header.size, &size) || size < 0)
        return sdme_tar_fail_field(error, "size");
    code = read_extension(tar, &header, (uint64_t) size, error);
    if (code != 0)
        return code < 0 ? code : 2;
    read_names(tar, &header, entry);
    code = read_entry(tar, &header, entry, error);
    if (code == 0) {
        forget_entry(tar);
        return 2;
    }
    return code;
}

/* Says which entry it was that failed, and where. */
static int fail_entry(const struct sdme_tar_entry *entry, int code, struct sdme_error *error)
{
    unsigned long long number = entry->number, offset = entry->offset;

    if (!entry->path.data)
        return sdme_fail_in(error, code, "entry %llu at offset %llu", number, offset);
    return sdme_fail_in(error, code, "entry %llu '%.200s' at offset %llu", number, entry->path.data,
                        offset);
}

int sdme_tar_next(struct sdme_tar *tar, struct sdme_tar_entry *ret_entry, struct sdme_error *error)
{
    struct sdme_tar_entry entry;
    int code;

    forget_entry(tar);
    do {
        entry = (struct sdme_tar_entry){.number = tar->number + 1, .offset = tar->offset};
        code = skip(tar, tar->data_left, error);
        if (code >= 0)
            code = skip_padding(tar, error);
        tar->data_left = tar->padding = 0;
        if (code >= 0)
            code = read_header(tar, &entry, error);
    } while (code == 2);
    if (code == -SDME_EFORMAT)
        return fail_entry(&entry, code, error);
    if (code > 0) {
        tar->number++;
        *ret_entry = entry;
    }
    return code;
}

int sdme_tar_data(struct sdme_tar *tar, const unsigned char **ret_data, size_t *ret_size,
                  struct sdme_error *error)
{
    if (tar->data_left == 0)
        return 0;
    int code = fill(tar, error);
    if (code <= 0)
        return code < 0 ? code : sdme_tar_fail_truncated(error);
    size_t count = tar->data_left < tar->available ? (size_t) tar->data_left : tar->available;
    *ret_data = tar->at;
    *ret_size = count;
    take(tar, count);
    tar->data_left -= count;
    return 1;
}
