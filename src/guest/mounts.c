/* SPDX-License-Identifier: MIT */
#include "mounts.h"

#include "program.h"
#include "system.h"

static const struct filesystem {
    const char *type;
    const char *target;
    const char *mode; /* of its root, if not the type's own */
    bool optional;    /* where its directory is missing */
} filesystems[] = {
    {"proc", "/proc", NULL, false},
    {"tmpfs", "/dev/shm", "1777", true},
    {"mqueue", "/dev/mqueue", NULL, true},
};

/*
 * A process that is root needs no capability to write to most of /proc/sys, and some of that would
 * give it the machine; by cgroups it could stop and starve others of its container. The lists are
 * those of the OCI runtimes: `maskedPaths` and `readonlyPaths`.
 */
static const char *const hidden[] = {
    "/proc/acpi",        "/proc/asound", "/proc/interrupts", "/proc/kallsyms",
    "/proc/kcore",       "/proc/keys",   "/proc/kmsg",       "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi",   "/proc/timer_list", "/proc/timer_stats",
};

static const char *const read_only[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/sys/fs/cgroup",
};

static const unsigned long CAREFUL = MS_NOSUID | MS_NODEV | MS_NOEXEC;

static int make_filesystem(const struct filesystem *filesystem)
{
    int context = (int) CALL(NR_FSOPEN, filesystem->type, FSOPEN_CLOEXEC), code = 0, made;

    if (context < 0)
        return context;
    CALL(NR_FSCONFIG, context, FSCONFIG_SET_STRING, "source", filesystem->type, 0);
    if (filesystem->mode)
        code = (int) CALL(NR_FSCONFIG, context, FSCONFIG_SET_STRING, "mode", filesystem->mode, 0);
    if (code == 0)
        code = (int) CALL(NR_FSCONFIG, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    made = code < 0 ? code
                    : (int) CALL(NR_FSMOUNT, context, FSMOUNT_CLOEXEC,
                                 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    sys_close(context);
    return made;
}

/* The directory is the image's, and so is opened without following a link. */
static void mount_filesystem(const struct filesystem *filesystem)
{
    int target = sys_open(AT_FDCWD, filesystem->target, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    int made, code;

    if (target < 0 && filesystem->optional)
        return;
    if (target < 0)
        program_fail_errno(STATUS_FAILED, target, filesystem->target);
    made = make_filesystem(filesystem);
    if (made < 0)
        program_fail_errno(STATUS_FAILED, made, "mount ", filesystem->type, " on ",
                           filesystem->target);
    code = (int) CALL(NR_MOVE_MOUNT, made, "", target, "",
                      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "mount on ", filesystem->target);
    sys_close(made);
    sys_close(target);
}

static void make_read_only(const char *path)
{
    static const struct mount_attributes attributes = {.set = MOUNT_ATTR_RDONLY};
    int code = sys_mount(path, path, NULL, MS_BIND | MS_REC);

    if (code == -ENOENT)
        return;
    if (code == 0)
        code = (int) CALL(NR_MOUNT_SETATTR, AT_FDCWD, path, AT_RECURSIVE, &attributes,
                          sizeof attributes);
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "make ", path, " read-only");
}

/* Not whatever else an image has put there. */
static void check_null(void)
{
    struct file_status status;
    int code = sys_status(AT_FDCWD, "/dev/null", &status);

    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "/dev/null");
    if ((status.mode & S_IFMT) != S_IFCHR || status.rdev_major != 1 || status.rdev_minor != 3)
        program_fail(STATUS_FAILED, "/dev/null: expected the device 1:3");
}

static void hide(const char *path)
{
    struct file_status status;
    int code;

    if (sys_status(AT_FDCWD, path, &status) < 0)
        return;
    if ((status.mode & S_IFMT) == S_IFDIR)
        code = sys_mount("tmpfs", path, "tmpfs", MS_RDONLY | CAREFUL);
    else
        code = sys_mount("/dev/null", path, NULL, MS_BIND);
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "hide ", path);
}

void mounts_make(void)
{
    int code = sys_mount(NULL, "/", NULL, MS_SLAVE | MS_REC);

    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "mounts of our own");
    for (size_t i = 0; i < ELEMENTS(filesystems); i++)
        mount_filesystem(&filesystems[i]);
    for (size_t i = 0; i < ELEMENTS(read_only); i++)
        make_read_only(read_only[i]);
    check_null();
    for (size_t i = 0; i < ELEMENTS(hidden); i++)
        hide(hidden[i]);
}

/* A /sys of its own has only who owns the network (sysfs(5)). */
static const char *const networks[] = {"/sys/class/net", "/sys/devices/virtual/net"};

void mounts_leave(const char *path)
{
    int code = (int) CALL(NR_UMOUNT2, path, MNT_DETACH | UMOUNT_NOFOLLOW);

    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "unmount ", path);
    for (size_t i = 0; i < ELEMENTS(networks); i++)
        hide(networks[i]);
}
