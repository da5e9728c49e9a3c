/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_WRITEBACK_H
#define SDME_RUNTIME_WRITEBACK_H

#include "error.h"

/*
 * Has the kernel begin to write new files to the disk, and closes them, in a thread of its own: so
 * a syncfs(2) at the end of many has little left to wait for.
 */
struct sdme_writeback;

int sdme_writeback_start(struct sdme_writeback **ret_writeback, struct sdme_error *error);

/* Takes the descriptor of a file that is complete. When the disk is behind, it's just closed. */
void sdme_writeback_add(struct sdme_writeback *writeback, int fd);

/* Waits until all are closed, not until they are on the disk; NULL is fine. */
void sdme_writeback_finish(struct sdme_writeback *writeback);

#endif
