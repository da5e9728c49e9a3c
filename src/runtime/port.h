/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_PORT_H
#define SDME_RUNTIME_PORT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "netns.h"

/* A port of this host: SOCK_STREAM is TCP, SOCK_DGRAM is UDP. */
struct sdme_port {
    int type;
    uint16_t number;
    char address[INET6_ADDRSTRLEN]; /* in digits; only as sdme_port_of_socket() fills it in */
};

/* The address in digits, IPv4 or IPv6, with a port; false if it is none. */
bool sdme_port_address(const char *text, uint16_t number, union sdme_address *ret);

/*
 * Makes a socket that takes what comes to @port at @address (in digits, IPv4 or IPv6), O_NONBLOCK.
 * @port->number 0 is any that is free, and tells which. An IPv6 socket takes IPv6 only. -EADDRINUSE
 * says that somebody has the port already.
 */
int sdme_port_listen(const char *address, struct sdme_port *port, int *ret_fd,
                     struct sdme_error *error);

/*
 * Tells which port a socket takes, and at which address. -EINVAL if it is none of TCP or UDP that
 * listens.
 */
int sdme_port_of_socket(int fd, struct sdme_port *ret_port, struct sdme_error *error);

/*
 * The sockets that systemd started this process with (sd_listen_fds(3)): returns their number, 0 if
 * there are none, and the first descriptor; the others follow it. From now on they are
 * close-on-exec, and the environment doesn't tell of them any more.
 */
int sdme_port_activated(int *ret_first, struct sdme_error *error);

#endif
