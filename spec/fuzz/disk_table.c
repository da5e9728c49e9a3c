/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "runtime/disk_table.h"

/*
 * A disk whose first byte says how long it is, and what begins as the rest of the input: the boot
 * records that are found lie on it, and none twice.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned int sizes[] = {512, 4096};
    struct sdme_disk_records records;
    uint64_t length = 64 * 1024;

    if (size < 1)
        return 0;
    int fd = memfd_create("disk", MFD_CLOEXEC);
    MUST(fd >= 0);
    length += (uint64_t) data[0] * 257;
    MUST(ftruncate(fd, (off_t) length) == 0);
    MUST(pwrite(fd, data + 1, size - 1, 0) == (ssize_t) size - 1);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint64_t offset = data[0] % 4 * 512;

        if (sdme_disk_table_check(fd, offset, length - offset, sizes[i], &records, NULL) < 0)
            continue;
        MUST(records.count <= SDME_DISK_PARTITIONS_MAX);
        for (size_t j = 0; j < records.count; j++) {
            MUST(records.offsets[j] >= offset && records.offsets[j] < length);
            for (size_t k = 0; k < j; k++)
                MUST(records.offsets[k] != records.offsets[j]);
        }
    }
    close(fd);
    return 0;
}
