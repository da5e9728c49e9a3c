/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "runtime/disk_journal.h"

enum {
    LENGTH = 128 * 1024,
    LOG_AT = 64 * 1024, /* where what follows the superblock goes: an xfs may have its log there */
};

/* A superblock of 1 KiB where each filesystem has its own, and what else the input has. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        const char *type;
        off_t at;
    } kinds[] = {{"ext4", 1024}, {"xfs", 0}, {"btrfs", 65536}};
    size_t head = size < 1024 ? size : 1024;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int fd = memfd_create("disk", MFD_CLOEXEC);
        bool needed;

        MUST(fd >= 0);
        MUST(ftruncate(fd, LENGTH) == 0);
        MUST(pwrite(fd, data + head, size - head, LOG_AT) == (ssize_t) (size - head));
        MUST(pwrite(fd, data, head, kinds[i].at) == (ssize_t) head);
        sdme_disk_needs_replay(fd, 0, LENGTH, kinds[i].type, &needed, NULL);
        close(fd);
    }
    return 0;
}
