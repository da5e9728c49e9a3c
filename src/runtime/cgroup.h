/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_CGROUP_H
#define SDME_RUNTIME_CGROUP_H

#include "error.h"
#include "job.h"

/*
 * Whoever moves a process into another cgroup waits for the kernel to see that no thread is just
 * being made (cgroup_threadgroup_rwsem): a grace period, 5 to 15 ms, unless somebody has moved one
 * in the milliseconds before. This begins that wait now, in a thread, for the manager that is about
 * to start a unit: it moves this process to the cgroup that it is in already.
 *
 * The job fails where that can't be done, which matters to nobody.
 */
int sdme_cgroup_expect_move(struct sdme_job **ret_job, struct sdme_error *error);

#endif
