/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_LINK_H
#define SDME_RUNTIME_LINK_H

#include <stdbool.h>

#include "error.h"

/* The network interfaces of this host: rtnetlink(7). */

/* Removes the one of that name, or alternative name. No failure if there is none. */
int sdme_link_remove(const char *name, struct sdme_error *error);

/*
 * Removes the bridge that systemd-nspawn has made for a zone (systemd-nspawn(1), --network-zone=),
 * if there is one and nobody is on it: so does a systemd-nspawn that ends by itself. It waits for
 * one that is joining or leaving a zone at this moment. @ret_removed says whether it was there and
 * has gone.
 */
int sdme_link_remove_zone(const char *zone, bool *ret_removed, struct sdme_error *error);

#endif
