/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_REDIRECT_H
#define SDME_RUNTIME_REDIRECT_H

#include <netinet/in.h>

#include "error.h"

/*
 * TCP connections that begin in the caller's network namespace, whatever process begins them, and
 * go to another IPv4 address than they were meant for. A program at connect(2) of all control
 * groups does that (bpf(2), BPF_CGROUP_INET4_CONNECT): the packets themselves nobody touches. A
 * socket that is bound to an address or an interface goes where it was meant to.
 *
 * The kernel takes the program away with the last descriptor of it: so nothing of it outlives this
 * process, however that ends. Connections that are there by then stay.
 */
struct sdme_redirect;

/*
 * One that redirects nothing yet. -SDME_EUNSUPPORTED where the kernel has no such programs, or
 * there is no control group of version 2. Needs CAP_SYS_ADMIN.
 */
int sdme_redirect_open(struct sdme_redirect **ret_redirect, struct sdme_error *error);

/* From now on what is meant for @from goes to @to; both with their ports. */
int sdme_redirect_add(struct sdme_redirect *redirect, const struct sockaddr_in *from,
                      const struct sockaddr_in *to, struct sdme_error *error);

/* Ends that. No failure if there is nothing for @from. */
int sdme_redirect_remove(struct sdme_redirect *redirect, const struct sockaddr_in *from,
                         struct sdme_error *error);

/* Ends all of it, and frees it; NULL is none. */
void sdme_redirect_close(struct sdme_redirect *redirect);

#endif
