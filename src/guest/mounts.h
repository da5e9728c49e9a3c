/* SPDX-License-Identifier: MIT */
/* What a command with PID and IPC namespaces of its own must see of the kernel. */
#ifndef SDME_GUEST_MOUNTS_H
#define SDME_GUEST_MOUNTS_H

/*
 * In new mount, PID and IPC namespaces: mounts a /proc that shows these processes alone, with what
 * concerns the whole machine hidden or read-only, and, where there are such directories, /dev/shm
 * and /dev/mqueue of our own. Nothing of it shows outside. Ends the program if it can't.
 */
void mounts_make(void);

/*
 * In them: takes away what is mounted at @path, and what /sys shows of a network that isn't ours.
 * Ends the program if it can't.
 */
void mounts_leave(const char *path);

#endif
