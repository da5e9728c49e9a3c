/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_NETNS_H
#define SDME_RUNTIME_NETNS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

/*
 * Network namespaces as descriptors (network_namespaces(7)). What has to happen inside one happens
 * in a thread that lives for no longer, so the calling thread stays where it is, whatever fails.
 */

/* A parameter of a namespace, as it is called below /proc/sys/net (proc(5)): "ipv4/ip_forward". */
struct sdme_netns_parameter {
    const char *name, *value;
};

/* What a new namespace has from the beginning. */
struct sdme_netns_setup {
    bool loopback; /* its loopback interface is up */
    const struct sdme_netns_parameter *parameters;
    size_t parameter_count;
};

/*
 * Makes a namespace that holds nothing but a loopback interface, which is down unless @setup (NULL:
 * nothing of it) says otherwise. One thread does all of it: to enter one costs more than what is
 * done there.
 */
int sdme_netns_create(const struct sdme_netns_setup *setup, int *ret_fd, struct sdme_error *error);

/* One that a thread is making. */
struct sdme_netns_creation;

/*
 * Begins what sdme_netns_create() does, for a caller who has something else to do: the kernel takes
 * about as long for it as a small program to start. What @setup points to stays the caller's, who
 * keeps it until sdme_netns_finish(), which has to follow.
 */
int sdme_netns_begin(const struct sdme_netns_setup *setup,
                     struct sdme_netns_creation **ret_creation, struct sdme_error *error);

/* Waits until it is made. @creation is gone then, whatever this returns. */
int sdme_netns_finish(struct sdme_netns_creation *creation, int *ret_fd, struct sdme_error *error);

/* Opens one that sdme_netns_hold() keeps, or /proc/PID/ns/net. -EINVAL if it is something else. */
int sdme_netns_open(const char *path, int *ret_fd, struct sdme_error *error);

/* Opens the namespace that the process @pid is in. */
int sdme_netns_open_process(pid_t pid, int *ret_fd, struct sdme_error *error);

/*
 * Keeps a namespace alive without a descriptor: binds it to the file @path, which is made with mode
 * 0444 and must not exist. Its directory must.
 */
int sdme_netns_hold(int netns, const char *path, struct sdme_error *error);

/* Takes back what sdme_netns_hold() did. No failure if there is nothing at @path. */
int sdme_netns_release(const char *path, struct sdme_error *error);

/*
 * From here on the calling thread, and what it executes, is in the namespace. No other function
 * here moves its caller: this is for a process that is about to become another program.
 */
int sdme_netns_enter(int netns, struct sdme_error *error);

/* True if both descriptors are of one namespace. */
bool sdme_netns_is_same(int a, int b);

/* Sets the loopback interface up, which gives it 127.0.0.1 and ::1. */
int sdme_netns_loopback_up(int netns, struct sdme_error *error);

/* Sets a parameter of the namespace. */
int sdme_netns_set_parameter(int netns, const struct sdme_netns_parameter *parameter,
                             struct sdme_error *error);

/*
 * Makes a socket that belongs to the namespace; the arguments are those of socket(2), to whose
 * @type SOCK_CLOEXEC is added.
 */
int sdme_netns_socket(int netns, int family, int type, int protocol, int *ret_fd,
                      struct sdme_error *error);

union sdme_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/*
 * Stores up to @max addresses that the interfaces in the namespace have, IPv4 first, and returns
 * their number. Loopback and link-local ones (RFC 3927, RFC 4291 section 2.5.6) don't count.
 */
int sdme_netns_addresses(int netns, union sdme_address *addresses, size_t max,
                         struct sdme_error *error);

/* Bytes of @address that bind(2) and connect(2) take. */
socklen_t sdme_address_size(const union sdme_address *address);

/* True if they are one address and one port. */
bool sdme_address_is_same(const union sdme_address *a, const union sdme_address *b);

#endif
