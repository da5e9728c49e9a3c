/* SPDX-License-Identifier: MIT */
#include "netns.h"

#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include "thread.h"
#include "util.h"

/* What a thread does in a namespace. */
struct visit {
    int netns;
    int (*work)(void *context, struct sdme_error *error);
    void *context;
    struct sdme_error *error;
    int code;
};

static void *visit_main(void *argument)
{
    struct visit *visit = argument;

    visit->code = sdme_netns_enter(visit->netns, visit->error);
    if (visit->code == 0)
        visit->code = visit->work(visit->context, visit->error);
    return NULL;
}

static int visit_namespace(int netns, int (*work)(void *context, struct sdme_error *error),
                           void *context, struct sdme_error *error)
{
    struct visit visit = {.netns = netns, .work = work, .context = context, .error = error};
    pthread_t thread;
    int code = sdme_thread_start(visit_main, &visit, &thread);

    if (code)
        return sdme_fail(error, code, "start a thread for a network namespace");
    pthread_join(thread, NULL);
    return visit.code;
}

/* The kernel looks at the namespace of whoever opens the file. */
static int write_parameter(void *context, struct sdme_error *error)
{
    const struct sdme_netns_parameter *parameter = context;
    char path[128];
    int size = snprintf(path, sizeof path, "/proc/sys/net/%s", parameter->name);

    if (size >= (int) sizeof path || strstr(parameter->name, ".."))
        return sdme_fail_as(error, EINVAL, "'%s' is no parameter of networks", parameter->name);
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return sdme_fail(error, errno, "open %s", path);
    if (write(fd, parameter->value, strlen(parameter->value)) < 0)
        return sdme_fail(error, errno, "write '%s' to %s", parameter->value, path);
    return 0;
}

/* @fd is a socket in the namespace. */
static int set_loopback_up(int fd, struct sdme_error *error)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK};

    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        return sdme_fail(error, errno, "set the loopback interface up");
    return 0;
}

static int set_own_loopback_up(struct sdme_error *error)
{
    _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return sdme_fail(error, errno, "make a socket in a network namespace");
    return set_loopback_up(fd, error);
}

struct sdme_netns_creation {
    struct sdme_netns_setup setup;
    pthread_t thread;
    atomic_bool ended;
    int code; /* this, the descriptor and the error are the thread's until it has ended */
    int fd;
    struct sdme_error error;
};

static int make_own(struct sdme_netns_creation *creation, struct sdme_error *error)
{
    const struct sdme_netns_setup *setup = &creation->setup;

    if (unshare(CLONE_NEWNET) < 0)
        return sdme_fail(error, errno, "make a network namespace");
    int code = setup->loopback ? set_own_loopback_up(error) : 0;
    for (size_t i = 0; i < setup->parameter_count && code == 0; i++) {
        struct sdme_netns_parameter parameter = setup->parameters[i];

        code = write_parameter(&parameter, error);
    }
    if (code < 0)
        return code;
    creation->fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (creation->fd < 0)
        return sdme_fail(error, errno, "open /proc/thread-self/ns/net");
    return 0;
}

static void *creation_main(void *argument)
{
    struct sdme_netns_creation *creation = argument;

    creation->code = make_own(creation, &creation->error);
    atomic_store(&creation->ended, true);
    return NULL;
}

int sdme_netns_begin(const struct sdme_netns_setup *setup,
                     struct sdme_netns_creation **ret_creation, struct sdme_error *error)
{
    struct sdme_netns_creation *creation = calloc(1, sizeof *creation);

    if (!creation)
        return sdme_fail(error, ENOMEM, "make a network namespace");
    if (setup)
        creation->setup = *setup;
    int code = sdme_thread_start(creation_main, creation, &creation->thread);
    if (code < 0) {
        free(creation);
        return sdme_fail(error, code, "start a thread for a network namespace");
    }
    sdme_thread_send_away(creation->thread);
    *ret_creation = creation;
    return 0;
}

int sdme_netns_finish(struct sdme_netns_creation *creation, int *ret_fd, struct sdme_error *error)
{
    if (!atomic_load(&creation->ended))
        sdme_thread_fetch(creation->thread);
    pthread_join(creation->thread, NULL);
    int code = creation->code;
    if (code == 0)
        *ret_fd = creation->fd;
    else if (error)
        *error = creation->error;
    free(creation);
    return code;
}

int sdme_netns_create(const struct sdme_netns_setup *setup, int *ret_fd, struct sdme_error *error)
{
    struct sdme_netns_creation *creation;
    int code = sdme_netns_begin(setup, &creation, error);

    return code < 0 ? code : sdme_netns_finish(creation, ret_fd, error);
}

int sdme_netns_open(const char *path, int *ret_fd, struct sdme_error *error)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return sdme_fail(error, errno, "open network namespace %s", path);
    if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
        return sdme_fail_as(error, EINVAL, "%s is no network namespace", path);
    *ret_fd = sdme_take_fd(&fd);
    return 0;
}

static bool has_ended(int pidfd)
{
    struct pollfd entry = {.fd = pidfd, .events = POLLIN};

    return poll(&entry, 1, 0) != 0;
}

/* The process must outlive the opening, or it was that of another with the same number. */
int sdme_netns_open_process(pid_t pid, int *ret_fd, struct sdme_error *error)
{
    _cleanup_close_ int pidfd = pidfd_open(pid, 0), fd = -1;
    char path[64];

    if (pidfd < 0)
        return sdme_fail(error, errno, "open process %d", pid);
    snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
    int code = sdme_netns_open(path, &fd, error);
    if (code < 0)
        return code;
    if (has_ended(pidfd))
        return sdme_fail(error, ESRCH, "open %s", path);
    *ret_fd = sdme_take_fd(&fd);
    return 0;
}

int sdme_netns_hold(int netns, const char *path, struct sdme_error *error)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);
    char source[64];

    if (fd < 0)
        return sdme_fail(error, errno, "make %s", path);
    snprintf(source, sizeof source, "/proc/self/fd/%d", netns);
    if (fchmod(fd, 0444) == 0 && mount(source, path, NULL, MS_BIND, NULL) == 0)
        return 0;
    int code = sdme_fail(error, errno, "hold a network namespace at %s", path);
    unlink(path);
    return code;
}

int sdme_netns_release(const char *path, struct sdme_error *error)
{
    /* EINVAL: nothing is mounted there, since whoever held it was stopped half-way. */
    if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
        return sdme_fail(error, errno, "release network namespace %s", path);
    if (unlink(path) < 0 && errno != ENOENT)
        return sdme_fail(error, errno, "remove %s", path);
    return 0;
}

int sdme_netns_enter(int netns, struct sdme_error *error)
{
    if (setns(netns, CLONE_NEWNET) < 0)
        return sdme_fail(error, errno, "enter network namespace (descriptor %d)", netns);
    return 0;
}

bool sdme_netns_is_same(int a, int b)
{
    struct stat one, other;

    return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

struct socket_request {
    int family, type, protocol;
    int fd;
};

static int make_socket(void *context, struct sdme_error *error)
{
    struct socket_request *request = context;

    request->fd = socket(request->family, request->type | SOCK_CLOEXEC, request->protocol);
    if (request->fd < 0)
        return sdme_fail(error, errno, "make a socket in a network namespace");
    return 0;
}

int sdme_netns_socket(int netns, int family, int type, int protocol, int *ret_fd,
                      struct sdme_error *error)
{
    struct socket_request request = {.family = family, .type = type, .protocol = protocol};
    int code;

    if (netns < 0)
        return sdme_fail(error, EBADF, "make a socket in a network namespace");
    code = visit_namespace(netns, make_socket, &request, error);
    if (code == 0)
        *ret_fd = request.fd;
    return code;
}

int sdme_netns_loopback_up(int netns, struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;
    int code = sdme_netns_socket(netns, AF_INET, SOCK_DGRAM, 0, &fd, error);

    return code < 0 ? code : set_loopback_up(fd, error);
}

int sdme_netns_set_parameter(int netns, const struct sdme_netns_parameter *parameter,
                             struct sdme_error *error)
{
    struct sdme_netns_parameter copy = *parameter;

    if (netns < 0)
        return sdme_fail(error, EBADF, "set %s in a network namespace", parameter->name);
    return visit_namespace(netns, write_parameter, &copy, error);
}

socklen_t sdme_address_size(const union sdme_address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
}

bool sdme_address_is_same(const union sdme_address *a, const union sdme_address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET6)
        return a->v6.sin6_port == b->v6.sin6_port && a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
               IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6.sin6_addr);
    return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

static bool is_wanted(const struct ifaddrs *entry, int family)
{
    if (!entry->ifa_addr || entry->ifa_addr->sa_family != family)
        return false;
    if (!(entry->ifa_flags & IFF_UP) || (entry->ifa_flags & IFF_LOOPBACK))
        return false;
    if (family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *) entry->ifa_addr;
        return ntohl(v4->sin_addr.s_addr) >> 16 != (169U << 8 | 254U);
    }
    const struct sockaddr_in6 *v6 = (const void *) entry->ifa_addr;
    return !IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr);
}

struct address_request {
    union sdme_address *addresses;
    size_t max, count;
};

static int collect_addresses(void *context, struct sdme_error *error)
{
    static const int families[] = {AF_INET, AF_INET6};
    struct address_request *request = context;
    struct ifaddrs *list;

    if (getifaddrs(&list) < 0)
        return sdme_fail(error, errno, "list the addresses in a network namespace");
    for (size_t i = 0; i < ELEMENTS(families); i++)
        for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
            union sdme_address address = {0};

            if (request->count == request->max || !is_wanted(entry, families[i]))
                continue;
            address.any.sa_family = (sa_family_t) families[i];
            memcpy(&address, entry->ifa_addr, sdme_address_size(&address));
            request->addresses[request->count++] = address;
        }
    freeifaddrs(list);
    return 0;
}

int sdme_netns_addresses(int netns, union sdme_address *addresses, size_t max,
                         struct sdme_error *error)
{
    struct address_request request = {.addresses = addresses, .max = max};
    int code;

    if (netns < 0)
        return sdme_fail(error, EBADF, "list the addresses in a network namespace");
    code = visit_namespace(netns, collect_addresses, &request, error);
    return code < 0 ? code : (int) request.count;
}
