/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_OVERLAY_NAMES_H
#define SDME_RUNTIME_OVERLAY_NAMES_H

#include "overlay.h"

/*
 * The older way to mount an overlay, by names in mount(2)'s one page of options. A helper process
 * with a mount namespace of its own puts the detached @lowers on the directories 0, 1, 2, ... of a
 * tmpfs, mounts the overlay relative to it, and hands the result back; so the options stay short
 * whatever the layers are called, and the caller's namespace never sees any of it.
 */
int sdme_overlay_mount_by_names(const struct sdme_overlay *overlay, const int *lowers, int *ret_fd,
                                struct sdme_error *error);

#endif
