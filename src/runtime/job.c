/* SPDX-License-Identifier: MIT */
#include "job.h"

#include <sys/eventfd.h>

#include "thread.h"

struct sdme_job {
    sdme_job_work work;
    void *data;
    pthread_t thread;
    struct sdme_cancel cancel;
    int ended_fd; /* an eventfd(2) */
    atomic_bool ended;
    int code; /* this and the error are the thread's until it has ended */
    struct sdme_error error;
};

static void *run_thread(void *argument)
{
    struct sdme_job *job = argument;

    job->code = job->work(job->data, &job->cancel, &job->error);
    atomic_store(&job->ended, true);
    eventfd_write(job->ended_fd, 1);
    return NULL;
}

int sdme_job_start(sdme_job_work work, void *data, struct sdme_job **ret_job,
                   struct sdme_error *error)
{
    struct sdme_job *job = calloc(1, sizeof *job);

    if (!job)
        return sdme_fail(error, ENOMEM, "start a thread");
    job->work = work;
    job->data = data;
    job->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int code = job->ended_fd < 0 ? -errno : sdme_thread_start(run_thread, job, &job->thread);
    if (code < 0) {
        sdme_close(job->ended_fd);
        free(job);
        return sdme_fail(error, code, "start a thread");
    }
    *ret_job = job;
    return 0;
}

int sdme_job_fd(const struct sdme_job *job)
{
    return job->ended_fd;
}

int sdme_job_step(struct sdme_job *job, struct sdme_error *error)
{
    if (!atomic_load(&job->ended))
        return 0;
    if (job->code >= 0)
        return 1;
    if (error)
        *error = job->error;
    return job->code;
}

void sdme_job_close(struct sdme_job *job)
{
    if (!job)
        return;
    atomic_store(&job->cancel.requested, 1);
    pthread_join(job->thread, NULL);
    sdme_close(job->ended_fd);
    free(job);
}
