/* SPDX-License-Identifier: MIT */
#include "digest.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>

#include "file.h"
#include "library.h"

enum {
    READ_AT_ONCE = 64 * 1024,
};

/* What we call in libcrypto, under the names it has there. */
#define FUNCTIONS(X)                                                                               \
    X(EVP_MD_CTX_new)                                                                              \
    X(EVP_MD_CTX_free)                                                                             \
    X(EVP_MD_CTX_copy_ex)                                                                          \
    X(EVP_DigestInit_ex)                                                                           \
    X(EVP_DigestUpdate)                                                                            \
    X(EVP_DigestFinal_ex)                                                                          \
    X(EVP_sha256)                                                                                  \
    X(EVP_sha512)

struct crypto {
    FUNCTIONS(SDME_LIBRARY_MEMBER)
};

static const char *const names[] = {FUNCTIONS(SDME_LIBRARY_NAME) NULL};

struct sdme_digest {
    struct crypto crypto;
    EVP_MD_CTX *context;
    const EVP_MD *kind;
};

static int start(struct sdme_digest *digest, const char *algorithm, bool is_sha512,
                 struct sdme_error *error)
{
    int code = sdme_library_load("libcrypto.so.3", names, &digest->crypto, error);

    if (code < 0)
        return code;
    digest->context = digest->crypto.EVP_MD_CTX_new();
    if (!digest->context)
        return sdme_fail(error, ENOMEM, "digest");
    digest->kind = is_sha512 ? digest->crypto.EVP_sha512() : digest->crypto.EVP_sha256();
    if (digest->crypto.EVP_DigestInit_ex(digest->context, digest->kind, NULL) != 1)
        return sdme_fail_as(error, SDME_EUNSUPPORTED, "OpenSSL refuses %s", algorithm);
    return 0;
}

int sdme_digest_reset(struct sdme_digest *digest, struct sdme_error *error)
{
    if (digest->crypto.EVP_DigestInit_ex(digest->context, digest->kind, NULL) != 1)
        return sdme_fail_as(error, EIO, "OpenSSL failed to begin a digest");
    return 0;
}

int sdme_digest_new(const char *algorithm, struct sdme_digest **ret_digest,
                    struct sdme_error *error)
{
    bool is_sha512 = !strcmp(algorithm, "sha512");

    if (!is_sha512 && strcmp(algorithm, "sha256") != 0)
        return sdme_fail_as(error, EINVAL, "no such digest: %s", algorithm);
    struct sdme_digest *digest = calloc(1, sizeof *digest);
    if (!digest)
        return sdme_fail(error, ENOMEM, "digest");
    int code = start(digest, algorithm, is_sha512, error);
    if (code < 0) {
        sdme_digest_free(digest);
        return code;
    }
    *ret_digest = digest;
    return 0;
}

void sdme_digest_free(struct sdme_digest *digest)
{
    if (!digest)
        return;
    if (digest->context)
        digest->crypto.EVP_MD_CTX_free(digest->context);
    free(digest);
}

int sdme_digest_update(struct sdme_digest *digest, const void *data, size_t size,
                       struct sdme_error *error)
{
    if (digest->crypto.EVP_DigestUpdate(digest->context, data, size) != 1)
        return sdme_fail_as(error, EIO, "OpenSSL failed to update a digest");
    return 0;
}

int sdme_digest_value(struct sdme_digest *digest, unsigned char ret_value[SDME_DIGEST_MAX],
                      size_t *ret_size, struct sdme_error *error)
{
    EVP_MD_CTX *copy = digest->crypto.EVP_MD_CTX_new();
    unsigned int size = 0;

    bool done = copy && digest->crypto.EVP_MD_CTX_copy_ex(copy, digest->context) == 1 &&
                digest->crypto.EVP_DigestFinal_ex(copy, ret_value, &size) == 1;
    digest->crypto.EVP_MD_CTX_free(copy);
    if (!done)
        return sdme_fail_as(error, EIO, "OpenSSL failed to finish a digest");
    *ret_size = size;
    return 0;
}

int sdme_digest_update_file(struct sdme_digest *digest, int fd, const char *path,
                            const struct sdme_cancel *cancel, uint64_t *ret_size,
                            struct sdme_error *error)
{
    unsigned char buffer[READ_AT_ONCE];
    uint64_t total = 0;
    size_t count;

    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    do {
        if (sdme_cancelled(cancel))
            return sdme_fail(error, ECANCELED, "read %s", path);
        int code = sdme_file_read(fd, buffer, READ_AT_ONCE, &count, path, error);
        if (code < 0)
            return code;
        code = sdme_digest_update(digest, buffer, count, error);
        if (code < 0)
            return code;
        total += count;
    } while (count == READ_AT_ONCE);
    *ret_size = total;
    return 0;
}

void sdme_digest_hex(const unsigned char *value, size_t size, char ret_hex[SDME_DIGEST_HEX])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        ret_hex[2 * i] = digits[value[i] >> 4];
        ret_hex[2 * i + 1] = digits[value[i] & 15];
    }
    ret_hex[2 * size] = '\0';
}

int sdme_random(void *buffer, size_t size, struct sdme_error *error)
{
    char *rest = buffer;

    while (size > 0) {
        ssize_t count = getrandom(rest, size, 0);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return sdme_fail(error, errno, "get random bytes");
        rest += count;
        size -= (size_t) count;
    }
    return 0;
}
