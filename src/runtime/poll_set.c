/* SPDX-License-Identifier: MIT */
#include "poll_set.h"

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "util.h"

void sdme_poll_set_close(struct sdme_poll_set *set)
{
    set->fd = sdme_close(set->fd);
    set->event = sdme_close(set->event);
}

void sdme_poll_set_wake(const struct sdme_poll_set *set)
{
    uint64_t one = 1;

    /* It fails only where the count is at its end, and then it is readable anyhow. */
    if (write(set->event, &one, sizeof one) < 0)
        return;
}

/* What all of the first @count entries ask of @fd. */
static uint32_t events_of(int fd, const struct pollfd *entries, size_t count)
{
    uint32_t events = 0;

    for (size_t i = 0; i < count; i++) {
        if (entries[i].fd != fd)
            continue;
        if (entries[i].events & POLLIN)
            events |= EPOLLIN;
        if (entries[i].events & POLLOUT)
            events |= EPOLLOUT;
    }
    return events;
}

/* Adds entry @i; what comes again is asked for together with what was asked before. */
static int add(const struct sdme_poll_set *set, const struct pollfd *entries, size_t i)
{
    int fd = entries[i].fd;
    struct epoll_event event = {.events = events_of(fd, entries + i, 1)};

    if (epoll_ctl(set->fd, EPOLL_CTL_ADD, fd, &event) == 0)
        return 0;
    if (errno == EPERM) {
        sdme_poll_set_wake(set);
        return 0;
    }
    if (errno != EEXIST)
        return -errno;
    event.events = events_of(fd, entries, i + 1);
    return epoll_ctl(set->fd, EPOLL_CTL_MOD, fd, &event) < 0 ? -errno : 0;
}

int sdme_poll_set_open(const struct pollfd *entries, size_t count, struct sdme_poll_set *ret_set,
                       struct sdme_error *error)
{
    _cleanup_(sdme_poll_set_close) struct sdme_poll_set set = SDME_POLL_SET_CLOSED;
    struct epoll_event event = {.events = EPOLLIN};

    set.fd = epoll_create1(EPOLL_CLOEXEC);
    if (set.fd < 0)
        return sdme_fail(error, errno, "epoll_create1");
    set.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (set.event < 0)
        return sdme_fail(error, errno, "eventfd");
    if (epoll_ctl(set.fd, EPOLL_CTL_ADD, set.event, &event) < 0)
        return sdme_fail(error, errno, "watch an eventfd");
    for (size_t i = 0; i < count; i++) {
        int code = entries[i].fd >= 0 ? add(&set, entries, i) : 0;

        if (code < 0)
            return sdme_fail(error, code, "watch descriptor %d", entries[i].fd);
    }
    *ret_set = set;
    set = SDME_POLL_SET_CLOSED;
    return 0;
}
