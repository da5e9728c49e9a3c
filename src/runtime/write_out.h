/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_WRITE_OUT_H
#define SDME_RUNTIME_WRITE_OUT_H

#include "error.h"

/*
 * Has all of the filesystem that @directory is on written to the disk by a process of its own,
 * which isn't our child, outlives us, and can't be interrupted. Once everything is there it removes
 * the file @mark from each of @names, directories in @directory with NULL behind the last: those
 * that are there now, not what has such a name later. Everything stays the caller's.
 */
int sdme_write_out(int directory, const char *const *names, const char *mark,
                   struct sdme_error *error);

#endif
