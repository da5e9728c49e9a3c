/* SPDX-License-Identifier: MIT */
#include "archive_sparse.h"

#include <string.h>

#include "util.h"

/* What follows a header of an old sparse file of GNU tar with more extents than fit in. */
struct sparse_header {
    struct {
        char offset[12];
        char size[12];
    } extents[21];
    char continues;
    char padding[7];
};

_Static_assert(sizeof(struct sparse_header) == SDME_TAR_BLOCK, "a header is a block");

static int add_old_extent(struct sdme_pax *pax, const char *offset_field, const char *size_field,
                          struct sdme_error *error)
{
    int64_t offset, size;

    if (!offset_field[0] || !size_field[0])
        return 0;
    if (!sdme_tar_number(offset_field, 12, &offset) || !sdme_tar_number(size_field, 12, &size) ||
        offset < 0 || size < 0)
        return sdme_tar_fail_field(error, "part of a sparse file");
    return sdme_pax_add_extent(pax, (uint64_t) offset, (uint64_t) size, error);
}

/* GNU tar's old form: extents in the header, and in more headers behind it. */
static int read_old_sparse(const struct sdme_sparse *sparse, const struct sdme_tar_header *header,
                           struct sdme_tar_entry *entry, struct sdme_error *error)
{
    bool continues = header->gnu.continues != 0;
    int64_t size;
    int code = 0;

    if (!SDME_TAR_NUMBER(header->gnu.real_size, &size) || size < 0)
        return sdme_tar_fail_field(error, "size");
    for (size_t i = 0; i < ELEMENTS(header->gnu.extents) && code >= 0; i++)
        code = add_old_extent(sparse->pax, header->gnu.extents[i].offset,
                              header->gnu.extents[i].size, error);
    while (continues && code >= 0) {
        const unsigned char *block;
        struct sparse_header more;

        code = sparse->next_block(sparse->context, &block, error);
        if (code <= 0)
            return code < 0 ? code : sdme_tar_fail_truncated(error);
        memcpy(&more, block, sizeof more);
        for (size_t i = 0; i < ELEMENTS(more.extents) && code >= 0; i++)
            code = add_old_extent(sparse->pax, more.extents[i].offset, more.extents[i].size, error);
        continues = more.continues != 0;
    }
    entry->size = (uint64_t) size;
    return code < 0 ? code : 0;
}

/* Version 0.1: "OFFSET,SIZE,OFFSET,SIZE..." in the extended header. */
static int read_sparse_text(const struct sdme_sparse *sparse, struct sdme_tar_text map,
                            struct sdme_error *error)
{
    const char *at = map.data, *end = map.data + map.size;
    uint64_t numbers[2];
    int count = 0;

    while (at < end) {
        const char *comma = memchr(at, ',', (size_t) (end - at));
        struct sdme_tar_text digits = {at, (size_t) ((comma ? comma : end) - at)};

        if (!sdme_pax_number(digits, &numbers[count++]))
            return sdme_tar_fail_field(error, "part of a sparse file");
        at = comma ? comma + 1 : end;
        if (count < 2)
            continue;
        int code = sdme_pax_add_extent(sparse->pax, numbers[0], numbers[1], error);
        if (code < 0)
            return code;
        count = 0;
    }
    return count == 0 ? 0 : sdme_tar_fail_field(error, "part of a sparse file");
}

/* Version 1.0: decimal numbers, a line each, in whole blocks in front of the content. */
struct sparse_lines {
    const struct sdme_sparse *sparse;
    const unsigned char *block;
    size_t at;
};

static int read_line(struct sparse_lines *lines, uint64_t *ret_number, struct sdme_error *error)
{
    const struct sdme_sparse *sparse = lines->sparse;
    char digits[24];
    size_t count = 0;

    for (;;) {
        if (lines->at == SDME_TAR_BLOCK) {
            if (*sparse->left < SDME_TAR_BLOCK)
                return sdme_tar_fail_field(error, "part of a sparse file");
            int code = sparse->next_block(sparse->context, &lines->block, error);
            if (code <= 0)
                return code < 0 ? code : sdme_tar_fail_truncated(error);
            *sparse->left -= SDME_TAR_BLOCK;
            lines->at = 0;
        }
        char byte = (char) lines->block[lines->at++];
        if (byte == '\n')
            break;
        if (count == sizeof digits)
            return sdme_tar_fail_field(error, "part of a sparse file");
        digits[count++] = byte;
    }
    if (!sdme_pax_number((struct sdme_tar_text){digits, count}, ret_number))
        return sdme_tar_fail_field(error, "part of a sparse file");
    return 0;
}

static int read_sparse_lines(const struct sdme_sparse *sparse, struct sdme_error *error)
{
    struct sparse_lines lines = {.sparse = sparse, .at = SDME_TAR_BLOCK};
    uint64_t count = 0;

    int code = read_line(&lines, &count, error);
    for (; code >= 0 && count > 0; count--) {
        uint64_t offset, size;

        code = read_line(&lines, &offset, error);
        if (code >= 0)
            code = read_line(&lines, &size, error);
        if (code >= 0)
            code = sdme_pax_add_extent(sparse->pax, offset, size, error);
    }
    return code;
}

/* The extents must be in order and within the file, and have all that is stored. */
static int check_extents(const struct sdme_sparse *sparse, const struct sdme_tar_entry *entry,
                         struct sdme_error *error)
{
    uint64_t end = 0, stored = 0;

    for (size_t i = 0; i < sparse->pax->extent_count; i++) {
        const struct sdme_tar_extent *extent = &sparse->pax->extents[i];

        if (extent->offset < end || extent->offset > entry->size ||
            extent->size > entry->size - extent->offset)
            return sdme_fail_as(error, SDME_EFORMAT,
                                "part %zu of the sparse file is not behind the one before it and "
                                "within the file",
                                i + 1);
        end = extent->offset + extent->size;
        stored += extent->size;
    }
    if (stored != *sparse->left)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "the parts of the sparse file have %llu bytes, but %llu are stored",
                            (unsigned long long) stored, (unsigned long long) *sparse->left);
    return 0;
}

static int read_pax_sparse(const struct sdme_sparse *sparse, struct sdme_tar_entry *entry,
                           struct sdme_error *error)
{
    struct sdme_pax *local = sparse->pax;
    bool has_major = local->present[SDME_PAX_SPARSE_MAJOR];

    if (local->present[SDME_PAX_SPARSE_REAL_SIZE])
        entry->size = local->number[SDME_PAX_SPARSE_REAL_SIZE];
    else if (local->present[SDME_PAX_SPARSE_SIZE])
        entry->size = local->number[SDME_PAX_SPARSE_SIZE];
    else
        return sdme_tar_fail_field(error, "size of a sparse file");
    if (!has_major)
        return local->present[SDME_PAX_SPARSE_MAP]
                   ? read_sparse_text(sparse, local->text[SDME_PAX_SPARSE_MAP], error)
                   : 0;
    if (local->number[SDME_PAX_SPARSE_MAJOR] != 1 || local->number[SDME_PAX_SPARSE_MINOR] != 0)
        return sdme_fail_as(error, SDME_EFORMAT, "a sparse file of the unknown version %llu.%llu",
                            (unsigned long long) local->number[SDME_PAX_SPARSE_MAJOR],
                            (unsigned long long) local->number[SDME_PAX_SPARSE_MINOR]);
    return read_sparse_lines(sparse, error);
}

int sdme_sparse_read(const struct sdme_sparse *sparse, const struct sdme_tar_header *header,
                     struct sdme_tar_entry *entry, struct sdme_error *error)
{
    const struct sdme_pax *local = sparse->pax;
    bool is_old = header->type == 'S';
    bool is_pax = local->present[SDME_PAX_SPARSE_REAL_SIZE] ||
                  local->present[SDME_PAX_SPARSE_SIZE] || local->present[SDME_PAX_SPARSE_MAP] ||
                  local->present[SDME_PAX_SPARSE_MAJOR] || local->extent_count > 0;

    if (is_old && is_pax)
        return sdme_fail_as(error, SDME_EFORMAT, "a sparse file in two ways");
    if (!is_old && !is_pax)
        return 0;
    int code = is_old ? read_old_sparse(sparse, header, entry, error)
                      : read_pax_sparse(sparse, entry, error);
    if (code < 0)
        return code;
    if (entry->size > INT64_MAX)
        return sdme_tar_fail_field(error, "size");
    entry->is_sparse = true;
    entry->extents = sparse->pax->extents;
    entry->extent_count = sparse->pax->extent_count;
    return check_extents(sparse, entry, error);
}
