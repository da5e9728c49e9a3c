/* SPDX-License-Identifier: MIT */
#include "archive_pipeline.h"

#include <pthread.h>

#include "thread.h"

enum {
    SLOT_SIZE = 128 * 1024, /* a multiple of 512; more than one should lie in a cache */
    SLOTS = 64,
};

struct slot {
    size_t size;
    unsigned char data[SLOT_SIZE];
};

struct sdme_archive_pipeline {
    struct sdme_archive_input *input;
    struct sdme_digest *digest;
    unsigned int threads;
    struct slot *slots; /* a ring */
    bool holds;         /* the caller has a slot */

    pthread_mutex_t mutex; /* for all that follows */
    pthread_cond_t changed;
    uint64_t filled, digested, used; /* slots, since the beginning */
    bool ended;                      /* there will be no more than `filled` */
    struct sdme_error error;         /* what comes after those */
};

int sdme_archive_pipeline_new(struct sdme_archive_input *input, unsigned int threads,
                              struct sdme_archive_pipeline **ret_pipeline, struct sdme_error *error)
{
    struct sdme_archive_pipeline *pipeline = calloc(1, sizeof *pipeline);

    if (!pipeline)
        return sdme_fail(error, ENOMEM, "unpack");
    pipeline->input = input;
    pipeline->threads = threads;
    pthread_mutex_init(&pipeline->mutex, NULL);
    pthread_cond_init(&pipeline->changed, NULL);
    pipeline->slots = malloc((threads > 1 ? SLOTS : 1) * sizeof *pipeline->slots);
    int code = pipeline->slots ? sdme_digest_new("sha256", &pipeline->digest, error)
                               : sdme_fail(error, ENOMEM, "unpack");
    if (code < 0) {
        sdme_archive_pipeline_free(pipeline);
        return code;
    }
    *ret_pipeline = pipeline;
    return 0;
}

void sdme_archive_pipeline_free(struct sdme_archive_pipeline *pipeline)
{
    if (!pipeline)
        return;
    pthread_cond_destroy(&pipeline->changed);
    pthread_mutex_destroy(&pipeline->mutex);
    sdme_digest_free(pipeline->digest);
    free(pipeline->slots);
    free(pipeline);
}

static struct slot *slot_of(struct sdme_archive_pipeline *pipeline, uint64_t number)
{
    return &pipeline->slots[pipeline->threads > 1 ? number % SLOTS : 0];
}

/* Fills a slot that nobody uses, and digests it unless another thread does: 1, or 0 at the end. */
static int fill_slot(struct sdme_archive_pipeline *pipeline, struct slot *slot,
                     struct sdme_error *error)
{
    int code =
        sdme_archive_input_read(pipeline->input, slot->data, sizeof slot->data, &slot->size, error);

    if (code >= 0 && pipeline->threads < 3 && !sdme_archive_input_is_plain(pipeline->input))
        code = sdme_digest_update(pipeline->digest, slot->data, slot->size, error);
    return code < 0 ? code : slot->size > 0;
}

/* A reader that found the ring full is woken once half of it is free, not for each slot. */
static void tell_reader(struct sdme_archive_pipeline *pipeline, uint64_t done)
{
    if (pipeline->filled - done == SLOTS / 2)
        pthread_cond_broadcast(&pipeline->changed);
}

static void *run_reader(void *argument)
{
    struct sdme_archive_pipeline *pipeline = argument;
    struct sdme_error error = {0};

    pthread_mutex_lock(&pipeline->mutex);
    for (;;) {
        while (pipeline->filled - pipeline->used == SLOTS ||
               pipeline->filled - pipeline->digested == SLOTS)
            pthread_cond_wait(&pipeline->changed, &pipeline->mutex);
        pthread_mutex_unlock(&pipeline->mutex);
        int code = fill_slot(pipeline, slot_of(pipeline, pipeline->filled), &error);
        pthread_mutex_lock(&pipeline->mutex);
        if (code <= 0)
            break;
        if (pipeline->filled == pipeline->used || pipeline->filled == pipeline->digested)
            pthread_cond_broadcast(&pipeline->changed);
        pipeline->filled++;
        if (pipeline->threads < 3)
            pipeline->digested = pipeline->filled;
    }
    if (pipeline->error.code == 0)
        pipeline->error = error;
    pipeline->ended = true;
    pthread_cond_broadcast(&pipeline->changed);
    pthread_mutex_unlock(&pipeline->mutex);
    return NULL;
}

static void *run_digester(void *argument)
{
    struct sdme_archive_pipeline *pipeline = argument;
    int code = 0;

    pthread_mutex_lock(&pipeline->mutex);
    for (;;) {
        while (pipeline->digested == pipeline->filled && !pipeline->ended)
            pthread_cond_wait(&pipeline->changed, &pipeline->mutex);
        if (pipeline->digested == pipeline->filled)
            break;
        struct slot *slot = slot_of(pipeline, pipeline->digested);
        pthread_mutex_unlock(&pipeline->mutex);
        struct sdme_error error = {0};
        if (code >= 0 && !sdme_archive_input_is_plain(pipeline->input))
            code = sdme_digest_update(pipeline->digest, slot->data, slot->size, &error);
        pthread_mutex_lock(&pipeline->mutex);
        if (code < 0 && pipeline->error.code == 0)
            pipeline->error = error;
        pipeline->digested++;
        tell_reader(pipeline, pipeline->digested);
        if (pipeline->digested == pipeline->filled)
            pthread_cond_broadcast(&pipeline->changed);
    }
    pthread_mutex_unlock(&pipeline->mutex);
    return NULL;
}

int sdme_archive_pipeline_start(struct sdme_archive_pipeline *pipeline, struct sdme_error *error)
{
    pthread_t thread; /* never joined: they end with the process */
    int code = 0;

    if (pipeline->threads > 1)
        code = sdme_thread_start(run_reader, pipeline, &thread);
    if (pipeline->threads > 2 && code == 0)
        code = sdme_thread_start(run_digester, pipeline, &thread);
    return code == 0 ? 0 : sdme_fail(error, code, "start a thread");
}

static int next_alone(struct sdme_archive_pipeline *pipeline, const unsigned char **ret_data,
                      size_t *ret_size, struct sdme_error *error)
{
    struct slot *slot = slot_of(pipeline, 0);

    int code = fill_slot(pipeline, slot, error);
    if (code > 0) {
        *ret_data = slot->data;
        *ret_size = slot->size;
    }
    return code;
}

int sdme_archive_pipeline_next(void *context, const unsigned char **ret_data, size_t *ret_size,
                               struct sdme_error *error)
{
    struct sdme_archive_pipeline *pipeline = context;
    int code = 0;

    if (pipeline->threads < 2)
        return next_alone(pipeline, ret_data, ret_size, error);
    pthread_mutex_lock(&pipeline->mutex);
    if (pipeline->holds) {
        pipeline->used++;
        pipeline->holds = false;
        tell_reader(pipeline, pipeline->used);
    }
    while (pipeline->used == pipeline->filled && !pipeline->ended)
        pthread_cond_wait(&pipeline->changed, &pipeline->mutex);
    if (pipeline->used < pipeline->filled) {
        struct slot *slot = slot_of(pipeline, pipeline->used);

        *ret_data = slot->data;
        *ret_size = slot->size;
        pipeline->holds = true;
        code = 1;
    } else if (pipeline->error.code != 0) {
        code = -pipeline->error.code;
        if (error)
            *error = pipeline->error;
    }
    pthread_mutex_unlock(&pipeline->mutex);
    return code;
}

int sdme_archive_pipeline_digest(struct sdme_archive_pipeline *pipeline,
                                 char ret_hex[SDME_DIGEST_HEX], struct sdme_error *error)
{
    unsigned char value[SDME_DIGEST_MAX];
    uint64_t consumed;
    size_t size;

    if (sdme_archive_input_is_plain(pipeline->input))
        return sdme_archive_input_digest(pipeline->input, ret_hex, &consumed, error);
    pthread_mutex_lock(&pipeline->mutex);
    while (pipeline->threads > 2 && pipeline->digested < pipeline->filled)
        pthread_cond_wait(&pipeline->changed, &pipeline->mutex);
    pthread_mutex_unlock(&pipeline->mutex);
    int code = sdme_digest_value(pipeline->digest, value, &size, error);
    if (code < 0)
        return code;
    sdme_digest_hex(value, size, ret_hex);
    return 0;
}
