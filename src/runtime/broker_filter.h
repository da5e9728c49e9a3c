/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_BROKER_FILTER_H
#define SDME_RUNTIME_BROKER_FILTER_H

#include <stddef.h>
#include <sys/types.h>

#include "broker_peer.h"
#include "error.h"

/*
 * Copies the filters of system calls that the main thread of process @pid has, the oldest first; it
 * is stopped for as long as that takes (ptrace(2), PTRACE_SECCOMP_GET_FILTER). The caller makes
 * sure afterwards that it was the process that it means. Freed by sdme_broker_filters_free().
 */
int sdme_broker_filters_read(pid_t pid, struct sdme_broker_filter **ret_filters, size_t *ret_count,
                             struct sdme_error *error);

void sdme_broker_filters_free(struct sdme_broker_filter *filters, size_t count);

/* Has the calling process confined by them too; it returns -errno of the first that fails. */
int sdme_broker_filters_install(const struct sdme_broker_filter *filters, size_t count);

#endif
