/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_FETCH_H
#define SDME_RUNTIME_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/*
 * Requests over HTTP by libcurl, which is loaded on first use. A session keeps connections to be
 * used again, and any number of requests go on side by side in it; nothing here waits. Only http
 * and https are spoken, certificates are always checked, and no content encoding is undone.
 */
struct sdme_fetch;
struct sdme_fetch_request;

struct sdme_fetch_options {
    const char *user_agent; /* NULL: "sdme/VERSION" */
    const char *ca_file;    /* certificates in PEM to trust; NULL: those of the system */
    const char *proxy;      /* "": none; NULL: what the environment says, as in curl(1) */
    double connect_timeout; /* seconds until a connection is there, TLS included */
    double stall_timeout;   /* a transfer that has been slower than 100 bytes/s so long fails */
};
#define SDME_FETCH_DEFAULTS                                                                        \
    ((struct sdme_fetch_options){.connect_timeout = 30, .stall_timeout = 60})

/* Copies what it needs of the options. -SDME_EUNSUPPORTED where there is no libcurl. */
int sdme_fetch_open(const struct sdme_fetch_options *options, struct sdme_fetch **ret_fetch,
                    struct sdme_error *error);

/* Ends its requests, which from now on fail with -ECANCELED, and gives up the caller's share. */
void sdme_fetch_close(struct sdme_fetch *fetch);

/* What to poll for reading, and the seconds after which to step anyway; negative: never. */
int sdme_fetch_fd(const struct sdme_fetch *fetch);
double sdme_fetch_timeout(const struct sdme_fetch *fetch);

enum sdme_fetch_method {
    SDME_FETCH_GET,
    SDME_FETCH_HEAD,
    SDME_FETCH_POST,
    SDME_FETCH_PUT,
    SDME_FETCH_PATCH,
    SDME_FETCH_METHODS,
};

struct sdme_fetch_request_options {
    const char *url; /* a user and password in it count as those below */
    enum sdme_fetch_method method;
    const char *const *headers; /* "Name: value", NULL at the end; NULL: none */
    const void *body;           /* stays the caller's and must last; NULL: none */
    size_t body_size;
    int body_fd;         /* a body that is read from there, where it is now; -1: none */
    int output;          /* where the body of a 200 or 206 goes; -1: into memory */
    int64_t max_size;    /* of the body: of the output as a whole if that has an offset */
    unsigned int follow; /* how many redirects; 0: a redirect is an answer like others */
    const char *user, *password;
    const char *authorities;       /* in PEM, to trust beside those of the system; NULL: none */
    const char *certificate, *key; /* files in PEM that say who we are; NULL: none */
    bool insecure_http;            /* http:// is refused without */
    bool hold;                     /* a body of 200 or 206 waits for sdme_fetch_accept() */
};
#define SDME_FETCH_REQUEST_DEFAULTS                                                                \
    ((struct sdme_fetch_request_options){.body_fd = -1, .output = -1, .max_size = INT64_MAX})

/* The body of an answer other than 2xx is cut here; so is that of a redirect, which nobody sees. */
#define SDME_FETCH_ERROR_BODY_MAX 65536

/*
 * Starts a request; descriptors stay the caller's and may be closed. A body that goes to memory,
 * which that of every answer but a 200 or 206 does, is limited by @max_size too. A 206 that isn't
 * held never goes to the output: nobody would look at its Content-Range.
 *
 * A redirect to another scheme, host or port takes Authorization, Cookie, user, password,
 * certificate and key away for good; one from https to http is refused.
 */
int sdme_fetch_request_open(struct sdme_fetch *fetch,
                            const struct sdme_fetch_request_options *options,
                            struct sdme_fetch_request **ret_request, struct sdme_error *error);

/* Gives it up if it isn't done. */
void sdme_fetch_request_close(struct sdme_fetch_request *request);

struct sdme_fetch *sdme_fetch_of(const struct sdme_fetch_request *request);

/*
 * Both go on with everything in the session. 0: not yet; 1: the head of the answer is there, or the
 * answer as a whole; or the failure of the request: -EHOSTUNREACH, -ECONNREFUSED, -ETIMEDOUT,
 * -ECONNRESET (it was cut), -EPROTO, -EKEYREJECTED (a certificate), -EFBIG, -ELOOP (redirects),
 * -EPERM (http isn't allowed), -EPIPE (nobody reads the output), ...
 */
int sdme_fetch_head_step(struct sdme_fetch_request *request, struct sdme_error *error);
int sdme_fetch_request_step(struct sdme_fetch_request *request, struct sdme_error *error);

/* Stepping it, or its head, would not return 0: there is nothing to wait for. */
bool sdme_fetch_has_news(const struct sdme_fetch_request *request, bool head);

/* The head is there, and the body waits to be accepted. */
bool sdme_fetch_is_held(const struct sdme_fetch_request *request);

/*
 * Lets a held body come; @offset is where the output gets it, -1: where that is. The first @skip
 * bytes of it are dropped, and don't count for max_size.
 */
int sdme_fetch_accept(struct sdme_fetch_request *request, int64_t offset, int64_t skip,
                      struct sdme_error *error);

/* Bytes that the output got; of a request that failed, fewer than came may have got there. */
int64_t sdme_fetch_written(const struct sdme_fetch_request *request);

/* Bytes of the body so far, and how many there will be; -1: not known. */
int64_t sdme_fetch_progress(const struct sdme_fetch_request *request, int64_t *ret_total);

/* Once the head is there. The URL is the last one of the redirects, without user and password. */
int sdme_fetch_status(const struct sdme_fetch_request *request);
const char *sdme_fetch_url(const struct sdme_fetch_request *request);
const char *sdme_fetch_http_version(const struct sdme_fetch_request *request);

/* The headers one by one: @position is NULL first, and then what was returned; NULL at the end. */
const void *sdme_fetch_header(const struct sdme_fetch_request *request, const void *position,
                              const char **ret_name, const char **ret_value);

/* What of the body is in memory: the request's, and empty if there is none. */
const char *sdme_fetch_body(const struct sdme_fetch_request *request, size_t *ret_size);

#endif
