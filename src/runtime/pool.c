/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include <sched.h>

#include "thread.h"
#include "util.h"

enum {
    THREADS_MAX = 8,
    WAITING_MAX = 64,
    WAITING_FEW = 4, /* up to which no thread is worth starting */
};

struct sdme_pool {
    sdme_pool_work work;
    unsigned int wanted; /* threads, the giving one not counted */
    unsigned int threads;
    pthread_t thread[THREADS_MAX];

    pthread_mutex_t mutex; /* for all that follows */
    pthread_cond_t changed;
    void *waiting[WAITING_MAX]; /* a ring */
    unsigned int first;
    unsigned int count;
    bool finishing;
    struct sdme_error error; /* the first failure; its code is 0 while there is none */
};

/* Called with the mutex held, and gives it away while working. */
static void do_work(struct sdme_pool *pool, void *item)
{
    struct sdme_error error = {0};
    bool failed = pool->error.code != 0;

    pthread_mutex_unlock(&pool->mutex);
    int code = pool->work(item, failed, &error);
    pthread_mutex_lock(&pool->mutex);
    if (code < 0 && !failed && pool->error.code == 0)
        pool->error = error;
}

static void *take(struct sdme_pool *pool)
{
    void *item = pool->waiting[pool->first];

    pool->first = (pool->first + 1) % WAITING_MAX;
    pool->count--;
    return item;
}

static void *run_thread(void *argument)
{
    struct sdme_pool *pool = argument;

    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        if (pool->count > 0)
            do_work(pool, take(pool));
        else if (pool->finishing)
            break;
        else
            pthread_cond_wait(&pool->changed, &pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* With fewer threads than wanted, it takes only longer. */
static void start_thread(struct sdme_pool *pool)
{
    if (sdme_thread_start(run_thread, pool, &pool->thread[pool->threads]) == 0)
        pool->threads++;
    else
        pool->wanted = pool->threads;
}

int sdme_pool_start(unsigned int threads, sdme_pool_work work, struct sdme_pool **ret_pool,
                    struct sdme_error *error)
{
    struct sdme_pool *pool = calloc(1, sizeof *pool);

    if (!pool)
        return sdme_fail(error, ENOMEM, "start threads");
    pool->work = work;
    pool->wanted = threads > THREADS_MAX ? THREADS_MAX - 1 : threads > 0 ? threads - 1 : 0;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->changed, NULL);
    *ret_pool = pool;
    return 0;
}

int sdme_pool_give(struct sdme_pool *pool, void *item, struct sdme_error *error)
{
    pthread_mutex_lock(&pool->mutex);
    if (pool->threads < pool->wanted && pool->count >= WAITING_FEW)
        start_thread(pool);
    while (pool->count > 0 && (pool->wanted == 0 || pool->count == WAITING_MAX))
        do_work(pool, take(pool));
    if (pool->wanted == 0) {
        do_work(pool, item);
    } else {
        pool->waiting[(pool->first + pool->count) % WAITING_MAX] = item;
        pool->count++;
        pthread_cond_signal(&pool->changed);
    }
    int code = pool->error.code;
    if (code != 0 && error)
        *error = pool->error;
    pthread_mutex_unlock(&pool->mutex);
    return -code;
}

int sdme_pool_finish(struct sdme_pool *pool, bool failed, struct sdme_error *error)
{
    pthread_mutex_lock(&pool->mutex);
    if (failed && pool->error.code == 0)
        pool->error.code = ECANCELED;
    pool->finishing = true;
    pthread_cond_broadcast(&pool->changed);
    while (pool->count > 0)
        do_work(pool, take(pool));
    pthread_mutex_unlock(&pool->mutex);

    for (unsigned int i = 0; i < pool->threads; i++)
        pthread_join(pool->thread[i], NULL);
    int code = pool->error.code;
    if (code != 0 && !failed && error)
        *error = pool->error;
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
    return -code;
}

unsigned int sdme_pool_threads(void)
{
    cpu_set_t allowed;

    if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
        return 1;
    int count = CPU_COUNT(&allowed);
    return count < 1 ? 1 : count > THREADS_MAX ? THREADS_MAX : (unsigned int) count;
}
