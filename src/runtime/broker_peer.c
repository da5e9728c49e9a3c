/* SPDX-License-Identifier: MIT */
#include "broker_peer.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "broker_filter.h"
#include "util.h"

enum { TEXT_MAX = 8192, IOPRIO_WHO_PROCESS = 1, SECCOMP_FILTERED = 2 };

static bool has_ended(int pidfd)
{
    struct pollfd entry = {.fd = pidfd, .events = POLLIN};

    return poll(&entry, 1, 0) != 0;
}

int sdme_broker_peer_open(pid_t pid, struct sdme_broker_peer *peer, struct sdme_error *error)
{
    char path[32];

    peer->pidfd = pidfd_open(pid, 0);
    if (peer->pidfd < 0)
        return sdme_fail(error, errno, "open the process that asks");
    snprintf(path, sizeof path, "/proc/%d", pid);
    peer->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (peer->directory < 0)
        return sdme_fail(error, errno, "open %s", path);
    return has_ended(peer->pidfd) ? sdme_fail(error, ESRCH, "open %s", path) : 0;
}

void sdme_broker_peer_close(struct sdme_broker_peer *peer)
{
    sdme_broker_filters_free(peer->filters, peer->filter_count);
    peer->filters = NULL;
    peer->filter_count = 0;
    peer->pidfd = sdme_close(peer->pidfd);
    peer->directory = sdme_close(peer->directory);
    peer->root = sdme_close(peer->root);
    peer->cgroup = sdme_close(peer->cgroup);
}

/* A small file of the process, as a string. */
static int read_text(const struct sdme_broker_peer *peer, const char *name,
                     char text[static TEXT_MAX], struct sdme_error *error)
{
    _cleanup_close_ int fd = openat(peer->directory, name, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, TEXT_MAX - 1);

    if (length < 0)
        return sdme_fail(error, errno, "read %s of the process that asks", name);
    text[length] = '\0';
    return 0;
}

static int read_number(const struct sdme_broker_peer *peer, const char *name, int base,
                       long *ret_number, struct sdme_error *error)
{
    char text[TEXT_MAX], *end;
    int code = read_text(peer, name, text, error);

    if (code < 0)
        return code;
    *ret_number = strtol(text, &end, base);
    if (end == text)
        return sdme_fail_as(error, EINVAL, "%s of the process that asks is no number", name);
    return 0;
}

/* The words behind "KEY:\t" of /proc/PID/status (proc_pid_status(5)); NULL if there is no such
 * line. The name of the process, which is its own choice, has no line break there. */
static const char *find_field(const char *status, const char *key)
{
    char wanted[32];

    snprintf(wanted, sizeof wanted, "\n%s:\t", key);
    const char *found = strstr(status, wanted);
    return found ? found + strlen(wanted) : NULL;
}

static int read_field(const char *status, const char *key, int base, uint64_t *ret_number,
                      struct sdme_error *error)
{
    const char *found = find_field(status, key);

    if (!found)
        return sdme_fail_as(error, SDME_EUNSUPPORTED, "the kernel doesn't tell %s of processes",
                            key);
    *ret_number = strtoull(found, NULL, base);
    return 0;
}

static int refuse(struct sdme_error *error, const char *expected)
{
    return sdme_fail_as(error, EPERM, "who asks isn't let in: expected %s", expected);
}

/* The numbers that a line begins with; false if there are fewer. */
static bool read_ids(const char *line, uint32_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *end;
        unsigned long number = strtoul(line, &end, 10);

        if (end == line || number > UINT32_MAX)
            return false;
        ids[i] = (uint32_t) number;
        line = end;
    }
    return true;
}

/* Real, effective, saved and of files. */
static bool is_all(const char *line, uint32_t id)
{
    uint32_t ids[4];

    return line && read_ids(line, ids, ELEMENTS(ids)) && ids[0] == id && ids[1] == id &&
           ids[2] == id && ids[3] == id;
}

/* One line, which has the ids inside, outside, and how many (user_namespaces(7)). */
static int check_map(const struct sdme_broker_peer *peer, const char *name,
                     const struct sdme_broker_range *range, struct sdme_error *error)
{
    char text[TEXT_MAX];
    uint32_t ids[3];
    int code = read_text(peer, name, text, error);

    if (code < 0)
        return code;
    const char *line_end = strchr(text, '\n');
    if (!line_end || line_end[1] || !read_ids(text, ids, ELEMENTS(ids)) || ids[0] != 0 ||
        ids[1] != range->base || ids[2] != range->count)
        return refuse(error, "the ids of the container");
    return 0;
}

/* Its user namespace is right below ours, so none that the container has made itself. */
static int check_namespace(const struct sdme_broker_peer *peer, struct sdme_error *error)
{
    _cleanup_close_ int fd = openat(peer->directory, "ns/user", O_RDONLY | O_CLOEXEC), parent = -1;
    struct stat own, found;

    if (fd < 0 || stat("/proc/self/ns/user", &own) < 0)
        return sdme_fail(error, errno, "open the user namespace of the process that asks");
    parent = ioctl(fd, NS_GET_PARENT);
    if (parent < 0 || fstat(parent, &found) < 0 || found.st_ino != own.st_ino ||
        found.st_dev != own.st_dev)
        return refuse(error, "the user namespace of the container");
    return 0;
}

static int check_identity(const struct sdme_broker_peer *peer, const char *status,
                          const struct sdme_broker_range *range, struct sdme_error *error)
{
    int code = check_namespace(peer, error);

    if (code == 0)
        code = check_map(peer, "uid_map", range, error);
    if (code == 0)
        code = check_map(peer, "gid_map", range, error);
    if (code < 0)
        return code;
    if (!is_all(find_field(status, "Uid"), range->base) ||
        !is_all(find_field(status, "Gid"), range->base))
        return refuse(error, "root");
    return 0;
}

/* Inheritable and ambient capabilities are of no account where the others are all that can be. */
static int read_status(struct sdme_broker_peer *peer, const char *status, uint64_t *ret_seccomp,
                       struct sdme_error *error)
{
    static const char *const keys[] = {"CapBnd", "CapPrm",  "CapEff", "NoNewPrivs",
                                       "Umask",  "Seccomp", "SigIgn"};
    static const int bases[] = {16, 16, 16, 10, 8, 10, 16};
    uint64_t values[ELEMENTS(keys)];
    int code = 0;

    for (size_t i = 0; i < ELEMENTS(keys) && code == 0; i++)
        code = read_field(status, keys[i], bases[i], &values[i], error);
    if (code < 0)
        return code;
    if (values[1] != values[0] || values[2] != values[0])
        return refuse(error, "all capabilities of its bounding set");
    peer->bounding = values[0];
    peer->no_new_privileges = values[3] != 0;
    peer->umask = (mode_t) values[4];
    peer->ignored = values[6];
    *ret_seccomp = values[5];
    return 0;
}

static int read_scheduling(struct sdme_broker_peer *peer, pid_t pid, struct sdme_error *error)
{
    long code = syscall(SYS_sched_getattr, pid, &peer->scheduling, sizeof peer->scheduling, 0);

    if (code < 0)
        return sdme_fail(error, errno, "sched_getattr");
    code = syscall(SYS_sched_getaffinity, pid, sizeof peer->cpus, peer->cpus);
    if (code < 0)
        return sdme_fail(error, errno, "sched_getaffinity");
    peer->cpus_size = (size_t) code;
    peer->io_priority = (int) syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, pid);
    return peer->io_priority < 0 ? sdme_fail(error, errno, "ioprio_get") : 0;
}

static int read_limits(struct sdme_broker_peer *peer, pid_t pid, struct sdme_error *error)
{
    long oom_score, personality;

    for (unsigned int i = 0; i < RLIM_NLIMITS; i++)
        if (prlimit(pid, (enum __rlimit_resource) i, NULL, &peer->limits[i]) < 0)
            return sdme_fail(error, errno, "prlimit");
    int code = read_number(peer, "oom_score_adj", 10, &oom_score, error);
    if (code == 0)
        code = read_number(peer, "personality", 16, &personality, error);
    if (code < 0)
        return code;
    peer->oom_score = (int) oom_score;
    peer->personality = (unsigned long) personality;
    return 0;
}

/* The line of version 2, "0::/PATH", is the last of /proc/PID/cgroup (cgroups(7)). */
static char *find_unified(char *text)
{
    char *found = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");

    if (!found)
        return NULL;
    found += *found == '\n';
    found[strcspn(found, "\n")] = '\0';
    return found;
}

/* In a hierarchy of version 1 a new process stays where its parent is, with what it may do there.
 */
static bool shares_others(const char *text, const char *unified)
{
    _cleanup_close_ int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
    char own[TEXT_MAX];
    ssize_t length = fd < 0 ? -1 : read(fd, own, sizeof own - 1);

    if (length < 0)
        return false;
    own[length] = '\0';
    char *own_unified = find_unified(own);
    return own_unified && own_unified - own == unified - text &&
           memcmp(own, text, (size_t) (own_unified - own)) == 0;
}

static int open_cgroup(struct sdme_broker_peer *peer, struct sdme_error *error)
{
    char text[TEXT_MAX], path[TEXT_MAX + 32];
    int code = read_text(peer, "cgroup", text, error);

    if (code < 0)
        return code;
    const char *unified = find_unified(text);
    if (!unified || !shares_others(text, unified))
        return sdme_fail_as(error, SDME_EUNSUPPORTED, "expected control groups of version 2 alone");
    snprintf(path, sizeof path, "/sys/fs/cgroup%s", unified + 3);
    peer->cgroup = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return peer->cgroup < 0 ? sdme_fail(error, errno, "open the cgroup of the process that asks")
                            : 0;
}

/* "PROFILE (MODE)" of AppArmor. Where there is none the file can't be read, or says something of
 * another module, which we would have to know. */
static int read_label(struct sdme_broker_peer *peer, struct sdme_error *error)
{
    char text[TEXT_MAX], own[TEXT_MAX] = "";
    _cleanup_close_ int fd = open("/proc/self/attr/current", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, own, sizeof own - 1);

    peer->label[0] = '\0';
    if (length < 0)
        return 0; /* no module has any */
    int code = read_text(peer, "attr/current", text, error);
    if (code < 0 || strcmp(text, own) == 0)
        return code;
    char *mode = strrchr(text, '(');
    if (access("/sys/kernel/security/apparmor", F_OK) < 0 || !mode || mode - text < 2 ||
        (size_t) (mode - text) >= sizeof peer->label)
        return sdme_fail_as(error, SDME_EUNSUPPORTED,
                            "the process that asks has a label of another security module than "
                            "AppArmor");
    mode[-1] = '\0';
    memcpy(peer->label, text, (size_t) (mode - text));
    return 0;
}

int sdme_broker_peer_examine(struct sdme_broker_peer *peer, pid_t pid,
                             const struct sdme_broker_range *range, struct sdme_error *error)
{
    char status[TEXT_MAX];
    uint64_t seccomp = 0;
    int code = read_text(peer, "status", status, error);

    if (code == 0)
        code = check_identity(peer, status, range, error);
    if (code == 0)
        code = read_status(peer, status, &seccomp, error);
    if (code == 0)
        code = read_scheduling(peer, pid, error);
    if (code == 0)
        code = read_limits(peer, pid, error);
    if (code == 0)
        code = open_cgroup(peer, error);
    if (code == 0)
        code = read_label(peer, error);
    if (code == 0 && seccomp == SECCOMP_FILTERED)
        code = sdme_broker_filters_read(pid, &peer->filters, &peer->filter_count, error);
    if (code < 0)
        return code;
    peer->root = openat(peer->directory, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (peer->root < 0)
        return sdme_fail(error, errno, "open the root directory of the process that asks");
    /* As long as it lives nobody else has its number. */
    return has_ended(peer->pidfd) ? sdme_fail(error, ESRCH, "the process that asks") : 0;
}
