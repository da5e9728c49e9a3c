/* SPDX-License-Identifier: MIT */
#include "overlay.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

#include "mount.h"
#include "overlay_names.h"
#include "util.h"

/* Before Linux 6.13 the parameters take no descriptors; <linux/mount.h> of glibc 2.36 is older. */
#define PARAMETER_LOWER "lowerdir+"

struct lowers {
    int fds[SDME_OVERLAY_MAX_LOWERS];
    size_t count;
};

static void close_lowers(struct lowers *lowers)
{
    while (lowers->count > 0)
        sdme_close(lowers->fds[--lowers->count]);
}

/*
 * Owners are mapped now: a finished overlay can't be ID-mapped, and nor can what is in use. A lower
 * that isn't mapped is only opened, because each detached mount takes the kernel a grace period to
 * give up.
 */
static int open_lower(const struct sdme_overlay_lower *lower, bool mapped, int *ret_fd,
                      struct sdme_error *error)
{
    if (!mapped) {
        *ret_fd = open(lower->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return *ret_fd < 0 ? sdme_fail(error, errno, "open %s", lower->path) : 0;
    }
    int code = sdme_mount_clone(lower->path, false, ret_fd, error);
    if (code < 0 || lower->userns_fd < 0)
        return code;
    code = sdme_mount_map_owners(*ret_fd, lower->userns_fd, lower->path, error);
    if (code < 0)
        sdme_close(*ret_fd);
    return code;
}

/* With @mounts, all of them are detached mounts. */
static int open_lowers(const struct sdme_overlay *overlay, bool mounts, struct lowers *lowers,
                       struct sdme_error *error)
{
    for (size_t i = 0; i < overlay->lower_count; i++) {
        const struct sdme_overlay_lower *lower = &overlay->lowers[i];
        int code = open_lower(lower, mounts || lower->userns_fd >= 0, &lowers->fds[i], error);

        if (code < 0)
            return code;
        lowers->count++;
    }
    return 0;
}

static int fail_context(int context, int code, const char *what, struct sdme_error *error)
{
    return sdme_mount_fail(context, code, "overlay", what, error);
}

static int set_directory(int context, const char *key, const char *path, struct sdme_error *error)
{
    _cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return sdme_fail(error, errno, "mount overlay: open %s", path);
    if (fsconfig(context, FSCONFIG_SET_FD, key, NULL, fd) < 0)
        return fail_context(context, errno, path, error);
    return 0;
}

static int mount_by_descriptors(const struct sdme_overlay *overlay, const struct lowers *lowers,
                                int *ret_fd, struct sdme_error *error)
{
    _cleanup_close_ int context = fsopen("overlay", FSOPEN_CLOEXEC);
    int code = 0;

    if (context < 0)
        return sdme_fail(error, errno, "open the overlay filesystem");
    for (size_t i = 0; i < lowers->count; i++)
        if (fsconfig(context, FSCONFIG_SET_FD, PARAMETER_LOWER, NULL, lowers->fds[i]) < 0)
            return fail_context(context, errno, overlay->lowers[i].path, error);
    if (overlay->upper)
        code = set_directory(context, "upperdir", overlay->upper, error);
    if (overlay->upper && code == 0)
        code = set_directory(context, "workdir", overlay->work, error);
    if (code < 0)
        return code;
    if (overlay->metacopy && fsconfig(context, FSCONFIG_SET_STRING, "metacopy", "on", 0) < 0)
        return fail_context(context, errno, "metacopy=on", error);
    if (overlay->no_sync && fsconfig(context, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
        return fail_context(context, errno, "volatile", error);
    if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return fail_context(context, errno,
                            overlay->upper ? overlay->upper : overlay->lowers[0].path, error);
    int fd = fsmount(context, FSMOUNT_CLOEXEC, 0);
    if (fd < 0)
        return fail_context(context, errno, "fsmount", error);
    *ret_fd = fd;
    return 0;
}

static int mount_lower_alone(struct lowers *lowers, int *ret_fd, struct sdme_error *error)
{
    int code = sdme_mount_restrict(lowers->fds[0], false, error);

    if (code < 0)
        return code;
    *ret_fd = sdme_take_fd(&lowers->fds[0]);
    return 0;
}

static int mount_by_names(const struct sdme_overlay *overlay, int *ret_fd,
                          struct sdme_error *error)
{
    _cleanup_(close_lowers) struct lowers lowers = {0};
    int code = open_lowers(overlay, true, &lowers, error);

    return code < 0 ? code : sdme_overlay_mount_by_names(overlay, lowers.fds, ret_fd, error);
}

int sdme_overlay_mount(const struct sdme_overlay *overlay, int *ret_fd, struct sdme_error *error)
{
    _cleanup_(close_lowers) struct lowers lowers = {0};
    bool alone = !overlay->upper && overlay->lower_count == 1;
    int code;

    if (overlay->lower_count == 0 || overlay->lower_count > SDME_OVERLAY_MAX_LOWERS)
        return sdme_fail_as(error, EINVAL, "mount overlay: 1 to %d lower layers, not %zu",
                            SDME_OVERLAY_MAX_LOWERS, overlay->lower_count);
    if (!overlay->upper != !overlay->work)
        return sdme_fail_as(error, EINVAL, "mount overlay: upper and work go together");
    if (overlay->no_descriptors && !alone)
        return mount_by_names(overlay, ret_fd, error);
    code = open_lowers(overlay, alone, &lowers, error);
    if (code < 0)
        return code;
    if (alone)
        return mount_lower_alone(&lowers, ret_fd, error);

    code = mount_by_descriptors(overlay, &lowers, ret_fd, error);
    /* Before Linux 6.5 overlayfs has only mount(2)'s options: fsconfig(2) takes no descriptor. */
    if (code == -EOPNOTSUPP)
        return mount_by_names(overlay, ret_fd, error);
    /* What it can't parse as a descriptor, a kernel before 6.13 takes by name. */
    if (code == -EINVAL && mount_by_names(overlay, ret_fd, NULL) == 0)
        return 0;
    return code;
}
