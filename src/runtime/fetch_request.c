/* SPDX-License-Identifier: MIT */
#include "fetch_request.h"

#include <string.h>

#include "sigpipe.h"
#include "util.h"

static int copy_text(const char *text, char **copy)
{
    *copy = text ? strdup(text) : NULL;
    return text && !*copy ? -ENOMEM : 0;
}

/* RFC 9110 (5.1): a name is a token; and a value has no line end, or it would be two headers. */
static bool is_header(const char *line)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t name = strspn(line, token);

    return name > 0 && line[name] == ':' && !strpbrk(line, "\r\n");
}

static int add_header(struct sdme_fetch_request *request, const char *line)
{
    const struct libcurl *curl = &request->fetch->curl;
    size_t name = strcspn(line, ":");
    bool is_empty = line[name + 1 + strspn(line + name + 1, " ")] == '\0';
    _cleanup_free_ char *text = NULL;

    /* To curl a header without a value is one to leave out, unless a semicolon ends its name. */
    if (asprintf(&text, "%.*s%s", (int) name, line, is_empty ? ";" : line + name) < 0) {
        text = NULL;
        return -ENOMEM;
    }
    struct curl_slist *longer = curl->curl_slist_append(request->headers, text);
    if (!longer)
        return -ENOMEM;
    request->headers = longer;
    return 0;
}

static int add_headers(struct sdme_fetch_request *request, const char *const *lines,
                       struct sdme_error *error)
{
    const struct libcurl *curl = &request->fetch->curl;

    for (; lines && *lines; lines++) {
        if (!is_header(*lines))
            return sdme_fail_as(error, EINVAL, "no header of HTTP: '%.*s'",
                                (int) strcspn(*lines, ":\r\n"), *lines);
        if (add_header(request, *lines) < 0)
            return sdme_fail(error, ENOMEM, "HTTP request");
    }
    /* Nobody waits for a "100 Continue". */
    struct curl_slist *longer = curl->curl_slist_append(request->headers, "Expect:");
    if (!longer)
        return sdme_fail(error, ENOMEM, "HTTP request");
    request->headers = longer;
    return 0;
}

static int set_up(struct sdme_fetch_request *request,
                  const struct sdme_fetch_request_options *options, struct sdme_error *error)
{
    int code =
        sdme_fetch_url_parse(&request->fetch->curl, NULL, options->url, &request->url, error);

    if (code < 0)
        return code;
    if (!request->url.secure && !request->insecure_http)
        return sdme_fail_as(error, EPERM, "%s: http:// isn't allowed here", request->url.shown);
    if (copy_text(options->user ? options->user : request->url.user, &request->user) < 0 ||
        copy_text(options->password ? options->password : request->url.password,
                  &request->password) < 0 ||
        copy_text(options->authorities, &request->authorities) < 0 ||
        copy_text(options->certificate, &request->certificate) < 0 ||
        copy_text(options->key, &request->key) < 0)
        return sdme_fail(error, ENOMEM, "HTTP request");
    code = add_headers(request, options->headers, error);
    if (code < 0)
        return code;
    code = sdme_fetch_open_bodies(request, options, error);
    return code < 0 ? code : sdme_fetch_transfer(request, error);
}

int sdme_fetch_request_open(struct sdme_fetch *fetch,
                            const struct sdme_fetch_request_options *options,
                            struct sdme_fetch_request **ret_request, struct sdme_error *error)
{
    if (!fetch->multi || fetch->error.code) {
        *error = fetch->error;
        return -error->code;
    }
    struct sdme_fetch_request *request = calloc(1, sizeof *request);
    if (!request)
        return sdme_fail(error, ENOMEM, "HTTP request");
    *request = (struct sdme_fetch_request){
        .fetch = fetch,
        .method = options->method,
        .follow = options->follow,
        .max_size = options->max_size,
        .insecure_http = options->insecure_http,
        .hold = options->hold,
        .upload = {.stream = SDME_STREAM_CLOSED},
        .output = SDME_STREAM_CLOSED,
        .offset = -1,
    };
    fetch->references++;
    TAILQ_INSERT_TAIL(&fetch->requests, request, link);
    int code = set_up(request, options, error);
    if (code < 0) {
        sdme_fetch_request_close(request);
        return code;
    }
    *ret_request = request;
    return 0;
}

void sdme_fetch_request_close(struct sdme_fetch_request *request)
{
    struct sdme_fetch *fetch;

    if (!request)
        return;
    fetch = request->fetch;
    sdme_fetch_detach(request);
    if (request->easy)
        fetch->curl.curl_easy_cleanup(request->easy);
    fetch->curl.curl_slist_free_all(request->headers);
    sdme_fetch_url_free(&request->url);
    free(request->user);
    free(request->password);
    free(request->authorities);
    free(request->certificate);
    free(request->key);
    free(request->memory);
    sdme_stream_close(&request->upload.stream);
    sdme_stream_close(&request->output);
    TAILQ_REMOVE(&fetch->requests, request, link);
    free(request);
    sdme_fetch_unref(fetch);
}

struct sdme_fetch *sdme_fetch_of(const struct sdme_fetch_request *request)
{
    return request->fetch;
}

/* What a call of curl, or the output, has just failed with. */
static void note_failure(struct sdme_fetch_request *request)
{
    if (!request->error.code || request->result < 0)
        return;
    sdme_fetch_detach(request);
    request->result = -request->error.code;
}

static void resume(struct sdme_fetch_request *request)
{
    struct sdme_sigpipe before;

    request->paused = false;
    sdme_sigpipe_block(&before, true);
    if (request->running)
        request->fetch->curl.curl_easy_pause(request->easy, CURLPAUSE_CONT);
    sdme_sigpipe_restore(&before, true);
    note_failure(request);
}

void sdme_fetch_stream_ready(struct sdme_fetch_request *request)
{
    struct sdme_fetch_upload *upload = &request->upload;
    bool goes_on = false;

    if (request->result < 0)
        return;
    if (upload->waiting) {
        sdme_stream_watch(&upload->stream, request->fetch->epoll, SDME_STREAM_UNWATCHED, NULL);
        upload->waiting = false;
        goes_on = true;
    }
    if (request->target == SDME_FETCH_OUTPUT && request->memory_size > 0 &&
        sdme_fetch_flush(request) == 0) {
        sdme_stream_watch(&request->output, request->fetch->epoll, SDME_STREAM_UNWATCHED, NULL);
        goes_on = goes_on || request->paused;
    }
    if (goes_on)
        resume(request);
    note_failure(request);
}

/* All is there, and nothing is left that the output hasn't got. */
static bool is_done(const struct sdme_fetch_request *request)
{
    return request->finished && (request->target != SDME_FETCH_OUTPUT || request->memory_size == 0);
}

static bool has_head(const struct sdme_fetch_request *request)
{
    return request->target != SDME_FETCH_NOT_YET && request->target != SDME_FETCH_REDIRECT;
}

static int failure(const struct sdme_fetch_request *request, struct sdme_error *error)
{
    if (request->result < 0) {
        *error = request->error;
        return request->result;
    }
    if (request->fetch->error.code && !is_done(request)) {
        *error = request->fetch->error;
        return -error->code;
    }
    return 0;
}

bool sdme_fetch_has_news(const struct sdme_fetch_request *request, bool head)
{
    return request->result < 0 || request->fetch->error.code || is_done(request) ||
           (head ? has_head(request) : sdme_fetch_is_held(request));
}

int sdme_fetch_head_step(struct sdme_fetch_request *request, struct sdme_error *error)
{
    if (!sdme_fetch_has_news(request, true))
        sdme_fetch_step(request->fetch);
    int code = failure(request, error);
    return code < 0 ? code : has_head(request);
}

int sdme_fetch_request_step(struct sdme_fetch_request *request, struct sdme_error *error)
{
    if (!sdme_fetch_has_news(request, false))
        sdme_fetch_step(request->fetch);
    int code = failure(request, error);
    return code < 0 ? code : is_done(request);
}

bool sdme_fetch_is_held(const struct sdme_fetch_request *request)
{
    return request->target == SDME_FETCH_HELD;
}

int sdme_fetch_accept(struct sdme_fetch_request *request, int64_t offset, int64_t skip,
                      struct sdme_error *error)
{
    int code = failure(request, error);

    if (code < 0)
        return code;
    request->skip = skip;
    request->offset = request->output.fd >= 0 ? offset : -1;
    request->target = request->output.fd >= 0 ? SDME_FETCH_OUTPUT : SDME_FETCH_MEMORY;
    if (request->paused)
        resume(request);
    return failure(request, error);
}

int64_t sdme_fetch_progress(const struct sdme_fetch_request *request, int64_t *ret_total)
{
    curl_off_t total = -1;

    if (has_head(request))
        request->fetch->curl.curl_easy_getinfo(request->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
                                               &total);
    *ret_total = total;
    return has_head(request) ? request->received : 0;
}

int64_t sdme_fetch_written(const struct sdme_fetch_request *request)
{
    return request->written;
}

int sdme_fetch_status(const struct sdme_fetch_request *request)
{
    return request->status;
}

const char *sdme_fetch_url(const struct sdme_fetch_request *request)
{
    return request->url.text;
}

const char *sdme_fetch_http_version(const struct sdme_fetch_request *request)
{
    static const struct {
        long curl;
        const char *name;
    } versions[] = {
        {CURL_HTTP_VERSION_1_0, "1.0"},
        {CURL_HTTP_VERSION_1_1, "1.1"},
        {CURL_HTTP_VERSION_2_0, "2"},
        {CURL_HTTP_VERSION_3, "3"},
    };
    long version = 0;

    request->fetch->curl.curl_easy_getinfo(request->easy, CURLINFO_HTTP_VERSION, &version);
    for (size_t i = 0; i < ELEMENTS(versions); i++)
        if (versions[i].curl == version)
            return versions[i].name;
    return "unknown";
}

const void *sdme_fetch_header(const struct sdme_fetch_request *request, const void *position,
                              const char **ret_name, const char **ret_value)
{
    struct curl_header *before = (struct curl_header *) (uintptr_t) position;
    struct curl_header *header =
        request->fetch->curl.curl_easy_nextheader(request->easy, CURLH_HEADER, -1, before);

    if (!header)
        return NULL;
    *ret_name = header->name;
    *ret_value = header->value;
    return header;
}

const char *sdme_fetch_body(const struct sdme_fetch_request *request, size_t *ret_size)
{
    bool is_kept = request->target == SDME_FETCH_MEMORY && request->memory_size > 0;

    *ret_size = is_kept ? request->memory_size : 0;
    return is_kept ? request->memory : "";
}
