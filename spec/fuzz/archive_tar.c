/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <stdio.h>

#include "runtime/archive_header.h"
#include "runtime/archive_path.h"

/* Pieces as a pipeline gives them: whole blocks, but for the last. */
struct pieces {
    const uint8_t *data;
    size_t left;
    size_t piece;
};

static int next_piece(void *context, const unsigned char **ret_data, size_t *ret_size,
                      struct sdme_error *error)
{
    struct pieces *pieces = context;
    size_t size = pieces->left < pieces->piece ? pieces->left : pieces->piece;

    (void) error;
    if (size == 0)
        return 0;
    *ret_data = pieces->data;
    *ret_size = size;
    pieces->data += size;
    pieces->left -= size;
    return 1;
}

static void check_entry(const struct sdme_tar_entry *entry)
{
    struct sdme_archive_path path;
    uint64_t end = 0;

    MUST(!(entry->mode & ~07777U) && entry->uid != UINT32_MAX && entry->gid != UINT32_MAX);
    MUST(strlen(entry->path.data) == entry->path.size);
    MUST(strlen(entry->link.data) == entry->link.size);
    MUST(entry->size <= INT64_MAX && entry->major <= 0xfff && entry->minor <= 0xfffff);
    MUST(entry->mtime.tv_nsec >= 0 && entry->mtime.tv_nsec < 1000000000);
    MUST(entry->atime.tv_nsec >= 0 && entry->atime.tv_nsec < 1000000000);
    for (size_t i = 0; i < entry->extent_count; i++) {
        MUST(entry->extents[i].offset >= end);
        end = entry->extents[i].offset + entry->extents[i].size;
        MUST(end >= entry->extents[i].offset && end <= entry->size);
    }
    for (size_t i = 0; i < entry->attribute_count; i++)
        MUST(strlen(entry->attributes[i].name.data) == entry->attributes[i].name.size);
    if (sdme_archive_path_clean(entry->path.data, entry->path.size, 200, 9, &path, NULL) == 0)
        MUST(path.size <= 200 && strlen(path.text) == path.size);
}

/* All that is stored of an entry is what its extents have room for. */
static int read_content(struct sdme_tar *tar, const struct sdme_tar_entry *entry)
{
    uint64_t stored = 0, room = entry->is_sparse ? 0 : entry->size;
    const unsigned char *data;
    size_t size;
    int code;

    while ((code = sdme_tar_data(tar, &data, &size, NULL)) > 0)
        stored += size;
    for (size_t i = 0; i < entry->extent_count; i++)
        room += entry->extents[i].size;
    if (entry->type == S_IFREG)
        MUST(code < 0 ? stored < room : stored == room);
    return code;
}

/* Makes all headers valid that can be, or hardly any input would get beyond the first one. */
static void mend_checksums(uint8_t *data, size_t size)
{
    for (size_t at = 0; at + SDME_TAR_BLOCK <= size; at += SDME_TAR_BLOCK) {
        unsigned int sum = 0;
        char text[8];

        if (data[at + 148] != 'c')
            continue;
        memset(data + at + 148, ' ', 8);
        for (size_t i = 0; i < SDME_TAR_BLOCK; i++)
            sum += data[at + i];
        snprintf(text, sizeof text, "%06o", sum);
        memcpy(data + at + 148, text, 7);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = (uint8_t *) to_text(data, size);
    struct pieces pieces = {bytes, size, (size % 3 + 1) * SDME_TAR_BLOCK};
    struct sdme_tar_source source = {next_piece, &pieces};
    struct sdme_error error = {0};
    struct sdme_tar_entry entry;
    uint64_t number = 0;
    struct sdme_tar *tar;
    int code;

    mend_checksums(bytes, size);
    MUST(sdme_tar_new(&source, &tar, NULL) == 0);
    while ((code = sdme_tar_next(tar, &entry, &error)) > 0) {
        MUST(entry.number == ++number && entry.offset < size);
        check_entry(&entry);
        if (number % 3 != 0 && read_content(tar, &entry) < 0)
            break;
    }
    MUST(code >= 0 || (error.code > 0 && strlen(error.message) > 0));
    sdme_tar_free(tar);
    free(bytes);
    return 0;
}
