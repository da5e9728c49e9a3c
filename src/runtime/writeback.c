/* SPDX-License-Identifier: MIT */
#include "writeback.h"

#include <fcntl.h>

#include "thread.h"
#include "util.h"

enum {
    SLOTS = 256,       /* descriptors that may wait, far below RLIMIT_NOFILE */
    BATCH = SLOTS / 4, /* the thread is woken for so many */
};

struct sdme_writeback {
    pthread_t thread;
    pthread_mutex_t mutex; /* for all that follows */
    pthread_cond_t added;
    bool ended;
    unsigned int first, count;
    int fds[SLOTS];
};

/* What can't be done now is done by whoever syncs. */
static void write_back(int fd)
{
    sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    close(fd);
}

static void *run_writeback(void *argument)
{
    struct sdme_writeback *writeback = argument;

    pthread_mutex_lock(&writeback->mutex);
    for (;;) {
        while (writeback->count == 0 && !writeback->ended)
            pthread_cond_wait(&writeback->added, &writeback->mutex);
        if (writeback->count == 0)
            break;
        int fd = writeback->fds[writeback->first];
        writeback->first = (writeback->first + 1) % SLOTS;
        writeback->count--;
        pthread_mutex_unlock(&writeback->mutex);
        write_back(fd);
        pthread_mutex_lock(&writeback->mutex);
    }
    pthread_mutex_unlock(&writeback->mutex);
    return NULL;
}

int sdme_writeback_start(struct sdme_writeback **ret_writeback, struct sdme_error *error)
{
    struct sdme_writeback *writeback = calloc(1, sizeof *writeback);

    if (!writeback)
        return sdme_fail(error, ENOMEM, "start a thread");
    pthread_mutex_init(&writeback->mutex, NULL);
    pthread_cond_init(&writeback->added, NULL);
    int code = sdme_thread_start(run_writeback, writeback, &writeback->thread);
    if (code < 0) {
        pthread_cond_destroy(&writeback->added);
        pthread_mutex_destroy(&writeback->mutex);
        free(writeback);
        return sdme_fail(error, code, "start a thread");
    }
    *ret_writeback = writeback;
    return 0;
}

void sdme_writeback_add(struct sdme_writeback *writeback, int fd)
{
    pthread_mutex_lock(&writeback->mutex);
    bool full = writeback->count == SLOTS;
    if (!full) {
        writeback->fds[(writeback->first + writeback->count) % SLOTS] = fd;
        writeback->count++;
        if (writeback->count == BATCH)
            pthread_cond_signal(&writeback->added);
    }
    pthread_mutex_unlock(&writeback->mutex);
    if (full)
        close(fd);
}

void sdme_writeback_finish(struct sdme_writeback *writeback)
{
    if (!writeback)
        return;
    pthread_mutex_lock(&writeback->mutex);
    writeback->ended = true;
    pthread_cond_signal(&writeback->added);
    pthread_mutex_unlock(&writeback->mutex);
    pthread_join(writeback->thread, NULL);
    pthread_cond_destroy(&writeback->added);
    pthread_mutex_destroy(&writeback->mutex);
    free(writeback);
}
