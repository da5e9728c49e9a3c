/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "util.h"

enum {
    TRIES = 200,
    PAUSE = 5 * 1000 * 1000, /* nanoseconds; 1 s in all */
};

static bool is_taken(int code)
{
    return code == -EBUSY || code == -EWOULDBLOCK;
}

/* -EBUSY, -EWOULDBLOCK: another process was quicker, or udev looks at the device. */
static int configure(const struct sdme_loop *loop, int number, int *ret_fd)
{
    struct loop_config config = {
        .fd = (__u32) loop->file_fd,
        .block_size = loop->sector_size,
        .info =
            {
                .lo_offset = loop->offset,
                .lo_sizelimit = loop->size,
                .lo_flags = LO_FLAGS_AUTOCLEAR | (loop->read_only ? LO_FLAGS_READ_ONLY : 0),
            },
    };
    char path[32];

    snprintf(path, sizeof path, "/dev/loop%d", number);
    _cleanup_close_ int fd = open(path, (loop->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 || ioctl(fd, LOOP_CONFIGURE, &config) < 0)
        return -errno;
    *ret_fd = sdme_take_fd(&fd);
    return 0;
}

int sdme_loop_attach(const struct sdme_loop *loop, int *ret_fd, struct sdme_error *error)
{
    _cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    int code = -EBUSY, number = -1;

    if (control < 0)
        return sdme_fail(error, errno, "open /dev/loop-control");
    for (int i = 0; i < TRIES && is_taken(code); i++) {
        if (i > 0)
            nanosleep(&(struct timespec){.tv_nsec = PAUSE}, NULL);
        number = ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0)
            return sdme_fail(error, errno, "find a free loop device");
        code = configure(loop, number, ret_fd);
    }
    return code < 0 ? sdme_fail(error, code, "set up /dev/loop%d", number) : 0;
}

int sdme_loop_path(int fd, char *path, size_t size, struct sdme_error *error)
{
    struct loop_info64 info;

    if (ioctl(fd, LOOP_GET_STATUS64, &info) < 0)
        return sdme_fail(error, errno, "get the status of a loop device");
    snprintf(path, size, "/dev/loop%u", info.lo_number);
    return 0;
}
