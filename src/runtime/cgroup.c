/* SPDX-License-Identifier: MIT */
#include "cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

/* The line of version 2, "0::/path" (cgroups(7), /proc/pid/cgroup). */
static int read_own_path(char *path, size_t size, struct sdme_error *error)
{
    char line[PATH_MAX + 8];
    FILE *file = fopen("/proc/self/cgroup", "re");

    if (!file)
        return sdme_fail(error, errno, "open /proc/self/cgroup");
    int code = sdme_fail_as(error, ENOENT, "/proc/self/cgroup has no line of version 2");
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "0::/", 4) != 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        int length = snprintf(path, size, "/sys/fs/cgroup%s/cgroup.procs", line + 3);
        code = length > 0 && (size_t) length < size ? 0 : sdme_fail(error, ENAMETOOLONG, "cgroup");
        break;
    }
    fclose(file);
    return code;
}

static int move_to_own(void *data, const struct sdme_cancel *cancel, struct sdme_error *error)
{
    char path[PATH_MAX];

    (void) data;
    (void) cancel;
    int code = read_own_path(path, sizeof path, error);
    if (code < 0)
        return code;
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return sdme_fail(error, errno, "open %s", path);
    return write(fd, "0", 1) < 0 ? sdme_fail(error, errno, "write %s", path) : 0;
}

int sdme_cgroup_expect_move(struct sdme_job **ret_job, struct sdme_error *error)
{
    return sdme_job_start(move_to_own, NULL, ret_job, error);
}
