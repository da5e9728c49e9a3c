/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_JOB_H
#define SDME_RUNTIME_JOB_H

#include "error.h"
#include "util.h"

/* One long piece of work in a thread of its own, whose end can be polled for. */
struct sdme_job;

/*
 * The work: 0 or more, or a negative code and why. It looks at @cancel between two steps. @data
 * stays the caller's, who keeps it until the job is closed.
 */
typedef int (*sdme_job_work)(void *data, const struct sdme_cancel *cancel,
                             struct sdme_error *error);

int sdme_job_start(sdme_job_work work, void *data, struct sdme_job **ret_job,
                   struct sdme_error *error);

/* What becomes readable when the work has ended; the job's. */
int sdme_job_fd(const struct sdme_job *job);

/* 0 while it goes on, 1 when it has succeeded, or the code that it failed with. Never waits. */
int sdme_job_step(struct sdme_job *job, struct sdme_error *error);

/* Cancels the work if it goes on, waits until it has ended, and frees the job; NULL is fine. */
void sdme_job_close(struct sdme_job *job);

#endif
