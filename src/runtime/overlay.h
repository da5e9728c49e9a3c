/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_OVERLAY_H
#define SDME_RUNTIME_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/* The kernel takes this many lower layers (fs/overlayfs/params.c, OVL_MAX_STACK). */
#define SDME_OVERLAY_MAX_LOWERS 500

/*
 * An overlay (Documentation/filesystems/overlayfs.rst). Opaque directories and whiteouts are the
 * privileged kind: trusted.overlay.opaque, and character devices 0:0.
 */
struct sdme_overlay_lower {
    const char *path;
    int userns_fd; /* maps its owners: see sdme_mount_map_owners(); -1: as they are */
};

struct sdme_overlay {
    const struct sdme_overlay_lower *lowers; /* the topmost first */
    size_t lower_count;
    const char *upper, *work; /* both or neither; without them the overlay is read-only */
    bool metacopy;            /* a change of owner or mode doesn't copy the content up */
    bool no_sync;             /* volatile: else its end writes all of the upper's filesystem out */
    bool no_descriptors;      /* mount by names in a helper process, as before Linux 6.13 */
};

/*
 * Makes the overlay as a detached mount: see mount.h. Any number of lowers up to the kernel's
 * 500, with any characters in their names. A single lower without an upper is that directory,
 * read-only. SDME_EUNSUPPORTED: the filesystem of a lower can't be ID-mapped.
 */
int sdme_overlay_mount(const struct sdme_overlay *overlay, int *ret_fd, struct sdme_error *error);

#endif
