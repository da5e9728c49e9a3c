/* SPDX-License-Identifier: MIT */
#include "disk.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "library.h"
#include "path.h"
#include "util.h"

#define FUNCTIONS(X)                                                                               \
    X(blkid_new_probe)                                                                             \
    X(blkid_free_probe)                                                                            \
    X(blkid_probe_set_device)                                                                      \
    X(blkid_probe_set_sectorsize)                                                                  \
    X(blkid_probe_enable_superblocks)                                                              \
    X(blkid_probe_set_superblocks_flags)                                                           \
    X(blkid_probe_enable_partitions)                                                               \
    X(blkid_probe_set_partitions_flags)                                                            \
    X(blkid_probe_filter_partitions_type)                                                          \
    X(blkid_do_safeprobe)                                                                          \
    X(blkid_probe_lookup_value)                                                                    \
    X(blkid_probe_get_partitions)                                                                  \
    X(blkid_partlist_numof_partitions)                                                             \
    X(blkid_partlist_get_partition)                                                                \
    X(blkid_partlist_get_table)                                                                    \
    X(blkid_parttable_get_type)                                                                    \
    X(blkid_parttable_get_id)                                                                      \
    X(blkid_partition_get_table)                                                                   \
    X(blkid_partition_get_partno)                                                                  \
    X(blkid_partition_get_start)                                                                   \
    X(blkid_partition_get_size)                                                                    \
    X(blkid_partition_get_type)                                                                    \
    X(blkid_partition_get_type_string)                                                             \
    X(blkid_partition_get_name)                                                                    \
    X(blkid_partition_get_uuid)                                                                    \
    X(blkid_partition_get_flags)                                                                   \
    X(blkid_partition_is_extended)

struct blkid {
    FUNCTIONS(SDME_LIBRARY_MEMBER)
};

static const char *const names[] = {FUNCTIONS(SDME_LIBRARY_NAME) NULL};

enum {
    BLKID_SECTOR = 512, /* what libblkid counts in, whatever the disk does */
};

/* A probing that goes on: what of the file it looks at. */
struct look {
    struct blkid blkid;
    int fd; /* with a position of its own */
    uint64_t offset, size;
    unsigned int sector_size;
    blkid_probe probe;
};

int sdme_disk_size(int fd, uint64_t *ret_size, struct sdme_error *error)
{
    struct stat file;

    if (fstat(fd, &file) < 0)
        return sdme_fail(error, errno, "stat a disk");
    if (S_ISREG(file.st_mode)) {
        *ret_size = (uint64_t) file.st_size;
        return 0;
    }
    if (!S_ISBLK(file.st_mode))
        return sdme_fail_as(error, EINVAL, "a disk is a regular file or a block device");
    if (ioctl(fd, BLKGETSIZE64, ret_size) < 0)
        return sdme_fail(error, errno, "get the size of a block device");
    return 0;
}

int sdme_disk_resize(int fd, uint64_t size, struct sdme_error *error)
{
    if (ftruncate(fd, (off_t) size) < 0)
        return sdme_fail(error, errno, "resize a disk to %" PRIu64 " bytes", size);
    return 0;
}

int sdme_disk_sync(int fd, struct sdme_error *error)
{
    return fsync(fd) < 0 ? sdme_fail(error, errno, "write a disk") : 0;
}

/* Has libblkid look at the range anew: 1 if it found something, 0 if not. */
static int look_at(struct look *look, bool partitions, struct sdme_error *error)
{
    const struct blkid *blkid = &look->blkid;
    char gpt[] = "gpt", dos[] = "dos", *tables[] = {gpt, dos, NULL};

    blkid->blkid_free_probe(look->probe);
    look->probe = blkid->blkid_new_probe();
    if (!look->probe)
        return sdme_fail(error, ENOMEM, "probe a disk");
    errno = 0;
    if (blkid->blkid_probe_set_device(look->probe, look->fd, (blkid_loff_t) look->offset,
                                      (blkid_loff_t) look->size) < 0 ||
        blkid->blkid_probe_set_sectorsize(look->probe, look->sector_size) < 0)
        return sdme_fail(error, errno ? errno : EIO, "probe a disk");
    blkid->blkid_probe_enable_superblocks(look->probe, !partitions);
    blkid->blkid_probe_set_superblocks_flags(look->probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE |
                                                              BLKID_SUBLKS_LABEL |
                                                              BLKID_SUBLKS_UUID);
    blkid->blkid_probe_enable_partitions(look->probe, partitions);
    blkid->blkid_probe_set_partitions_flags(look->probe, BLKID_PARTS_ENTRY_DETAILS);
    blkid->blkid_probe_filter_partitions_type(look->probe, BLKID_FLTR_ONLYIN, tables);
    int found = blkid->blkid_do_safeprobe(look->probe);
    if (found == -2)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "there are signatures of more than one filesystem at byte %" PRIu64,
                            look->offset);
    if (found < 0)
        return sdme_fail(error, errno ? errno : EIO, "probe a disk at byte %" PRIu64, look->offset);
    return found == 0;
}

static void copy_text(char *target, size_t size, const char *text)
{
    snprintf(target, size, "%s", text ? text : "");
}

static void copy_value(const struct look *look, const char *name, char *target, size_t size)
{
    const char *value;

    if (look->blkid.blkid_probe_lookup_value(look->probe, name, &value, NULL) < 0)
        value = NULL;
    copy_text(target, size, value);
}

static int find_filesystem(struct look *look, struct sdme_disk_filesystem *ret,
                           struct sdme_error *error)
{
    memset(ret, 0, sizeof *ret);
    int found = look_at(look, false, error);
    if (found <= 0)
        return found;
    copy_value(look, "TYPE", ret->type, sizeof ret->type);
    copy_value(look, "USAGE", ret->usage, sizeof ret->usage);
    copy_value(look, "LABEL", ret->label, sizeof ret->label);
    copy_value(look, "UUID", ret->uuid, sizeof ret->uuid);
    return 0;
}

static int read_partition(const struct look *look, blkid_partition from,
                          struct sdme_disk_partition *ret, struct sdme_error *error)
{
    const struct blkid *blkid = &look->blkid;
    uint64_t sectors = look->size / BLKID_SECTOR;
    uint64_t start = (uint64_t) blkid->blkid_partition_get_start(from);
    uint64_t count = (uint64_t) blkid->blkid_partition_get_size(from);
    int number = blkid->blkid_partition_get_partno(from);

    if (count > sectors || start > sectors - count)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "partition %d (sectors %" PRIu64 "+%" PRIu64
                            ") ends beyond the end of the disk at sector %" PRIu64,
                            number, start, count, sectors);
    *ret = (struct sdme_disk_partition){
        .number = number,
        .offset = look->offset + start * BLKID_SECTOR,
        .size = count * BLKID_SECTOR,
        .flags = blkid->blkid_partition_get_flags(from),
        .id = (unsigned int) blkid->blkid_partition_get_type(from),
    };
    copy_text(ret->type, sizeof ret->type, blkid->blkid_partition_get_type_string(from));
    copy_text(ret->name, sizeof ret->name, blkid->blkid_partition_get_name(from));
    copy_text(ret->uuid, sizeof ret->uuid, blkid->blkid_partition_get_uuid(from));
    return 0;
}

/* Those in another table within one of the partitions (BSD, Minix) aren't the disk's. */
static bool is_listed(const struct look *look, blkid_partition partition, blkid_parttable table)
{
    const struct blkid *blkid = &look->blkid;

    return partition && blkid->blkid_partition_get_table(partition) == table &&
           !blkid->blkid_partition_is_extended(partition) &&
           blkid->blkid_partition_get_size(partition) > 0;
}

static int read_table(const struct look *look, struct sdme_disk *disk, struct sdme_error *error)
{
    const struct blkid *blkid = &look->blkid;
    blkid_partlist list = blkid->blkid_probe_get_partitions(look->probe);
    blkid_parttable table = list ? blkid->blkid_partlist_get_table(list) : NULL;

    if (!table)
        return 0;
    copy_text(disk->table, sizeof disk->table, blkid->blkid_parttable_get_type(table));
    copy_text(disk->id, sizeof disk->id, blkid->blkid_parttable_get_id(table));
    int count = blkid->blkid_partlist_numof_partitions(list);
    if (count <= 0)
        return 0;
    if (count > SDME_DISK_PARTITIONS_MAX)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "the partition table has %d partitions: %d expected at most", count,
                            SDME_DISK_PARTITIONS_MAX);
    disk->partitions = calloc((size_t) count, sizeof *disk->partitions);
    if (!disk->partitions)
        return sdme_fail(error, ENOMEM, "read the partition table");
    for (int i = 0; i < count; i++) {
        blkid_partition partition = blkid->blkid_partlist_get_partition(list, i);

        if (!is_listed(look, partition, table))
            continue;
        int code = read_partition(look, partition, &disk->partitions[disk->count], error);
        if (code < 0)
            return code;
        disk->count++;
    }
    return 0;
}

/* With one size of sectors: 1 if there was something. */
static int probe_sectors(struct look *look, const struct sdme_disk_probe *probe,
                         struct sdme_disk *disk, struct sdme_error *error)
{
    int code = 0;

    disk->sector_size = look->sector_size;
    if (!probe->no_table) {
        code = sdme_disk_table_check(look->fd, look->offset, look->size, look->sector_size,
                                     &disk->records, error);
        if (code >= 0)
            code = look_at(look, true, error);
        if (code > 0)
            code = read_table(look, disk, error);
    }
    if (code >= 0 && disk->count == 0)
        code = find_filesystem(look, &disk->filesystem, error);
    if (code < 0)
        return code;
    return *disk->table || *disk->filesystem.type;
}

static int probe_partitions(struct look *look, struct sdme_disk *disk, struct sdme_error *error)
{
    for (size_t i = 0; i < disk->count; i++) {
        struct sdme_disk_partition *partition = &disk->partitions[i];

        look->offset = partition->offset;
        look->size = partition->size;
        int code = find_filesystem(look, &partition->filesystem, error);
        if (code < 0)
            return sdme_fail_in(error, code, "partition %d", partition->number);
    }
    return 0;
}

static int probe_range(struct look *look, const struct sdme_disk_probe *probe,
                       struct sdme_disk *disk, struct sdme_error *error)
{
    look->sector_size = probe->sector_size ? probe->sector_size : 512;
    int code = probe_sectors(look, probe, disk, error);
    if (code == 0 && !probe->sector_size && !probe->no_table) {
        look->sector_size = 4096;
        code = probe_sectors(look, probe, disk, error);
        if (code == 0)
            disk->sector_size = 512;
    }
    if (code > 0 && !probe->no_filesystems)
        code = probe_partitions(look, disk, error);
    return code < 0 ? code : 0;
}

static int set_range(struct look *look, const struct sdme_disk_probe *probe,
                     struct sdme_error *error)
{
    uint64_t size;

    int code = sdme_disk_size(look->fd, &size, error);
    if (code < 0)
        return code;
    look->offset = probe->offset;
    look->size = probe->size || probe->offset > size ? probe->size : size - probe->offset;
    if (look->offset > size || look->size > size - look->offset)
        return sdme_fail_as(error, EINVAL,
                            "bytes %" PRIu64 "+%" PRIu64 " of a disk that has %" PRIu64,
                            look->offset, look->size, size);
    return 0;
}

int sdme_disk_probe(int fd, const struct sdme_disk_probe *probe, struct sdme_disk *ret_disk,
                    struct sdme_error *error)
{
    struct sdme_disk disk = {.sector_size = 512};
    struct look look = {.fd = -1};

    int code = sdme_library_load("libblkid.so.1", names, &look.blkid, error);
    if (code < 0)
        return code;
    look.fd = open(sdme_path_of_fd(fd).text, O_RDONLY | O_CLOEXEC);
    if (look.fd < 0)
        return sdme_fail(error, errno, "open a disk");
    code = set_range(&look, probe, error);
    if (code >= 0 && look.size > 0) /* libblkid takes 0 for all of it */
        code = probe_range(&look, probe, &disk, error);
    look.blkid.blkid_free_probe(look.probe);
    sdme_close(look.fd);
    if (code < 0) {
        sdme_disk_free(&disk);
        return code;
    }
    *ret_disk = disk;
    return 0;
}

void sdme_disk_free(struct sdme_disk *disk)
{
    free(disk->partitions);
    disk->partitions = NULL;
    disk->count = 0;
}
