/* SPDX-License-Identifier: MIT */
#include "disk_journal.h"

#include <endian.h>
#include <string.h>

#include "file.h"
#include "util.h"

enum {
    BTRFS_SUPERBLOCK = 64 * 1024,
    BLOCK = 512,                  /* of an xfs log, whatever the sectors are */
    XFS_HEADER_BLOCK = 32 * 1024, /* of a record that each block of its header is for */
    XFS_RECORD_MAX = 1024,        /* blocks: twice what the kernel writes (XLOG_MAX_RECORD_BSIZE) */
    XFS_LOG_MAX = 1 << 22,        /* blocks: 2 GiB, XFS_MAX_LOG_BYTES */
    XFS_UNMOUNT_FLAG = 0x20,
};

#define XFS_HEADER_MAGIC 0xfeedbabeU

struct range {
    int fd;
    uint64_t offset, size;
    struct sdme_error *error;
};

static int read_at(const struct range *range, uint64_t at, void *buffer, size_t size)
{
    size_t count;

    if (at > range->size || size > range->size - at)
        return sdme_fail_as(range->error, SDME_EFORMAT, "the filesystem goes beyond its partition");
    int code = sdme_file_read_at(range->fd, buffer, size, range->offset + at, &count,
                                 "the filesystem", range->error);
    if (code < 0)
        return code;
    if (count < size)
        return sdme_fail_as(range->error, SDME_EFORMAT, "the filesystem goes beyond its disk");
    return 0;
}

static int fail_magic(const struct range *range, const char *type)
{
    return sdme_fail_as(range->error, SDME_EFORMAT, "the filesystem is no %s", type);
}

static uint32_t be32_at(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return be32toh(value);
}

static uint64_t be64_at(const uint8_t *at)
{
    return (uint64_t) be32_at(at) << 32 | be32_at(at + 4);
}

/* "needs_recovery": struct ext4_super_block, s_magic and s_feature_incompat. */
static int look_at_ext(const struct range *range, bool *ret_needed)
{
    uint8_t block[0x64];
    int code = read_at(range, 1024, block, sizeof block);

    if (code < 0)
        return code;
    if (block[0x38] != 0x53 || block[0x39] != 0xef)
        return fail_magic(range, "ext4");
    *ret_needed = block[0x60] & 0x04;
    return 0;
}

/* A tree of what was synced since the last transaction: struct btrfs_super_block, log_root. */
static int look_at_btrfs(const struct range *range, bool *ret_needed)
{
    uint8_t block[0x68];
    int code = read_at(range, BTRFS_SUPERBLOCK, block, sizeof block);

    if (code < 0)
        return code;
    if (memcmp(block + 0x40, "_BHRfS_M", 8) != 0)
        return fail_magic(range, "btrfs");
    *ret_needed = be64_at(block + 0x60) != 0;
    return 0;
}

/* ---- xfs: "XFS Algorithms & Data Structures", Journaling Log */

/* A ring of blocks, written again and again. */
struct log {
    const struct range *range;
    uint64_t at; /* byte */
    uint32_t count;
};

/* Where the log is; a count of 0 if that is on another device. */
static int find_log(const struct range *range, struct log *ret_log)
{
    uint8_t block[BLOCK];
    int code = read_at(range, 0, block, sizeof block);

    if (code < 0)
        return code;
    uint64_t start = be64_at(block + 48);
    uint32_t size = be32_at(block + 4), group = be32_at(block + 84), count = be32_at(block + 96);
    unsigned int bits = block[124];
    if (memcmp(block, "XFSB", 4) != 0)
        return fail_magic(range, "xfs");
    if (size < BLOCK || size > 65536 || bits > 31 || count > XFS_LOG_MAX / (size / BLOCK) ||
        start >> bits > UINT32_MAX)
        return fail_magic(range, "xfs");
    ret_log->count = start == 0 ? 0 : count * (size / BLOCK);
    ret_log->at = ((start >> bits) * group + (start & ((1U << bits) - 1))) * size;
    return 0;
}

static int read_block(const struct log *log, uint32_t block, uint8_t ret_block[BLOCK])
{
    return read_at(log->range, log->at + (uint64_t) (block % log->count) * BLOCK, ret_block, BLOCK);
}

static bool is_header(const uint8_t block[BLOCK])
{
    return be32_at(block) == XFS_HEADER_MAGIC;
}

/* How many times the log had been full when a block was written, which begins with that. */
static int read_cycle(const struct log *log, uint32_t block, uint32_t *ret_cycle)
{
    uint8_t data[BLOCK];
    int code = read_block(log, block, data);

    if (code >= 0)
        *ret_cycle = be32_at(is_header(data) ? data + 4 : data);
    return code;
}

/* The first block that wasn't written as lately as those before it. */
static int find_head(const struct log *log, uint32_t *ret_head)
{
    uint32_t newest = 0, cycle = 0, low = 0, high = log->count;
    int code = read_cycle(log, 0, &newest);

    while (code >= 0 && high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        code = read_cycle(log, middle, &cycle);
        if (cycle == newest)
            low = middle;
        else
            high = middle;
    }
    *ret_head = newest == 0 ? 0 : high;
    return code;
}

/* Whether the record at @block is that of an unmount, and ends where @distance says. */
static int is_unmount(const struct log *log, uint32_t block, const uint8_t header[BLOCK],
                      uint32_t distance, bool *ret_is)
{
    uint32_t length = be32_at(header + 12), size = be32_at(header + 320), headers = 1;
    uint8_t data[BLOCK];

    *ret_is = false;
    if ((be32_at(header + 8) & 2) && size > XFS_HEADER_BLOCK && size <= XFS_RECORD_MAX * BLOCK)
        headers = (size + XFS_HEADER_BLOCK - 1) / XFS_HEADER_BLOCK;
    if (length > XFS_RECORD_MAX * BLOCK || headers + (length + BLOCK - 1) / BLOCK != distance ||
        be32_at(header + 40) != 1)
        return 0;
    int code = read_block(log, block + headers, data);
    if (code >= 0)
        *ret_is = data[9] & XFS_UNMOUNT_FLAG;
    return code;
}

/* The last record of a log that has nothing to be replayed is that of the unmount. */
static int look_at_xfs(const struct range *range, bool *ret_needed)
{
    uint8_t header[BLOCK];
    struct log log = {.range = range};
    uint32_t head;
    bool unmounted;
    int code = find_log(range, &log);

    if (code < 0 || log.count == 0)
        return code;
    code = find_head(&log, &head);
    if (code < 0 || head == 0) /* never written to */
        return code;
    for (uint32_t back = 1; back <= XFS_RECORD_MAX && back < log.count; back++) {
        uint32_t block = head + log.count - back;

        code = read_block(&log, block, header);
        if (code < 0)
            return code;
        if (!is_header(header))
            continue;
        code = is_unmount(&log, block, header, back, &unmounted);
        if (code >= 0)
            *ret_needed = !unmounted;
        return code;
    }
    *ret_needed = true;
    return 0;
}

int sdme_disk_needs_replay(int fd, uint64_t offset, uint64_t size, const char *type,
                           bool *ret_needed, struct sdme_error *error)
{
    static const struct {
        const char *type;
        int (*look)(const struct range *range, bool *ret_needed);
    } kinds[] = {
        {"ext2", look_at_ext}, {"ext3", look_at_ext},    {"ext4", look_at_ext},
        {"xfs", look_at_xfs},  {"btrfs", look_at_btrfs},
    };
    const struct range range = {.fd = fd, .offset = offset, .size = size, .error = error};
    bool needed = false;
    int code = 0;

    for (size_t i = 0; i < ELEMENTS(kinds); i++)
        if (!strcmp(type, kinds[i].type))
            code = kinds[i].look(&range, &needed);
    if (code < 0)
        return code;
    *ret_needed = needed;
    return 0;
}
