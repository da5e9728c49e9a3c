/* SPDX-License-Identifier: MIT */
#include "qcow2_table.h"

#include "file.h"
#include "qcow2_image.h"

enum {
    REFCOUNT_ORDER = 4, /* 16 bits each, as version 2 has them and QEMU by default */
};

/*
 * The image grows at its end only. Each region that one refcount block counts begins with that
 * block (the first one with the header and the block), so that a block is finished as soon as the
 * next region begins. The L1 and refcount tables, which have to be in one piece, come last.
 */
struct sdme_qcow2_table {
    const struct sdme_qcow2_create *options;
    unsigned int cluster_bits;
    uint64_t cluster_size;
    uint64_t end; /* of the image */

    uint64_t *l1; /* as it will be in the image */
    uint64_t l1_size;
    uint64_t *l2; /* the current L2 table */
    uint64_t l2_index;
    bool has_l2;

    uint16_t *counts; /* of the current region */
    uint64_t region;
    uint64_t region_clusters; /* in each region */
    uint64_t *blocks;         /* where the block of each region is, as it will be in the image */
    size_t blocks_size;
};

static int write_at(const struct sdme_qcow2_table *table, const void *data, size_t size,
                    uint64_t offset, struct sdme_error *error)
{
    return sdme_file_write_at(table->options->output, data, size, offset,
                              table->options->output_name, error);
}

static int no_memory(const struct sdme_qcow2_table *table, struct sdme_error *error)
{
    return sdme_fail(error, ENOMEM, "write %s", table->options->output_name);
}

static uint64_t round_up(const struct sdme_qcow2_table *table, uint64_t offset)
{
    return (offset + table->cluster_size - 1) & ~(table->cluster_size - 1);
}

static int set_block(struct sdme_qcow2_table *table, uint64_t region, uint64_t host,
                     struct sdme_error *error)
{
    if (region >= table->blocks_size) {
        size_t size = 2 * (size_t) region + 16;
        uint64_t *blocks = reallocarray(table->blocks, size, sizeof *blocks);

        if (!blocks)
            return no_memory(table, error);
        memset(blocks + table->blocks_size, 0, (size - table->blocks_size) * sizeof *blocks);
        table->blocks = blocks;
        table->blocks_size = size;
    }
    table->blocks[region] = htobe64(host);
    return 0;
}

/* The reference count of a cluster of the current region. */
static uint16_t *count_of(const struct sdme_qcow2_table *table, uint64_t cluster)
{
    return &table->counts[cluster - table->region * table->region_clusters];
}

static void count(struct sdme_qcow2_table *table, uint64_t cluster)
{
    uint16_t *at = count_of(table, cluster);

    *at = htobe16((uint16_t) (be16toh(*at) + 1));
}

static int write_block(const struct sdme_qcow2_table *table, struct sdme_error *error)
{
    return write_at(table, table->counts, table->cluster_size,
                    be64toh(table->blocks[table->region]), error);
}

static bool is_in_region(const struct sdme_qcow2_table *table, uint64_t offset)
{
    return (offset >> table->cluster_bits) / table->region_clusters == table->region;
}

/* The image ends with the current region: finishes that and begins the next one. */
static int begin_region(struct sdme_qcow2_table *table, struct sdme_error *error)
{
    int code = write_block(table, error);
    if (code == 0)
        code = set_block(table, table->region + 1, table->end, error);
    if (code < 0)
        return code;
    table->region++;
    memset(table->counts, 0, table->cluster_size);
    count(table, table->end >> table->cluster_bits);
    table->end += table->cluster_size;
    return 0;
}

static int add_cluster(struct sdme_qcow2_table *table, uint64_t *ret_host, struct sdme_error *error)
{
    table->end = round_up(table, table->end);
    if (!is_in_region(table, table->end)) {
        int code = begin_region(table, error);
        if (code < 0)
            return code;
    }
    count(table, table->end >> table->cluster_bits);
    *ret_host = table->end;
    table->end += table->cluster_size;
    return 0;
}

/* Each host cluster that has a part of it counts it. */
static int add_compressed(struct sdme_qcow2_table *table, uint32_t size, uint64_t *ret_host,
                          struct sdme_error *error)
{
    bool at_start = (table->end & (table->cluster_size - 1)) == 0;

    if (!at_start && *count_of(table, table->end >> table->cluster_bits) == UINT16_MAX)
        table->end = round_up(table, table->end);
    if (!is_in_region(table, table->end + size - 1)) {
        table->end = round_up(table, table->end);
        int code = begin_region(table, error);
        if (code < 0)
            return code;
    }
    uint64_t last = (table->end + size - 1) >> table->cluster_bits;
    for (uint64_t cluster = table->end >> table->cluster_bits; cluster <= last; cluster++)
        count(table, cluster);
    *ret_host = table->end;
    table->end += size;
    return 0;
}

static int write_l2(struct sdme_qcow2_table *table, struct sdme_error *error)
{
    uint64_t host;

    if (!table->has_l2)
        return 0;
    int code = add_cluster(table, &host, error);
    if (code < 0)
        return code;
    table->l1[table->l2_index] = htobe64(host | SDME_QCOW2_ENTRY_COPIED);
    table->has_l2 = false;
    return write_at(table, table->l2, table->cluster_size, host, error);
}

static uint64_t describe_compressed(const struct sdme_qcow2_table *table, uint64_t host,
                                    uint32_t size)
{
    uint64_t sectors = (host + size - 1) / SDME_QCOW2_SECTOR - host / SDME_QCOW2_SECTOR;

    return SDME_QCOW2_ENTRY_COMPRESSED | sectors << sdme_qcow2_offset_bits(table->cluster_bits) |
           host;
}

int sdme_qcow2_table_add(struct sdme_qcow2_table *table, uint64_t offset, uint32_t size,
                         uint64_t *ret_host, struct sdme_error *error)
{
    unsigned int l2_bits = table->cluster_bits - 3;
    uint64_t index = offset >> (table->cluster_bits + l2_bits), host = 0;
    int code = 0;

    if (table->has_l2 && table->l2_index != index)
        code = write_l2(table, error);
    if (code == 0)
        code =
            size > 0 ? add_compressed(table, size, &host, error) : add_cluster(table, &host, error);
    if (code < 0)
        return code;
    if (!table->has_l2) {
        memset(table->l2, 0, table->cluster_size);
        table->l2_index = index;
        table->has_l2 = true;
    }
    uint64_t entry =
        size > 0 ? describe_compressed(table, host, size) : host | SDME_QCOW2_ENTRY_COPIED;
    uint64_t within = (offset >> table->cluster_bits) & ((UINT64_C(1) << l2_bits) - 1);
    table->l2[within] = htobe64(entry);
    *ret_host = host;
    return 0;
}

void sdme_qcow2_table_free(struct sdme_qcow2_table *table)
{
    if (!table)
        return;
    free(table->l1);
    free(table->l2);
    free(table->counts);
    free(table->blocks);
    free(table);
}

static void freep(struct sdme_qcow2_table **table)
{
    sdme_qcow2_table_free(*table);
}

/* QEMU opens no image without an L1 table, so an empty disk has one, too. */
static int start(struct sdme_qcow2_table *table, struct sdme_error *error)
{
    unsigned int bits = 2 * table->cluster_bits - 3;
    uint64_t disk = table->options->size;

    if (disk > INT64_MAX || disk >> bits >= SDME_QCOW2_L1_MAX)
        return sdme_fail_as(error, EFBIG,
                            "write %s: a disk of %" PRIu64
                            " bytes needs clusters of more than %" PRIu64 " bytes",
                            table->options->output_name, disk, table->cluster_size);
    table->l1_size = (disk >> bits) + 1;
    table->l1 = calloc(table->l1_size, sizeof *table->l1);
    table->l2 = malloc(table->cluster_size);
    table->counts = calloc(1, table->cluster_size);
    if (!table->l1 || !table->l2 || !table->counts)
        return no_memory(table, error);
    table->region_clusters = table->cluster_size / sizeof *table->counts;
    table->end = 2 * table->cluster_size;
    count(table, 0);
    count(table, 1);
    return set_block(table, 0, table->cluster_size, error);
}

int sdme_qcow2_table_new(const struct sdme_qcow2_create *options,
                         struct sdme_qcow2_table **ret_table, struct sdme_error *error)
{
    _cleanup_(freep) struct sdme_qcow2_table *table = calloc(1, sizeof *table);

    if (!table)
        return sdme_fail(error, ENOMEM, "write %s", options->output_name);
    table->options = options;
    table->cluster_size = options->cluster_size;
    table->cluster_bits = (unsigned int) __builtin_ctz(options->cluster_size);
    int code = start(table, error);
    if (code < 0)
        return code;
    *ret_table = SDME_TAKE(table);
    return 0;
}

/* What comes last, in clusters: tables, and the blocks of the regions that they reach into. */
struct tail {
    uint64_t l1;
    uint64_t refcounts;
    uint64_t refcount_clusters;
    uint64_t blocks;
    uint64_t last_region;
    uint64_t end;
};

static uint64_t clusters_for(const struct sdme_qcow2_table *table, uint64_t entries)
{
    return round_up(table, entries * sizeof(uint64_t)) >> table->cluster_bits;
}

/* More blocks take more room, which may want more blocks: goes on until that settles. */
static struct tail plan_tail(const struct sdme_qcow2_table *table)
{
    struct tail tail = {.last_region = table->region};
    uint64_t last;

    do {
        last = tail.last_region;
        tail.l1 = round_up(table, table->end) >> table->cluster_bits;
        tail.refcounts = tail.l1 + clusters_for(table, table->l1_size);
        tail.refcount_clusters = clusters_for(table, last + 1);
        tail.blocks = tail.refcounts + tail.refcount_clusters;
        tail.end = tail.blocks + last - table->region;
        tail.last_region = (tail.end - 1) / table->region_clusters;
    } while (tail.last_region != last);
    return tail;
}

/* Counts all clusters of the tail once, and writes the blocks that do. */
static int write_blocks(struct sdme_qcow2_table *table, const struct tail *tail,
                        struct sdme_error *error)
{
    uint64_t first = table->region, cluster = tail->l1;

    for (uint64_t region = first; region <= tail->last_region; region++) {
        uint64_t stop = (region + 1) * table->region_clusters;

        if (region > first) {
            int code = set_block(table, region,
                                 (tail->blocks + region - first - 1) << table->cluster_bits, error);
            if (code < 0)
                return code;
            memset(table->counts, 0, table->cluster_size);
            table->region = region;
        }
        for (; cluster < tail->end && cluster < stop; cluster++)
            count(table, cluster);
        int code = write_block(table, error);
        if (code < 0)
            return code;
    }
    return 0;
}

static int write_header(const struct sdme_qcow2_table *table, const struct tail *tail,
                        struct sdme_error *error)
{
    /* Behind the header, a header extension of type 0 says that there are no others. */
    unsigned char header[SDME_QCOW2_HEADER_SIZE + 8] = {0};
    const struct sdme_qcow2_create *options = table->options;

    sdme_qcow2_put32(header, SDME_QCOW2_MAGIC);
    sdme_qcow2_put32(header + SDME_QCOW2_VERSION, 3);
    sdme_qcow2_put32(header + SDME_QCOW2_CLUSTER_BITS, table->cluster_bits);
    sdme_qcow2_put64(header + SDME_QCOW2_SIZE, options->size);
    sdme_qcow2_put32(header + SDME_QCOW2_L1_SIZE, (uint32_t) table->l1_size);
    sdme_qcow2_put64(header + SDME_QCOW2_L1_OFFSET, tail->l1 << table->cluster_bits);
    sdme_qcow2_put64(header + SDME_QCOW2_REFCOUNT_OFFSET, tail->refcounts << table->cluster_bits);
    sdme_qcow2_put32(header + SDME_QCOW2_REFCOUNT_CLUSTERS, (uint32_t) tail->refcount_clusters);
    sdme_qcow2_put32(header + SDME_QCOW2_REFCOUNT_ORDER, REFCOUNT_ORDER);
    sdme_qcow2_put32(header + SDME_QCOW2_HEADER_LENGTH, SDME_QCOW2_HEADER_SIZE);
    if (options->compression == SDME_QCOW2_ZSTD) {
        sdme_qcow2_put64(header + SDME_QCOW2_INCOMPATIBLE, SDME_QCOW2_COMPRESSION_TYPE);
        header[SDME_QCOW2_COMPRESSION] = SDME_QCOW2_ZSTD;
    }
    return write_at(table, header, sizeof header, 0, error);
}

int sdme_qcow2_table_finish(struct sdme_qcow2_table *table, uint64_t *ret_size,
                            struct sdme_error *error)
{
    int code = write_l2(table, error);
    if (code < 0)
        return code;
    struct tail tail = plan_tail(table);
    uint64_t size = tail.end << table->cluster_bits;

    code = write_blocks(table, &tail, error);
    if (code < 0)
        return code;
    if (ftruncate(table->options->output, (off_t) size) < 0)
        return sdme_fail(error, errno, "write %s", table->options->output_name);
    code = write_at(table, table->l1, table->l1_size * sizeof *table->l1,
                    tail.l1 << table->cluster_bits, error);
    if (code == 0)
        code = write_at(table, table->blocks, (tail.last_region + 1) * sizeof *table->blocks,
                        tail.refcounts << table->cluster_bits, error);
    /* The header comes last: without it, this is no image. */
    if (code == 0)
        code = write_header(table, &tail, error);
    if (code == 0)
        *ret_size = size;
    return code;
}
