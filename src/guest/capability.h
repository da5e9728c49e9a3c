/* SPDX-License-Identifier: MIT */
/* What a command may never do, whatever it becomes: capabilities(7). */
#ifndef SDME_GUEST_CAPABILITY_H
#define SDME_GUEST_CAPABILITY_H

#include <stdint.h>

/* A bit for each capability. */
typedef uint64_t capability_set;

/*
 * "CAP_CHOWN,CAP_KILL": those that are kept. "" is none, and NULL all but CAP_SYS_ADMIN. Ends the
 * program if there is none of such a name.
 */
capability_set capability_parse(const char *list);

/* What it takes to become another user; to send its processes signals. */
extern const capability_set CAPABILITY_BECOME, CAPABILITY_SIGNAL;

/*
 * Takes all but @kept from the bounding set, empties the ambient and inheritable ones, and leaves
 * this process itself with what it has of @kept and @own.
 */
void capability_bound(capability_set kept, capability_set own);

/* Leaves this process what it has of @kept. */
void capability_limit(capability_set kept);

#endif
