/* SPDX-License-Identifier: MIT */
/*
 * The kernel as these programs see it, who have no libc: system calls that return a negative errno,
 * and what of the kernel's interface they need. The headers of the kernel and of libc are those of
 * the architecture that compiles, which may be another one.
 */
#ifndef SDME_GUEST_SYSTEM_H
#define SDME_GUEST_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined __x86_64__
#include "x86_64.h"
#elif defined __aarch64__
#include "aarch64.h"
#else
#error "no system calls for this architecture: add a header like x86_64.h"
#endif

#define ELEMENTS(array) (sizeof(array) / sizeof *(array))

/* The same numbers on every architecture (linux/scripts/syscall.tbl). */
enum {
    NR_PIDFD_SEND_SIGNAL = 424,
    NR_MOVE_MOUNT = 429,
    NR_FSOPEN = 430,
    NR_FSCONFIG = 431,
    NR_FSMOUNT = 432,
    NR_PIDFD_OPEN = 434,
    NR_CLOSE_RANGE = 436,
    NR_MOUNT_SETATTR = 442,
};

enum {
    EPERM = 1,
    ENOENT = 2,
    ESRCH = 3,
    EINTR = 4,
    EIO = 5,
    ENXIO = 6,
    E2BIG = 7,
    ENOEXEC = 8,
    ECHILD = 10,
    EAGAIN = 11,
    ENOMEM = 12,
    EACCES = 13,
    EBUSY = 16,
    ENODEV = 19,
    ENOTDIR = 20,
    EISDIR = 21,
    EINVAL = 22,
    ENFILE = 23,
    EMFILE = 24,
    ETXTBSY = 26,
    EFBIG = 27,
    ENOSPC = 28,
    EPIPE = 32,
    ENAMETOOLONG = 36,
    ENOSYS = 38,
    ELOOP = 40,
    EOVERFLOW = 75,
};

enum {
    O_RDONLY = 0,
    O_WRONLY = 1,
    O_CREAT = 0100,
    O_NOCTTY = 0400,
    O_TRUNC = 01000,
    O_NONBLOCK = 04000,
    O_CLOEXEC = 02000000,
    O_PATH = 010000000,
    AT_FDCWD = -100,
    AT_EMPTY_PATH = 0x1000,
    AT_RECURSIVE = 0x8000,
    F_OK = 0,
    F_SETFL = 4,
};

enum {
    S_IFMT = 0170000,
    S_IFSOCK = 0140000,
    S_IFREG = 0100000,
    S_IFDIR = 0040000,
    S_IFCHR = 0020000,
    S_IFLNK = 0120000,
};

/* struct statx of statx(2) */
struct file_status {
    uint32_t mask;
    uint32_t block_size;
    uint64_t attributes;
    uint32_t links;
    uint32_t uid;
    uint32_t gid;
    uint16_t mode;
    uint16_t padding;
    uint64_t inode;
    uint64_t size;
    uint64_t blocks;
    uint64_t attributes_mask;
    uint64_t times[8];
    uint32_t rdev_major;
    uint32_t rdev_minor;
    uint32_t dev_major;
    uint32_t dev_minor;
    uint64_t spare[14];
};
_Static_assert(sizeof(struct file_status) == 256, "as large as struct statx");

enum { STATX_BASIC_STATS = 0x7ff };

#define SIGHUP 1
#define SIGILL 4
#define SIGTRAP 5
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGSEGV 11
#define SIGPIPE 13
#define SIGCHLD 17
#define SIGSTOP 19
#define SIGTTIN 21
#define SIGTTOU 22
#define SIGNAL_LAST 64

/* As the kernel has it, without the 1024 bits of libc's sigset_t. */
typedef uint64_t signal_set;

enum { SIG_SETMASK = 2 };

enum { SI_KERNEL = 0x80 };

/* struct signalfd_siginfo of signalfd(2) */
struct signal_record {
    uint32_t number;
    int32_t error;
    int32_t code;
    uint32_t pid;
    uint32_t spare[28];
};
_Static_assert(sizeof(struct signal_record) == 128, "as large as struct signalfd_siginfo");

/* struct sigaction of the kernel, all zero being the default action */
struct signal_action {
    uint64_t handler;
    uint64_t flags;
    uint64_t restorer;
    signal_set mask;
};

struct poll_entry {
    int fd;
    int16_t events;
    int16_t returned;
};

enum {
    POLLIN = 1,
    POLLOUT = 4,
};

struct time_span {
    int64_t seconds;
    int64_t nanoseconds;
};

enum {
    CLOCK_MONOTONIC = 1,
    CLOCK_BOOTTIME = 7,
};

enum {
    CLONE_NEWNS = 0x00020000,
    CLONE_NEWCGROUP = 0x02000000,
    CLONE_NEWUTS = 0x04000000,
    CLONE_NEWIPC = 0x08000000,
    CLONE_NEWPID = 0x20000000,
    CLONE_NEWNET = 0x40000000,
};

enum { WNOHANG = 1 };

enum {
    MSG_DONTWAIT = 0x40,
    MSG_NOSIGNAL = 0x4000,
};

enum {
    AF_UNIX = 1,
    SOCK_SEQPACKET = 5,
    SOCK_CLOEXEC = O_CLOEXEC,
    SOL_SOCKET = 1,
    SCM_RIGHTS = 1,
};

/* struct sockaddr_un of unix(7) */
struct unix_address {
    uint16_t family;
    char path[108];
};

struct io_vector {
    const void *base;
    uint64_t length;
};

/* struct msghdr of recvmsg(2), as the kernel has it */
struct message_header {
    void *name;
    int32_t name_length;
    struct io_vector *vectors;
    uint64_t vector_count;
    const void *control;
    uint64_t control_length;
    uint32_t flags;
};
_Static_assert(sizeof(struct message_header) == 56, "as large as struct msghdr");

/* struct cmsghdr of cmsg(3), and descriptors behind it */
struct descriptor_message {
    uint64_t length;
    int32_t level;
    int32_t type;
    int32_t descriptors[4]; /* the last is only there for its alignment */
};
_Static_assert(sizeof(struct descriptor_message) == 32, "as CMSG_SPACE has it for three");

enum {
    MNT_DETACH = 2,
    UMOUNT_NOFOLLOW = 8,
};

enum {
    MS_RDONLY = 1,
    MS_NOSUID = 2,
    MS_NODEV = 4,
    MS_NOEXEC = 8,
    MS_BIND = 4096,
    MS_REC = 16384,
    MS_SLAVE = 1 << 19,
};

enum {
    FSOPEN_CLOEXEC = 1,
    FSMOUNT_CLOEXEC = 1,
    FSCONFIG_SET_STRING = 1,
    FSCONFIG_CMD_CREATE = 6,
    MOUNT_ATTR_RDONLY = 1,
    MOUNT_ATTR_NOSUID = 2,
    MOUNT_ATTR_NODEV = 4,
    MOUNT_ATTR_NOEXEC = 8,
    MOVE_MOUNT_F_EMPTY_PATH = 4,
    MOVE_MOUNT_T_EMPTY_PATH = 0x40,
};

/* struct mount_attr of mount_setattr(2) */
struct mount_attributes {
    uint64_t set;
    uint64_t clear;
    uint64_t propagation;
    uint64_t user_namespace;
};

enum {
    PR_SET_PDEATHSIG = 1,
    PR_CAPBSET_READ = 23,
    PR_CAPBSET_DROP = 24,
    PR_SET_NO_NEW_PRIVS = 38,
    PR_CAP_AMBIENT = 47,
    PR_CAP_AMBIENT_CLEAR_ALL = 4,
};

enum {
    TIOCSCTTY = 0x540E,
    TIOCGPGRP = 0x540F,
    TIOCNOTTY = 0x5422,
};

/* Any call by its number, the arguments that it lacks being 0. */
#define CALL(number, ...) CALL_(number, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL_(number, a, b, c, d, e, f, ...)                                                       \
    system_call((number), (long) (a), (long) (b), (long) (c), (long) (d), (long) (e), (long) (f))

static inline int sys_open(int directory, const char *path, int flags)
{
    return (int) CALL(NR_OPENAT, directory, path, flags | O_CLOEXEC);
}

/* A file of its own that all may read, to be written. */
static inline int sys_create(int directory, const char *path)
{
    return (int) CALL(NR_OPENAT, directory, path,
                      O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
}

static inline int sys_close(int fd)
{
    return (int) CALL(NR_CLOSE, fd);
}

static inline long sys_read(int fd, void *buffer, size_t size)
{
    return CALL(NR_READ, fd, buffer, size);
}

static inline long sys_write(int fd, const void *buffer, size_t size)
{
    return CALL(NR_WRITE, fd, buffer, size);
}

/* Of @path below @directory, or of @directory itself if @path is "". Never follows a link.
 * Zero on failure. */
static inline int sys_status(int directory, const char *path, struct file_status *ret_status)
{
    enum { AT_SYMLINK_NOFOLLOW = 0x100 };

    *ret_status = (struct file_status){0};
    return (int) CALL(NR_STATX, directory, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
                      STATX_BASIC_STATS, ret_status);
}

static inline int sys_poll(struct poll_entry *entries, size_t count, const struct time_span *limit)
{
    return (int) CALL(NR_PPOLL, entries, count, limit, 0, sizeof(signal_set));
}

static inline int sys_prctl(int option, unsigned long a, unsigned long b)
{
    return (int) CALL(NR_PRCTL, option, a, b);
}

static inline int sys_kill(int pid, int number)
{
    return (int) CALL(NR_KILL, pid, number);
}

/* As fork(2), with new namespaces for the child. */
static inline int sys_fork(unsigned long namespaces)
{
    return (int) CALL(NR_CLONE, namespaces | SIGCHLD);
}

static inline int sys_mount(const char *source, const char *target, const char *type,
                            unsigned long flags)
{
    return (int) CALL(NR_MOUNT, source, target, type, flags, 0);
}

/* Milliseconds. */
static inline uint64_t sys_clock(int clock)
{
    struct time_span now = {0, 0};

    CALL(NR_CLOCK_GETTIME, clock, &now);
    return (uint64_t) now.seconds * 1000 + (uint64_t) now.nanoseconds / 1000000;
}

_Noreturn static inline void sys_exit(int status)
{
    for (;;)
        CALL(NR_EXIT_GROUP, status);
}

#endif
