/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "fetch_request.h"
#include "sigpipe.h"
#include "util.h"

/* No server has a reason to send more; curl keeps them all. */
#define HEAD_MAX 131072

/* Below it a transfer is stalled, in bytes per second. */
#define SLOWEST_RATE 100L

/* Where OpenSSL finds authorities by their names, on every distribution that has them so. */
#define SYSTEM_AUTHORITIES "/etc/ssl/certs"

#define RECEIVE_AT_ONCE 131072L

static const char *const method_names[SDME_FETCH_METHODS] = {"GET", "HEAD", "POST", "PUT", "PATCH"};

static const struct {
    CURLcode curl;
    int code;
} codes[] = {
    {CURLE_COULDNT_RESOLVE_PROXY, EHOSTUNREACH},
    {CURLE_COULDNT_RESOLVE_HOST, EHOSTUNREACH},
    {CURLE_OPERATION_TIMEDOUT, ETIMEDOUT},
    {CURLE_PARTIAL_FILE, ECONNRESET},
    {CURLE_GOT_NOTHING, ECONNRESET},
    {CURLE_SEND_ERROR, ECONNRESET},
    {CURLE_RECV_ERROR, ECONNRESET},
    {CURLE_HTTP2_STREAM, ECONNRESET},
    {CURLE_PEER_FAILED_VERIFICATION, EKEYREJECTED},
    {CURLE_SSL_CACERT_BADFILE, ENOKEY},
    {CURLE_SSL_CERTPROBLEM, ENOKEY},
    {CURLE_OUT_OF_MEMORY, ENOMEM},
    {CURLE_URL_MALFORMAT, EINVAL},
    {CURLE_SEND_FAIL_REWIND, ESPIPE},
};

/* connect(2)'s own word, as far as curl knows it. */
static int connect_code(const struct sdme_fetch_request *request)
{
    static const int known[] = {ECONNREFUSED, ENETUNREACH, ETIMEDOUT, ECONNRESET, EACCES};
    long number = 0;

    request->fetch->curl.curl_easy_getinfo(request->easy, CURLINFO_OS_ERRNO, &number);
    for (size_t i = 0; i < ELEMENTS(known); i++)
        if (known[i] == number)
            return known[i];
    return EHOSTUNREACH;
}

static void fail_by_curl(struct sdme_fetch_request *request, CURLcode curl)
{
    const char *reason = request->reason;
    int code = curl == CURLE_COULDNT_CONNECT ? connect_code(request) : EPROTO;

    for (size_t i = 0; i < ELEMENTS(codes); i++)
        if (codes[i].curl == curl)
            code = codes[i].code;
    if (!*reason)
        reason = request->fetch->curl.curl_easy_strerror(curl);
    sdme_fail_as(&request->error, code, "%s: %s", request->url.shown, reason);
}

static const char *header_value(const struct sdme_fetch_request *request, const char *name)
{
    struct curl_header *header;

    if (request->fetch->curl.curl_easy_header(request->easy, name, 0, CURLH_HEADER, -1, &header) !=
        CURLHE_OK)
        return NULL;
    return header->value;
}

static bool is_followed(const struct sdme_fetch_request *request)
{
    bool is_redirect = (request->status >= 301 && request->status <= 303) ||
                       request->status == 307 || request->status == 308;

    return is_redirect && request->follow > 0 && header_value(request, "Location");
}

static enum sdme_fetch_target choose_target(const struct sdme_fetch_request *request)
{
    if (is_followed(request))
        return SDME_FETCH_REDIRECT;
    if (request->hold && (request->status == 200 || request->status == 206))
        return SDME_FETCH_HELD;
    return request->output.fd >= 0 && request->status == 200 ? SDME_FETCH_OUTPUT
                                                             : SDME_FETCH_MEMORY;
}

static bool is_last_line(const char *line, size_t length)
{
    return length <= 2 && (line[0] == '\r' || line[0] == '\n');
}

/* CURLOPT_HEADERFUNCTION: a line each, the last one empty; after the body come trailers. */
static size_t take_header(char *line, size_t size, size_t count, void *user)
{
    struct sdme_fetch_request *request = user;
    size_t length = size * count;
    long status = 0;

    if (request->target != SDME_FETCH_NOT_YET)
        return length;
    request->head_size += length;
    if (request->head_size > HEAD_MAX) {
        sdme_fail_as(&request->error, EPROTO, "%s: more than %d bytes of headers come",
                     request->url.shown, HEAD_MAX);
        return 0;
    }
    if (!is_last_line(line, length))
        return length;
    request->fetch->curl.curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200) /* 1xx come before the answer */
        return length;
    request->status = (int) status;
    request->target = choose_target(request);
    return length;
}

static bool has_body(const struct sdme_fetch_request *request)
{
    return request->method != SDME_FETCH_GET && request->method != SDME_FETCH_HEAD;
}

/* The calls of curl, of which all must succeed: they count those that don't. */
#define SET(option, value)                                                                         \
    (failures += curl->curl_easy_setopt(request->easy, (option), (value)) != CURLE_OK)

static int set_request(struct sdme_fetch_request *request)
{
    const struct libcurl *curl = &request->fetch->curl;
    int failures = 0;

    SET(CURLOPT_URL, request->url.text);
    SET(CURLOPT_HTTPHEADER, request->headers);
    if (request->method == SDME_FETCH_HEAD)
        SET(CURLOPT_NOBODY, 1L);
    if (has_body(request)) {
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_CUSTOMREQUEST, method_names[request->method]);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t) request->upload.size);
        SET(CURLOPT_READFUNCTION, sdme_fetch_give);
        SET(CURLOPT_READDATA, request);
        SET(CURLOPT_SEEKFUNCTION, sdme_fetch_seek);
        SET(CURLOPT_SEEKDATA, request);
    }
    if (request->user || request->password) {
        SET(CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC);
        SET(CURLOPT_USERNAME, request->user ? request->user : "");
        SET(CURLOPT_PASSWORD, request->password ? request->password : "");
    }
    SET(CURLOPT_WRITEFUNCTION, sdme_fetch_take);
    SET(CURLOPT_WRITEDATA, request);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, request);
    SET(CURLOPT_ERRORBUFFER, request->reason);
    SET(CURLOPT_PRIVATE, request);
    return failures;
}

/* Authorities that come from memory take the place of the system's file, but not of its directory.
 */
static int set_certificates(struct sdme_fetch_request *request)
{
    const struct libcurl *curl = &request->fetch->curl;
    int failures = 0;

    if (request->authorities) {
        struct curl_blob blob = {
            .data = request->authorities,
            .len = strlen(request->authorities),
            .flags = CURL_BLOB_NOCOPY,
        };

        SET(CURLOPT_CAINFO_BLOB, &blob);
        SET(CURLOPT_CAPATH, SYSTEM_AUTHORITIES);
    }
    if (request->certificate)
        SET(CURLOPT_SSLCERT, request->certificate);
    if (request->key)
        SET(CURLOPT_SSLKEY, request->key);
    return failures;
}

static int set_session(struct sdme_fetch_request *request)
{
    const struct sdme_fetch *fetch = request->fetch;
    const struct libcurl *curl = &fetch->curl;
    int failures = 0;

    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_USERAGENT, fetch->user_agent);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long) ceil(fetch->connect_timeout * 1000));
    SET(CURLOPT_LOW_SPEED_LIMIT, SLOWEST_RATE);
    SET(CURLOPT_LOW_SPEED_TIME, (long) ceil(fetch->stall_timeout));
    SET(CURLOPT_BUFFERSIZE, RECEIVE_AT_ONCE);
    if (fetch->ca_file)
        SET(CURLOPT_CAINFO, fetch->ca_file);
    if (fetch->proxy)
        SET(CURLOPT_PROXY, fetch->proxy);
    /* A name server that doesn't answer shall not keep us from ending. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    /* Fine if this curl can't: then it is HTTP/1.1. */
    curl->curl_easy_setopt(request->easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_2TLS);
    return failures;
}

int sdme_fetch_transfer(struct sdme_fetch_request *request, struct sdme_error *error)
{
    struct sdme_fetch *fetch = request->fetch;

    if (!request->easy)
        request->easy = fetch->curl.curl_easy_init();
    else
        fetch->curl.curl_easy_reset(request->easy);
    if (!request->easy)
        return sdme_fail(error, ENOMEM, "%s", request->url.shown);
    request->target = SDME_FETCH_NOT_YET;
    request->head_size = request->memory_size = 0;
    request->received = request->skip = request->written = request->upload.position = 0;
    request->paused = request->enough = false;
    request->reason[0] = '\0';
    if (set_request(request) + set_session(request) + set_certificates(request) > 0)
        return sdme_fail_as(error, SDME_EUNSUPPORTED, "%s: this libcurl lacks what is needed",
                            request->url.shown);
    if (fetch->curl.curl_multi_add_handle(fetch->multi, request->easy) != CURLM_OK)
        return sdme_fail(error, ENOMEM, "%s", request->url.shown);
    request->running = true;
    return 0;
}

void sdme_fetch_detach(struct sdme_fetch_request *request)
{
    struct sdme_sigpipe before;

    sdme_sigpipe_block(&before, true);
    if (request->running)
        request->fetch->curl.curl_multi_remove_handle(request->fetch->multi, request->easy);
    sdme_sigpipe_restore(&before, true);
    request->running = false;
}

static bool is_secret(const char *header)
{
    static const char *const secrets[] = {"Authorization", "Cookie", "Proxy-Authorization", "Host"};
    size_t length = strcspn(header, ":;");

    for (size_t i = 0; i < ELEMENTS(secrets); i++)
        if (length == strlen(secrets[i]) && !strncasecmp(header, secrets[i], length))
            return true;
    return false;
}

/* What is meant for one server alone. */
static int drop_secrets(struct sdme_fetch_request *request)
{
    const struct libcurl *curl = &request->fetch->curl;
    struct curl_slist *kept = NULL;

    for (const struct curl_slist *at = request->headers; at; at = at->next) {
        if (is_secret(at->data))
            continue;
        struct curl_slist *longer = curl->curl_slist_append(kept, at->data);
        if (!longer) {
            curl->curl_slist_free_all(kept);
            return -ENOMEM;
        }
        kept = longer;
    }
    curl->curl_slist_free_all(request->headers);
    request->headers = kept;
    free(request->user);
    free(request->password);
    free(request->certificate);
    free(request->key);
    request->user = request->password = request->certificate = request->key = NULL;
    return 0;
}

/* As RFC 9110 (15.4) has it, and every browser. */
static int change_method(struct sdme_fetch_request *request)
{
    bool once = request->upload.stream.fd >= 0 && request->upload.start < 0;

    if ((request->status == 303 && request->method != SDME_FETCH_HEAD) ||
        (request->status <= 302 && request->method == SDME_FETCH_POST))
        request->method = SDME_FETCH_GET;
    if (has_body(request) && once && request->upload.position > 0)
        return sdme_fail_as(&request->error, ESPIPE,
                            "%s redirects what can't be sent a second time", request->url.shown);
    return 0;
}

static int check_redirect(struct sdme_fetch_request *request, const struct sdme_fetch_url *url)
{
    if (request->url.secure && !url->secure)
        return sdme_fail_as(&request->error, EPERM,
                            "%s redirects to %s, which would give up its encryption",
                            request->url.shown, url->shown);
    if (!strcasecmp(request->url.origin, url->origin))
        return 0;
    if (drop_secrets(request) < 0)
        return sdme_fail(&request->error, ENOMEM, "%s", request->url.shown);
    return 0;
}

static int redirect(struct sdme_fetch_request *request)
{
    struct sdme_fetch_url url = {0};

    if (request->redirects++ >= request->follow)
        return sdme_fail_as(&request->error, ELOOP, "%s: more than %u redirects",
                            request->url.shown, request->follow);
    int code = sdme_fetch_url_parse(&request->fetch->curl, &request->url,
                                    header_value(request, "Location"), &url, &request->error);
    if (code < 0)
        return sdme_fail_in(&request->error, code, "%s redirects", request->url.shown);
    code = check_redirect(request, &url);
    if (code == 0)
        code = change_method(request);
    if (code < 0) {
        sdme_fetch_url_free(&url);
        return code;
    }
    sdme_fetch_url_free(&request->url);
    request->url = url;
    return sdme_fetch_transfer(request, &request->error);
}

void sdme_fetch_transferred(struct sdme_fetch_request *request, CURLcode code)
{
    sdme_fetch_detach(request);
    if (!request->error.code && code != CURLE_OK && !(request->enough && code == CURLE_WRITE_ERROR))
        fail_by_curl(request, code);
    if (!request->error.code && request->target == SDME_FETCH_REDIRECT)
        redirect(request);
    else if (!request->error.code)
        request->finished = true;
    if (request->error.code)
        request->result = -request->error.code;
}
