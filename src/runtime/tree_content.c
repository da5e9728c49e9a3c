/* SPDX-License-Identifier: MIT */
#include "tree_content.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

#include "tree_metadata.h"

enum {
    SMALL = 64 * 1024, /* up to here, read and write are quicker than copy_file_range(2) */
    RANGE_AT_ONCE = 16 * 1024 * 1024,
};

static int copy_through_buffer(int in, int out, uint64_t length)
{
    char buffer[SMALL];

    while (length > 0) {
        ssize_t count = read(in, buffer, length < sizeof buffer ? length : sizeof buffer);

        if (count == 0)
            return -EBUSY;
        if (count < 0)
            return -errno;
        for (ssize_t done = 0; done < count;) {
            ssize_t written = write(out, buffer + done, (size_t) (count - done));

            if (written < 0)
                return -errno;
            done += written;
        }
        length -= (uint64_t) count;
    }
    return 0;
}

/* Copies @length bytes from where the descriptors are; -EBUSY if the file ends before. */
static int copy_range(struct sdme_tree_content *content, int in, int out, uint64_t length)
{
    while (length > SMALL && !atomic_load(&content->no_range)) {
        ssize_t count = copy_file_range(in, NULL, out, NULL,
                                        length < RANGE_AT_ONCE ? length : RANGE_AT_ONCE, 0);

        if (sdme_cancelled(content->cancel))
            return -ECANCELED;
        if (count == 0)
            return -EBUSY;
        if (count > 0)
            length -= (uint64_t) count;
        else if (errno == EXDEV || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)
            atomic_store(&content->no_range, true);
        else if (errno != EINTR)
            return -errno;
    }
    for (; length > RANGE_AT_ONCE; length -= RANGE_AT_ONCE) {
        int code = copy_through_buffer(in, out, RANGE_AT_ONCE);

        if (code < 0)
            return code;
        if (sdme_cancelled(content->cancel))
            return -ECANCELED;
    }
    return copy_through_buffer(in, out, length);
}

static int copy_with_holes(struct sdme_tree_content *content, int in, int out, off_t size)
{
    for (off_t at = 0; at < size;) {
        off_t data = lseek(in, at, SEEK_DATA);

        if (data < 0 && errno == ENXIO)
            break;
        off_t hole = data < 0 ? -1 : lseek(in, data, SEEK_HOLE);
        if (data < 0 || hole < 0)
            return -errno;
        if (hole > size)
            hole = size;
        if (data >= hole)
            break;
        if (lseek(in, data, SEEK_SET) < 0 || lseek(out, data, SEEK_SET) < 0)
            return -errno;
        int code = copy_range(content, in, out, (uint64_t) (hole - data));
        if (code < 0)
            return code;
        at = hole;
    }
    return ftruncate(out, size) < 0 ? -errno : 0;
}

static bool clone_file(struct sdme_tree_content *content, int in, int out)
{
    if (atomic_load(&content->no_clone))
        return false;
    if (ioctl(out, FICLONE, in) == 0)
        return true;
    if (errno == EOPNOTSUPP || errno == EXDEV || errno == ENOTTY || errno == ENOSYS)
        atomic_store(&content->no_clone, true);
    return false;
}

int sdme_tree_content_copy(struct sdme_tree_content *content, int in, int out,
                           const struct statx *file)
{
    struct statx now;
    int code = 0;

    if (file->stx_size == 0 || clone_file(content, in, out))
        code = 0;
    else if (file->stx_blocks * 512 < file->stx_size)
        code = copy_with_holes(content, in, out, (off_t) file->stx_size);
    else
        code = copy_range(content, in, out, file->stx_size);
    if (code < 0)
        return code;
    code = sdme_tree_stat(in, &now);
    if (code < 0)
        return code;
    return sdme_tree_is_same(file, &now) ? 0 : -EBUSY;
}
