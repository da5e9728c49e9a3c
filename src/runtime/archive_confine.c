/* SPDX-License-Identifier: MIT */
#include "archive_confine.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "util.h"

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED true
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED false
#endif

/* More than any decompressor takes, and less than one could be made to take (xz: 4 GiB). */
#define MEMORY_MAX (512ULL << 20)

static void reset_signals(void)
{
    struct sigaction standard = {.sa_handler = SIG_DFL}, ignore = {.sa_handler = SIG_IGN};
    sigset_t none;

    for (int number = 1; number < _NSIG; number++)
        sigaction(number, &standard, NULL);
    sigaction(SIGXFSZ, &ignore, NULL); /* so that write(2) fails instead */
    sigaction(SIGPIPE, &ignore, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int follow_parent(int parent, struct sdme_error *error)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return sdme_fail(error, errno, "die with the parent");
    return getppid() == parent ? 0 : sdme_fail(error, ESRCH, "die with the parent");
}

/* Above all others first, so that none is overwritten before it was copied. */
static int place_descriptors(int input, int *socket, int directory, struct sdme_error *error)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int sources[] = {null, null, IS_SANITIZED ? 2 : null, input, *socket, directory};

    for (size_t i = 0; i < ELEMENTS(sources); i++) {
        sources[i] = fcntl(sources[i], F_DUPFD_CLOEXEC, (int) ELEMENTS(sources));
        if (sources[i] < 0)
            return sdme_fail(error, errno, "place descriptors");
    }
    *socket = sources[SDME_CONFINED_SOCKET];
    for (size_t i = 0; i < ELEMENTS(sources); i++)
        if (dup2(sources[i], (int) i) < 0)
            return sdme_fail(error, errno, "place descriptors");
    *socket = SDME_CONFINED_SOCKET;
    if (syscall(SYS_close_range, (unsigned int) ELEMENTS(sources), ~0U, 0) < 0)
        return sdme_fail(error, errno, "close descriptors");
    return 0;
}

/*
 * Puts a mount of its own of the directory in the place of its descriptor: there, a device that was
 * made can't be opened, nor a program be run. Where that isn't allowed, it stays as it is.
 */
static int take_devices_away(struct sdme_error *error)
{
    struct mount_attr attributes = {
        .attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
    };
    int fd = open_tree(SDME_CONFINED_ROOT, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

    if (fd < 0)
        return 0;
    if (mount_setattr(fd, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0 &&
        dup2(fd, SDME_CONFINED_ROOT) < 0)
        return sdme_fail(error, errno, "place descriptors");
    sdme_close(fd);
    return 0;
}

/* The descriptor may be an O_PATH one; what is read of it later needs a real one. */
static int change_root(struct sdme_error *error)
{
    int code = take_devices_away(error);
    if (code < 0)
        return code;
    if (fchdir(SDME_CONFINED_ROOT) < 0 || chroot(".") < 0 || chdir("/") < 0)
        return sdme_fail(error, errno, "change the root to the directory");
    int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return sdme_fail(error, errno, "open the directory");
    if (dup2(fd, SDME_CONFINED_ROOT) < 0)
        return sdme_fail(error, errno, "place descriptors");
    sdme_close(fd);
    return 0;
}

/* Bytes of memory that we have from our parent, which may be a lot; 0 if that can't be told. */
static rlim_t inherited_memory(void)
{
    char text[256], *at = text;
    FILE *file = fopen("/proc/self/statm", "re");
    bool found = file && fgets(text, sizeof text, file);
    unsigned long pages = 0;

    if (file)
        fclose(file);
    for (int field = 0; found && field < 6; field++) /* the sixth: data and stack, proc(5) */
        pages = strtoul(at, &at, 10);
    return (rlim_t) pages * (rlim_t) sysconf(_SC_PAGESIZE);
}

static int limit(struct sdme_error *error)
{
    rlim_t inherited = inherited_memory();
    struct rlimit core = {0, 0}, memory = {inherited + MEMORY_MAX, inherited + MEMORY_MAX};

    if (setrlimit(RLIMIT_CORE, &core) < 0)
        return sdme_fail(error, errno, "limit core dumps");
    /* EPERM: there is a lower limit already. */
    if (inherited > 0 && !IS_SANITIZED && setrlimit(RLIMIT_DATA, &memory) < 0 && errno != EPERM)
        return sdme_fail(error, errno, "limit memory");
    return 0;
}

static int drop_capabilities(struct sdme_error *error)
{
    static const int kept[] = {CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER,
                               CAP_FSETID, CAP_MKNOD,        CAP_SETFCAP};
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return sdme_fail(error, errno, "give up privileges");
    if (syscall(SYS_capget, &header, data) < 0)
        return sdme_fail(error, errno, "give up capabilities");
    __u32 mask = 0;
    for (size_t i = 0; i < ELEMENTS(kept); i++)
        mask |= 1U << kept[i];
    data[0].permitted &= mask;
    data[0].effective = data[0].permitted;
    data[0].inheritable = data[1].inheritable = data[1].permitted = data[1].effective = 0;
    if (syscall(SYS_capset, &header, data) < 0)
        return sdme_fail(error, errno, "give up capabilities");
    return 0;
}

int sdme_archive_confine(int input, int *socket, int directory, int parent,
                         struct sdme_error *error)
{
    reset_signals();
    setlocale(LC_ALL, "C"); /* no catalogue of messages is looked for in the chroot */
    umask(0);
    int code = follow_parent(parent, error);
    if (code >= 0)
        code = limit(error);
    if (code >= 0)
        code = place_descriptors(input, socket, directory, error);
    if (code >= 0)
        code = change_root(error);
    return code < 0 ? code : drop_capabilities(error);
}
