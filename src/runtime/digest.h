/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_DIGEST_H
#define SDME_RUNTIME_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "util.h"

/*
 * Message digests by OpenSSL's libcrypto, which is loaded when the first one is made: loading it
 * takes longer than everything else at start-up.
 */
struct sdme_digest;

#define SDME_DIGEST_MAX 64                        /* bytes of the longest digest */
#define SDME_DIGEST_HEX (2 * SDME_DIGEST_MAX + 1) /* and its hexadecimal form with a NUL */

/* @algorithm: "sha256" or "sha512", -EINVAL otherwise. The caller frees @ret_digest. */
int sdme_digest_new(const char *algorithm, struct sdme_digest **ret_digest,
                    struct sdme_error *error);
void sdme_digest_free(struct sdme_digest *digest);

/* Begins again: quicker than making another one. */
int sdme_digest_reset(struct sdme_digest *digest, struct sdme_error *error);

int sdme_digest_update(struct sdme_digest *digest, const void *data, size_t size,
                       struct sdme_error *error);

/* The digest of all data so far; more may follow. */
int sdme_digest_value(struct sdme_digest *digest, unsigned char ret_value[SDME_DIGEST_MAX],
                      size_t *ret_size, struct sdme_error *error);

/* Adds what is left of the file @fd and returns how many bytes that was; @path is for messages. */
int sdme_digest_update_file(struct sdme_digest *digest, int fd, const char *path,
                            const struct sdme_cancel *cancel, uint64_t *ret_size,
                            struct sdme_error *error);

void sdme_digest_hex(const unsigned char *value, size_t size, char ret_hex[SDME_DIGEST_HEX]);

/* Random bytes, fit for keys: getrandom(2). */
int sdme_random(void *buffer, size_t size, struct sdme_error *error);

#endif
