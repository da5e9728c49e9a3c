/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_LINK_H
#define SDME_RUNTIME_LINK_H

#include <stdbool.h>

#include "error.h"

/*
 * Network interfaces: rtnetlink(7). A namespace is a descriptor, or SDME_NETNS_OWN for that of the
 * caller.
 */
enum { SDME_NETNS_OWN = -1 };

/*
 * Makes a virtual Ethernet link: one end, @name, in @netns, and the other, @peer, in @peer_netns.
 * Both are down. -EEXIST where one of the names is taken; then neither is made.
 */
int sdme_link_add_veth(int netns, const char *name, int peer_netns, const char *peer,
                       struct sdme_error *error);

/* Makes a bridge, which is down. -EEXIST if the name is taken. */
int sdme_link_add_bridge(int netns, const char *name, struct sdme_error *error);

/* Sets an interface up, or down. */
int sdme_link_set_up(int netns, const char *name, bool up, struct sdme_error *error);

/* Has an interface be a port of a bridge, of none if that is NULL. */
int sdme_link_set_bridge(int netns, const char *name, const char *bridge, struct sdme_error *error);

/* Has an interface go to another namespace, under the name @as there; it is down then. */
int sdme_link_move(int netns, const char *name, int target, const char *as,
                   struct sdme_error *error);

/* A socket for rtnetlink(7) in a namespace, and the index of an interface there. */
int sdme_link_open(int netns, int *ret_fd, struct sdme_error *error);
int sdme_link_find(int fd, const char *name, int *ret_index, struct sdme_error *error);

/* The name of an interface, of IF_NAMESIZE bytes; one that has gone meanwhile leaves it as it is.
 */
void sdme_link_name(int fd, int index, char *ret_name);

/* The functions below are for the namespace of the caller. */

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
