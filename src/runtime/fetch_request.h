/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_FETCH_REQUEST_H
#define SDME_RUNTIME_FETCH_REQUEST_H

/* The next call of curl is a pointer to a variadic function, which its checking macros hide. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <sys/queue.h>

#include "fetch.h"
#include "library.h"
#include "stream.h"

/* What the parts of fetching share: for fetch*.c alone. */

#define SDME_FETCH_FUNCTIONS(X)                                                                    \
    X(curl_easy_cleanup)                                                                           \
    X(curl_easy_getinfo)                                                                           \
    X(curl_easy_header)                                                                            \
    X(curl_easy_init)                                                                              \
    X(curl_easy_nextheader)                                                                        \
    X(curl_easy_pause)                                                                             \
    X(curl_easy_reset)                                                                             \
    X(curl_easy_setopt)                                                                            \
    X(curl_easy_strerror)                                                                          \
    X(curl_free)                                                                                   \
    X(curl_global_init)                                                                            \
    X(curl_multi_add_handle)                                                                       \
    X(curl_multi_cleanup)                                                                          \
    X(curl_multi_info_read)                                                                        \
    X(curl_multi_init)                                                                             \
    X(curl_multi_remove_handle)                                                                    \
    X(curl_multi_setopt)                                                                           \
    X(curl_multi_socket_action)                                                                    \
    X(curl_slist_append)                                                                           \
    X(curl_slist_free_all)                                                                         \
    X(curl_url)                                                                                    \
    X(curl_url_cleanup)                                                                            \
    X(curl_url_get)                                                                                \
    X(curl_url_set)                                                                                \
    X(curl_url_strerror)

struct libcurl {
    SDME_FETCH_FUNCTIONS(SDME_LIBRARY_MEMBER)
};

/* A URL as it is asked for, and the parts of it that matter; all of them are ours. */
struct sdme_fetch_url {
    char *text;   /* without user, password and fragment */
    char *shown;  /* the same for messages: without the query, which may be a signature */
    char *origin; /* scheme://host:port, the port always there */
    char *user, *password;
    bool secure;
};

/* Reads @text; relative to @base, if there is one. */
int sdme_fetch_url_parse(const struct libcurl *curl, const struct sdme_fetch_url *base,
                         const char *text, struct sdme_fetch_url *ret_url,
                         struct sdme_error *error);
void sdme_fetch_url_free(struct sdme_fetch_url *url);

TAILQ_HEAD(sdme_fetch_requests, sdme_fetch_request);

struct sdme_fetch {
    struct libcurl curl;
    unsigned int references; /* the caller's, and one of each request */
    CURLM *multi;            /* NULL when closed */
    int epoll;
    double deadline; /* when curl wants to be called anyway; INFINITY: never */
    struct sdme_fetch_requests requests;
    char *user_agent, *ca_file, *proxy;
    double connect_timeout, stall_timeout;
    struct sdme_error error; /* of the session as a whole: every request fails with it */
};

/* What an answer's body is for. */
enum sdme_fetch_target {
    SDME_FETCH_NOT_YET, /* the head isn't there */
    SDME_FETCH_REDIRECT,
    SDME_FETCH_HELD,
    SDME_FETCH_MEMORY,
    SDME_FETCH_OUTPUT,
};

/* A request's body: in memory, a file that can be read again, or a stream that can't. */
struct sdme_fetch_upload {
    const char *data;
    struct sdme_stream stream;
    int64_t start; /* of the body in the file; -1: it isn't one */
    int64_t size;  /* -1: not known */
    int64_t position;
    bool waiting; /* for the stream */
};

struct sdme_fetch_request {
    TAILQ_ENTRY(sdme_fetch_request) link;
    struct sdme_fetch *fetch;
    CURL *easy;
    bool running; /* curl has it */
    bool finished;
    bool paused; /* curl keeps the body back for us */
    bool enough; /* we ended the transfer ourselves, and that is fine */
    enum sdme_fetch_method method;
    unsigned int follow, redirects;
    int64_t max_size;
    bool insecure_http, hold;

    struct sdme_fetch_url url;
    char *user, *password;   /* as long as the redirects stay where they are for */
    char *certificate, *key; /* the same */
    char *authorities;
    struct curl_slist *headers; /* the same, of Authorization and Cookie */
    struct sdme_fetch_upload upload;

    enum sdme_fetch_target target;
    int status;
    size_t head_size;
    int64_t received, skip, written; /* of the body: come, not wanted, given to the output */
    struct sdme_stream output;
    int64_t offset; /* where the next byte goes; -1: where the output is */
    char *memory;   /* a body that is kept, or what the output doesn't take now */
    size_t memory_size, memory_room;

    int result; /* negative once it has failed, with: */
    struct sdme_error error;
    char reason[CURL_ERROR_SIZE];
};

/* In the epoll set: curl's sockets have their number plus one, streams 0. */
#define SDME_FETCH_STREAM 0

struct sdme_fetch *sdme_fetch_unref(struct sdme_fetch *fetch);

/* Has curl begin with the request as it is now, or again after a redirect. */
int sdme_fetch_transfer(struct sdme_fetch_request *request, struct sdme_error *error);

/* Takes it away from curl. */
void sdme_fetch_detach(struct sdme_fetch_request *request);

/* What curl says at the end of a transfer. */
void sdme_fetch_transferred(struct sdme_fetch_request *request, CURLcode code);

/* Goes on where a stream may be ready. */
void sdme_fetch_stream_ready(struct sdme_fetch_request *request);

/* Goes on with everything in the session. */
void sdme_fetch_step(struct sdme_fetch *fetch);

/* curl's callbacks for the bodies, fetch_body.c. */
size_t sdme_fetch_take(char *data, size_t size, size_t count, void *user);
size_t sdme_fetch_give(char *buffer, size_t size, size_t count, void *user);
int sdme_fetch_seek(void *user, curl_off_t offset, int origin);

/* Opens what @options say of the request's body and the output. */
int sdme_fetch_open_bodies(struct sdme_fetch_request *request,
                           const struct sdme_fetch_request_options *options,
                           struct sdme_error *error);

/* Writes what the output didn't take before: as sdme_buffer_flush(). */
int sdme_fetch_flush(struct sdme_fetch_request *request);

#endif
