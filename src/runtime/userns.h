/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_USERNS_H
#define SDME_RUNTIME_USERNS_H

#include <stdint.h>

#include "error.h"

/*
 * Makes a user namespace whose users and groups @inside..@inside+@count-1 are the host's
 * @outside..@outside+@count-1 (user_namespaces(7)), with no process in it: it serves to map the
 * owners of mounts.
 */
int sdme_userns_create(uint32_t outside, uint32_t count, uint32_t inside, int *ret_fd,
                       struct sdme_error *error);

#endif
