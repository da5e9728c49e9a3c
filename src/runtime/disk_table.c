/* SPDX-License-Identifier: MIT */
#include "disk_table.h"

#include <endian.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "util.h"

enum {
    RECORD_SIZE = 512, /* what is used of a sector, however long it is */
    ENTRIES_AT = 446,  /* "Legacy Master Boot Record", UEFI specification, 5.2.1 */
    ENTRY_SIZE = 16,
    ENTRY_COUNT = 4,
};

struct range {
    int fd;
    uint64_t offset, size;
    unsigned int sector_size;
};

struct entry {
    uint8_t type;
    uint32_t start, sectors;
};

static uint32_t read_le32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

/* Reads the record in sector @sector; zeros where there is nothing. */
static int read_record(const struct range *range, uint64_t sector, uint8_t record[RECORD_SIZE],
                       struct sdme_error *error)
{
    uint64_t at = range->offset + sector * range->sector_size;

    memset(record, 0, RECORD_SIZE);
    for (size_t done = 0; done < RECORD_SIZE;) {
        ssize_t count = pread(range->fd, record + done, RECORD_SIZE - done, (off_t) (at + done));

        if (count == 0)
            return 0;
        if (count < 0 && errno != EINTR)
            return sdme_fail(error, errno, "read the partition table at byte %" PRIu64, at);
        done += count > 0 ? (size_t) count : 0;
    }
    return 0;
}

static bool is_boot_record(const uint8_t record[RECORD_SIZE])
{
    return record[RECORD_SIZE - 2] == 0x55 && record[RECORD_SIZE - 1] == 0xaa;
}

static struct entry read_entry(const uint8_t record[RECORD_SIZE], int index)
{
    const uint8_t *at = record + ENTRIES_AT + (size_t) index * ENTRY_SIZE;

    return (struct entry){at[4], read_le32(at + 8), read_le32(at + 12)};
}

static bool is_extended(const struct entry *entry)
{
    return entry->sectors > 0 &&
           (entry->type == 0x05 || entry->type == 0x0f || entry->type == 0x85);
}

static int check_gpt_header(const struct range *range, uint64_t sector, struct sdme_error *error)
{
    uint8_t header[RECORD_SIZE];

    int code = read_record(range, sector, header, error);
    if (code < 0 || memcmp(header, "EFI PART", 8) != 0)
        return code;
    uint64_t count = read_le32(header + 80), size = read_le32(header + 84);
    if (count * size > SDME_DISK_GPT_MAX)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "the GPT header in sector %" PRIu64 " has %" PRIu64
                            " entries of %" PRIu64 " bytes: 1 MiB in all expected at most",
                            sector, count, size);
    return 0;
}

static int add_record(const struct range *range, uint64_t sector, struct sdme_disk_records *records,
                      struct sdme_error *error)
{
    uint64_t at = range->offset + sector * range->sector_size;

    if (sector >= range->size / range->sector_size)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "the partition table has a boot record at byte %" PRIu64
                            ", beyond the end of the disk at %" PRIu64,
                            at, range->offset + range->size);
    if (records->count == ELEMENTS(records->offsets))
        return sdme_fail_as(error, SDME_EFORMAT,
                            "the partition table has more than %d logical partitions",
                            SDME_DISK_PARTITIONS_MAX);
    for (size_t i = 0; i < records->count; i++)
        if (records->offsets[i] == at)
            return sdme_fail_as(error, SDME_EFORMAT,
                                "the boot records of logical partitions lead in a circle, back "
                                "to byte %" PRIu64,
                                at);
    records->offsets[records->count++] = at;
    return 0;
}

/* Each boot record in an extended partition leads to the next, counted from the partition. */
static int follow_chain(const struct range *range, uint32_t start,
                        struct sdme_disk_records *records, struct sdme_error *error)
{
    uint64_t sector = start;

    for (;;) {
        uint8_t record[RECORD_SIZE];
        struct entry entry = {0};

        int code = add_record(range, sector, records, error);
        if (code >= 0)
            code = read_record(range, sector, record, error);
        if (code < 0 || !is_boot_record(record))
            return code;
        for (int i = 0; i < ENTRY_COUNT && !is_extended(&entry); i++)
            entry = read_entry(record, i);
        if (!is_extended(&entry))
            return 0;
        sector = (uint64_t) start + entry.start;
    }
}

int sdme_disk_table_check(int fd, uint64_t offset, uint64_t size, unsigned int sector_size,
                          struct sdme_disk_records *ret_records, struct sdme_error *error)
{
    struct range range = {fd, offset, size, sector_size};
    struct sdme_disk_records records = {.count = 0};
    uint64_t sectors = size / sector_size;
    uint8_t record[RECORD_SIZE];

    int code = read_record(&range, 0, record, error);
    if (code >= 0 && sectors > 1)
        code = check_gpt_header(&range, 1, error);
    if (code >= 0 && sectors > 1)
        code = check_gpt_header(&range, sectors - 1, error);
    for (int i = 0; code >= 0 && is_boot_record(record) && i < ENTRY_COUNT; i++) {
        struct entry entry = read_entry(record, i);

        if (is_extended(&entry))
            code = follow_chain(&range, entry.start, &records, error);
    }
    if (code < 0)
        return code;
    *ret_records = records;
    return 0;
}
