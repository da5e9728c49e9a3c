/* SPDX-License-Identifier: MIT */
#include "qcow2_image.h"

enum {
    SLICE = 512,          /* words of a table that are held at a time */
    PIECES_MAX = 1 << 16, /* that one extent is made of: the caller may want to stop between */
};

/* A part of a table of 64-bit words. */
struct slice {
    uint64_t table; /* its offset in the file; 0: nothing is held */
    uint64_t first;
    uint64_t count;
    uint64_t words[SLICE];
};

struct sdme_qcow2_cursor {
    const struct sdme_qcow2 *image;
    struct sdme_qcow2_cursor *backing;
    struct slice l1;
    struct slice l2;
};

int sdme_qcow2_cursor_new(const struct sdme_qcow2 *image, struct sdme_qcow2_cursor **ret_cursor,
                          struct sdme_error *error)
{
    struct sdme_qcow2_cursor *first = NULL, **end = &first;

    for (; image; image = image->backing) {
        *end = calloc(1, sizeof **end);
        if (!*end) {
            sdme_qcow2_cursor_free(first);
            return sdme_fail(error, ENOMEM, "read %s", image->name);
        }
        (*end)->image = image;
        end = &(*end)->backing;
    }
    *ret_cursor = first;
    return 0;
}

void sdme_qcow2_cursor_free(struct sdme_qcow2_cursor *cursor)
{
    while (cursor) {
        struct sdme_qcow2_cursor *backing = cursor->backing;

        free(cursor);
        cursor = backing;
    }
}

/* Word @index of a table that has @total of them and lies in the file. */
static int get_word(const struct sdme_qcow2 *image, struct slice *slice, uint64_t table,
                    uint64_t total, uint64_t index, const char *what, uint64_t *ret_word,
                    struct sdme_error *error)
{
    if (slice->table != table || index < slice->first || index - slice->first >= slice->count) {
        uint64_t first = index & ~(uint64_t) (SLICE - 1);
        uint64_t count = total - first < SLICE ? total - first : SLICE;

        slice->table = 0;
        int code =
            sdme_qcow2_read_file(image, table + 8 * first, slice->words, 8 * count, what, error);
        if (code < 0)
            return code;
        slice->table = table;
        slice->first = first;
        slice->count = count;
    }
    *ret_word = be64toh(slice->words[index - slice->first]);
    return 0;
}

/* Where something on the disk is described, for messages. */
struct place {
    const struct sdme_qcow2 *image;
    uint64_t l1_index;
    uint64_t l2_table;
    uint64_t l2_index;
};

static int bad_entry(const struct place *place, const char *what, uint64_t value,
                     struct sdme_error *error)
{
    return sdme_fail_as(
        error, SDME_EFORMAT,
        "%s: entry %" PRIu64 " of L2 table %" PRIu64 " at offset 0x%" PRIx64 ": %s (0x%" PRIx64 ")",
        place->image->name, place->l2_index, place->l1_index, place->l2_table, what, value);
}

static int beyond_end(const struct place *place, const char *what, uint64_t offset,
                      struct sdme_error *error)
{
    return sdme_fail_as(error, SDME_EFORMAT,
                        "%s: %s at offset 0x%" PRIx64 " (entry %" PRIu64 " of L2 table %" PRIu64
                        "): beyond the end of the file (%" PRIu64 " bytes)",
                        place->image->name, what, offset, place->l2_index, place->l1_index,
                        place->image->file_size);
}

/* The offset of the L2 table, 0 if there is none. */
static int find_l2(struct sdme_qcow2_cursor *cursor, uint64_t index, uint64_t *ret_table,
                   struct sdme_error *error)
{
    const struct sdme_qcow2 *image = cursor->image;
    uint64_t entry;

    int code = get_word(image, &cursor->l1, image->l1_offset, image->l1_size, index, "L1 table",
                        &entry, error);
    if (code < 0)
        return code;
    uint64_t table = entry & SDME_QCOW2_HOST_MASK;
    if (entry & SDME_QCOW2_L1_RESERVED)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "%s: entry %" PRIu64
                            " of the L1 table: reserved bits are set (0x%" PRIx64 ")",
                            image->name, index, entry);
    if (table & (image->info.cluster_size - 1))
        return sdme_fail_as(error, SDME_EFORMAT,
                            "%s: L2 table %" PRIu64 " at offset 0x%" PRIx64
                            ": not at the start of a cluster",
                            image->name, index, table);
    if (table && !sdme_qcow2_has(image, table, image->info.cluster_size))
        return sdme_fail_as(error, SDME_EFORMAT,
                            "%s: L2 table %" PRIu64 " at offset 0x%" PRIx64
                            ": beyond the end of the file (%" PRIu64 " bytes)",
                            image->name, index, table, image->file_size);
    *ret_table = table;
    return 0;
}

/* @extent has the offset and the most that it may be long; the rest is filled in. */
static int map_compressed(const struct place *place, uint64_t entry,
                          struct sdme_qcow2_extent *extent, struct sdme_error *error)
{
    const struct sdme_qcow2 *image = place->image;
    unsigned int bits = sdme_qcow2_offset_bits(image->cluster_bits);
    uint64_t host = entry & ((UINT64_C(1) << bits) - 1);
    uint64_t sectors = ((entry & ~SDME_QCOW2_ENTRY_COPIED & ~SDME_QCOW2_ENTRY_COMPRESSED) >> bits);

    if (host >> 56)
        return bad_entry(place, "reserved bits are set", entry, error);
    if (host >= image->file_size)
        return beyond_end(place, "compressed cluster", host, error);
    uint64_t size = (sectors + 1) * SDME_QCOW2_SECTOR - (host & (SDME_QCOW2_SECTOR - 1));
    if (size > image->file_size - host) /* the last sector need not be complete */
        size = image->file_size - host;
    extent->kind = SDME_QCOW2_COMPRESSED;
    extent->host = host;
    extent->size = (uint32_t) size;
    extent->skip = (uint32_t) (extent->offset & (image->info.cluster_size - 1));
    return 0;
}

/* Where the data of a standard cluster is. @entry has no flag bits left. */
static int map_data(const struct place *place, uint64_t host, struct sdme_qcow2_extent *extent,
                    struct sdme_error *error)
{
    const struct sdme_qcow2 *image = place->image;

    if (host == 0)
        return bad_entry(place, "a cluster at offset 0", host, error);
    host += extent->offset & (image->info.cluster_size - 1);
    if (!sdme_qcow2_has(image, host, extent->length))
        return beyond_end(place, "data cluster", host, error);
    extent->kind = SDME_QCOW2_DATA;
    extent->host = host;
    return 0;
}

static int map_standard(const struct place *place, uint64_t entry, struct sdme_qcow2_extent *extent,
                        struct sdme_error *error)
{
    uint64_t host = entry & SDME_QCOW2_HOST_MASK;

    if (entry & SDME_QCOW2_ENTRY_ZERO) {
        if (place->image->info.version < 3)
            return bad_entry(place, "a zero cluster, which version 2 hasn't", entry, error);
        extent->kind = SDME_QCOW2_ZERO;
        return 0;
    }
    if (host == 0 && !(entry & SDME_QCOW2_ENTRY_COPIED)) {
        extent->kind = SDME_QCOW2_UNALLOCATED;
        return 0;
    }
    return map_data(place, host, extent, error);
}

/* The stretch of subclusters that are stored as the first one is. */
static int map_subclusters(const struct place *place, uint64_t entry, uint64_t bitmap,
                           struct sdme_qcow2_extent *extent, struct sdme_error *error)
{
    uint32_t cluster_size = place->image->info.cluster_size;
    uint32_t size = cluster_size / SDME_QCOW2_SUBCLUSTERS;
    uint64_t within = extent->offset & (cluster_size - 1);
    uint32_t allocated = (uint32_t) bitmap, zero = (uint32_t) (bitmap >> 32);
    unsigned int first = (unsigned int) (within / size), end = first + 1;

    if (entry & SDME_QCOW2_ENTRY_ZERO)
        return bad_entry(place, "reserved bits are set", entry, error);
    if (allocated & zero)
        return bad_entry(place, "subclusters with data that read as zeros", bitmap, error);
    bool has_data = allocated >> first & 1, is_zero = zero >> first & 1;
    while (end < SDME_QCOW2_SUBCLUSTERS && (allocated >> end & 1) == has_data &&
           (zero >> end & 1) == is_zero)
        end++;
    uint64_t length = (uint64_t) end * size - within;
    if (extent->length > length)
        extent->length = length;
    if (has_data)
        return map_data(place, entry & SDME_QCOW2_HOST_MASK, extent, error);
    extent->kind = is_zero ? SDME_QCOW2_ZERO : SDME_QCOW2_UNALLOCATED;
    return 0;
}

/* What the entry of one cluster says about @extent, which ends with that cluster at the latest. */
static int map_cluster(struct sdme_qcow2_cursor *cursor, struct place *place,
                       struct sdme_qcow2_extent *extent, struct sdme_error *error)
{
    const struct sdme_qcow2 *image = cursor->image;
    unsigned int words = image->info.extended_l2 ? 2 : 1;
    uint64_t total = image->info.cluster_size / 8, entry, bitmap = 0;

    int code = get_word(image, &cursor->l2, place->l2_table, total, place->l2_index * words,
                        "L2 table", &entry, error);
    if (code < 0)
        return code;
    if (words == 2) {
        code = get_word(image, &cursor->l2, place->l2_table, total, place->l2_index * words + 1,
                        "L2 table", &bitmap, error);
        if (code < 0)
            return code;
    }
    if (entry & SDME_QCOW2_ENTRY_COMPRESSED)
        return map_compressed(place, entry, extent, error);
    if (entry & SDME_QCOW2_L2_RESERVED)
        return bad_entry(place, "reserved bits are set", entry, error);
    if (entry & SDME_QCOW2_HOST_MASK & (image->info.cluster_size - 1))
        return bad_entry(place, "data that is not at the start of a cluster", entry, error);
    if (words == 2)
        return map_subclusters(place, entry, bitmap, extent, error);
    return map_standard(place, entry, extent, error);
}

/* At most one cluster, or all that an L2 table that isn't there would describe. */
static int map_piece(struct sdme_qcow2_cursor *cursor, uint64_t offset, uint64_t limit,
                     struct sdme_qcow2_extent *extent, struct sdme_error *error)
{
    const struct sdme_qcow2 *image = cursor->image;
    unsigned int l1_shift = image->cluster_bits + image->l2_bits;
    struct place place = {.image = image, .l1_index = offset >> l1_shift};

    *extent = (struct sdme_qcow2_extent){.offset = offset, .image = image};
    int code = find_l2(cursor, place.l1_index, &place.l2_table, error);
    if (code < 0)
        return code;
    uint64_t span = UINT64_C(1) << (place.l2_table ? image->cluster_bits : l1_shift);
    uint64_t rest = span - (offset & (span - 1));
    extent->length = limit < rest ? limit : rest;
    if (!place.l2_table)
        return 0;
    place.l2_index = (offset >> image->cluster_bits) & ((UINT64_C(1) << image->l2_bits) - 1);
    return map_cluster(cursor, &place, extent, error);
}

static bool continues(const struct sdme_qcow2_extent *extent, const struct sdme_qcow2_extent *next)
{
    if (extent->kind != next->kind || extent->kind == SDME_QCOW2_COMPRESSED)
        return false;
    return extent->kind != SDME_QCOW2_DATA || extent->host + extent->length == next->host;
}

static int map_image(struct sdme_qcow2_cursor *cursor, uint64_t offset, uint64_t limit,
                     struct sdme_qcow2_extent *ret_extent, struct sdme_error *error)
{
    struct sdme_qcow2_extent extent, next;

    int code = map_piece(cursor, offset, limit, &extent, error);
    if (code < 0)
        return code;
    for (int i = 1; extent.length < limit && i < PIECES_MAX; i++) {
        if (extent.kind == SDME_QCOW2_COMPRESSED)
            break;
        code = map_piece(cursor, offset + extent.length, limit - extent.length, &next, error);
        if (code < 0)
            return code;
        if (!continues(&extent, &next))
            break;
        extent.length += next.length;
    }
    *ret_extent = extent;
    return 0;
}

/* A raw file's own holes stay holes. */
static int map_raw(const struct sdme_qcow2 *image, uint64_t offset, uint64_t limit,
                   struct sdme_qcow2_extent *ret_extent, struct sdme_error *error)
{
    struct sdme_qcow2_extent extent = {.offset = offset, .length = limit, .image = image};
    off_t data = lseek(image->fd, (off_t) offset, SEEK_DATA);

    if (data < 0 && errno != ENXIO)
        return sdme_fail(error, errno, "look for data in %s", image->name);
    if (data < 0 || (uint64_t) data > offset) {
        extent.kind = SDME_QCOW2_ZERO;
        if (data >= 0 && (uint64_t) data - offset < limit)
            extent.length = (uint64_t) data - offset;
    } else {
        off_t hole = lseek(image->fd, data, SEEK_HOLE);

        extent.kind = SDME_QCOW2_DATA;
        extent.host = offset;
        if (hole > data && (uint64_t) hole - offset < limit)
            extent.length = (uint64_t) hole - offset;
    }
    *ret_extent = extent;
    return 0;
}

int sdme_qcow2_map(struct sdme_qcow2_cursor *cursor, uint64_t offset, uint64_t limit,
                   struct sdme_qcow2_extent *ret_extent, struct sdme_error *error)
{
    struct sdme_qcow2_extent extent = {.offset = offset, .length = limit};

    for (; cursor; cursor = cursor->backing) {
        const struct sdme_qcow2 *image = cursor->image;

        if (offset >= image->info.size) /* the backing file is shorter: zeros */
            break;
        if (extent.length > image->info.size - offset)
            extent.length = image->info.size - offset;
        int code = image->is_raw ? map_raw(image, offset, extent.length, &extent, error)
                                 : map_image(cursor, offset, extent.length, &extent, error);
        if (code < 0)
            return code;
        if (extent.kind != SDME_QCOW2_UNALLOCATED)
            break;
    }
    if (extent.kind == SDME_QCOW2_UNALLOCATED)
        extent.kind = SDME_QCOW2_ZERO;
    *ret_extent = extent;
    return 0;
}
