/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_BROKER_REQUEST_H
#define SDME_RUNTIME_BROKER_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/*
 * What src/guest/request.c sends to the broker of its container, in one message with the three
 * standard descriptors: a head of two numbers, in the machine's own order, and behind that as many
 * strings as they say, each with a NUL byte at its end.
 */
struct sdme_broker_head {
    uint32_t arguments; /* the first is the program's path, which is absolute */
    uint32_t variables; /* of the environment */
};

enum { SDME_BROKER_REQUEST_MAX = 1 << 17 };

/* Vectors with NULL at their end, of strings in the message that was read. */
struct sdme_broker_request {
    char **arguments;
    char **variables;
};

/*
 * Reads a request. -SDME_EFORMAT if @message isn't one, whose bytes come from a container. What it
 * returns is of use for as long as @message is, and freed by sdme_broker_request_free().
 */
int sdme_broker_request_read(char *message, size_t size, struct sdme_broker_request *ret_request,
                             struct sdme_error *error);

void sdme_broker_request_free(struct sdme_broker_request *request);

#endif
