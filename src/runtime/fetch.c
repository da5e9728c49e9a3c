/* SPDX-License-Identifier: MIT */
#include "fetch.h"

#include <math.h>
#include <string.h>
#include <sys/epoll.h>

#include "fetch_request.h"
#include "poll.h"
#include "sigpipe.h"
#include "util.h"

/* Events that are taken in one step, so that a busy session leaves others their turn. */
#define EVENTS_AT_ONCE 32

static const char *const names[] = {SDME_FETCH_FUNCTIONS(SDME_LIBRARY_NAME) NULL};

/* CURLMOPT_SOCKETFUNCTION: has the epoll set watch what curl waits for. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *unused)
{
    struct sdme_fetch *fetch = user;
    struct epoll_event event = {.data.u64 = (uint64_t) fd + 1};
    int r;

    (void) easy;
    (void) unused;
    if (what == CURL_POLL_REMOVE) {
        /* It may be closed already, and then it isn't in the set any more. */
        epoll_ctl(fetch->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (what & CURL_POLL_IN)
        event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        event.events |= EPOLLOUT;
    r = epoll_ctl(fetch->epoll, EPOLL_CTL_MOD, fd, &event);
    if (r < 0 && errno == ENOENT)
        r = epoll_ctl(fetch->epoll, EPOLL_CTL_ADD, fd, &event);
    if (r < 0 && !fetch->error.code)
        sdme_fail(&fetch->error, errno, "watch a connection");
    return r < 0 ? -1 : 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int set_deadline(CURLM *multi, long milliseconds, void *user)
{
    struct sdme_fetch *fetch = user;

    (void) multi;
    fetch->deadline = milliseconds < 0 ? INFINITY : sdme_now() + (double) milliseconds / 1000;
    return 0;
}

static int copy_text(const char *text, char **ret_copy)
{
    *ret_copy = text ? strdup(text) : NULL;
    return text && !*ret_copy ? -ENOMEM : 0;
}

static int set_up(struct sdme_fetch *fetch, const struct sdme_fetch_options *options,
                  struct sdme_error *error)
{
    int code = sdme_library_load("libcurl.so.4", names, &fetch->curl, error);

    if (code < 0)
        return code;
    if (copy_text(options->user_agent ? options->user_agent : "sdme/" SDME_VERSION,
                  &fetch->user_agent) < 0 ||
        copy_text(options->ca_file, &fetch->ca_file) < 0 ||
        copy_text(options->proxy, &fetch->proxy) < 0)
        return sdme_fail(error, ENOMEM, "HTTP session");
    fetch->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (fetch->epoll < 0)
        return sdme_fail(error, errno, "HTTP session");
    /* It counts, and is never undone: other libraries in this process may use curl too. */
    if (fetch->curl.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return sdme_fail_as(error, SDME_EUNSUPPORTED, "libcurl can't be initialised");
    fetch->multi = fetch->curl.curl_multi_init();
    if (!fetch->multi)
        return sdme_fail(error, ENOMEM, "HTTP session");
    fetch->curl.curl_multi_setopt(fetch->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    fetch->curl.curl_multi_setopt(fetch->multi, CURLMOPT_SOCKETDATA, fetch);
    fetch->curl.curl_multi_setopt(fetch->multi, CURLMOPT_TIMERFUNCTION, set_deadline);
    fetch->curl.curl_multi_setopt(fetch->multi, CURLMOPT_TIMERDATA, fetch);
    return 0;
}

int sdme_fetch_open(const struct sdme_fetch_options *options, struct sdme_fetch **ret_fetch,
                    struct sdme_error *error)
{
    struct sdme_fetch *fetch = calloc(1, sizeof *fetch);

    if (!fetch)
        return sdme_fail(error, ENOMEM, "HTTP session");
    fetch->epoll = -1;
    fetch->references = 1;
    fetch->deadline = INFINITY;
    fetch->connect_timeout = options->connect_timeout;
    fetch->stall_timeout = options->stall_timeout;
    TAILQ_INIT(&fetch->requests);
    int code = set_up(fetch, options, error);
    if (code < 0) {
        sdme_fetch_close(fetch);
        return code;
    }
    *ret_fetch = fetch;
    return 0;
}

struct sdme_fetch *sdme_fetch_unref(struct sdme_fetch *fetch)
{
    if (--fetch->references > 0)
        return NULL;
    sdme_close(fetch->epoll);
    free(fetch->user_agent);
    free(fetch->ca_file);
    free(fetch->proxy);
    free(fetch);
    return NULL;
}

void sdme_fetch_close(struct sdme_fetch *fetch)
{
    struct sdme_fetch_request *request;
    struct sdme_sigpipe before;

    if (!fetch)
        return;
    if (!fetch->error.code)
        sdme_fail_as(&fetch->error, ECANCELED, "the HTTP session is closed");
    for (request = TAILQ_FIRST(&fetch->requests); request; request = TAILQ_NEXT(request, link))
        sdme_fetch_detach(request);
    /* Of TLS connections it takes leave by a write that libcurl lets raise SIGPIPE. */
    sdme_sigpipe_block(&before, true);
    if (fetch->multi)
        fetch->curl.curl_multi_cleanup(fetch->multi);
    sdme_sigpipe_restore(&before, true);
    fetch->multi = NULL;
    fetch->deadline = INFINITY;
    sdme_fetch_unref(fetch);
}

int sdme_fetch_fd(const struct sdme_fetch *fetch)
{
    return fetch->epoll;
}

double sdme_fetch_timeout(const struct sdme_fetch *fetch)
{
    if (isinf(fetch->deadline))
        return -1;
    return fmax(0, fetch->deadline - sdme_now());
}

static void read_messages(struct sdme_fetch *fetch)
{
    struct sdme_fetch_request *request;
    const CURLMsg *message;
    int left;

    while ((message = fetch->curl.curl_multi_info_read(fetch->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        fetch->curl.curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request);
        sdme_fetch_transferred(request, code);
    }
}

/* The thread that it starts to resolve names takes no signals of the program. */
static void tell_curl(struct sdme_fetch *fetch, curl_socket_t fd, uint32_t events)
{
    struct sdme_sigpipe before;
    int mask = 0, running;

    if (events & (EPOLLIN | EPOLLHUP))
        mask |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        mask |= CURL_CSELECT_OUT;
    if (events & EPOLLERR)
        mask |= CURL_CSELECT_ERR;
    sdme_sigpipe_block(&before, true);
    CURLMcode code = fetch->curl.curl_multi_socket_action(fetch->multi, fd, mask, &running);
    sdme_sigpipe_restore(&before, true);
    if (code != CURLM_OK && !fetch->error.code)
        sdme_fail_as(&fetch->error, EIO, "libcurl fails with CURLMcode %d", (int) code);
}

void sdme_fetch_step(struct sdme_fetch *fetch)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    struct sdme_fetch_request *request;
    bool streams = false;

    if (!fetch->multi)
        return;
    int count = epoll_wait(fetch->epoll, events, EVENTS_AT_ONCE, 0);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == SDME_FETCH_STREAM)
            streams = true;
        else
            tell_curl(fetch, (curl_socket_t) (events[i].data.u64 - 1), events[i].events);
    }
    if (streams)
        for (request = TAILQ_FIRST(&fetch->requests); request; request = TAILQ_NEXT(request, link))
            sdme_fetch_stream_ready(request);
    if (fetch->deadline <= sdme_now()) {
        fetch->deadline = INFINITY; /* curl sets the next one */
        tell_curl(fetch, CURL_SOCKET_TIMEOUT, 0);
    }
    read_messages(fetch);
}
