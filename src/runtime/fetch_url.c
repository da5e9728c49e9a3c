/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "fetch_request.h"
#include "util.h"

/* A part of a URL, ours to free; NULL if it hasn't got it. */
static int get_part(const struct libcurl *curl, CURLU *handle, CURLUPart part, unsigned int flags,
                    char **ret_part)
{
    char *text = NULL;
    CURLUcode code = curl->curl_url_get(handle, part, &text, flags);

    if (code == CURLUE_OUT_OF_MEMORY)
        return -ENOMEM;
    if (code != CURLUE_OK)
        return 0;
    *ret_part = strdup(text);
    curl->curl_free(text);
    return *ret_part ? 0 : -ENOMEM;
}

static int get_origin(const struct libcurl *curl, CURLU *handle, struct sdme_fetch_url *url)
{
    _cleanup_free_ char *scheme = NULL, *host = NULL, *port = NULL;

    if (get_part(curl, handle, CURLUPART_SCHEME, 0, &scheme) < 0 ||
        get_part(curl, handle, CURLUPART_HOST, 0, &host) < 0 ||
        get_part(curl, handle, CURLUPART_PORT, CURLU_DEFAULT_PORT, &port) < 0)
        return -ENOMEM;
    url->secure = scheme && !strcmp(scheme, "https");
    if (asprintf(&url->origin, "%s://%s:%s", scheme ? scheme : "", host ? host : "",
                 port ? port : "") < 0) {
        url->origin = NULL;
        return -ENOMEM;
    }
    return 0;
}

/* Everything up to the query, which may be a signature that lets anybody in. */
static int make_shown(struct sdme_fetch_url *url)
{
    size_t length = strcspn(url->text, "?");

    return asprintf(&url->shown, "%.*s%s", (int) length, url->text,
                    url->text[length] ? "?..." : "") < 0
               ? -ENOMEM
               : 0;
}

static int take_apart(const struct libcurl *curl, CURLU *handle, struct sdme_fetch_url *url)
{
    if (get_part(curl, handle, CURLUPART_USER, CURLU_URLDECODE, &url->user) < 0 ||
        get_part(curl, handle, CURLUPART_PASSWORD, CURLU_URLDECODE, &url->password) < 0)
        return -ENOMEM;
    curl->curl_url_set(handle, CURLUPART_USER, NULL, 0);
    curl->curl_url_set(handle, CURLUPART_PASSWORD, NULL, 0);
    curl->curl_url_set(handle, CURLUPART_OPTIONS, NULL, 0);
    curl->curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0);
    if (get_part(curl, handle, CURLUPART_URL, 0, &url->text) < 0 || !url->text)
        return -ENOMEM;
    if (make_shown(url) < 0) {
        url->shown = NULL;
        return -ENOMEM;
    }
    return get_origin(curl, handle, url);
}

static bool is_web(const char *origin)
{
    return !strncmp(origin, "http://", 7) || !strncmp(origin, "https://", 8);
}

static int parse(const struct libcurl *curl, CURLU *handle, const struct sdme_fetch_url *base,
                 const char *text, struct sdme_fetch_url *url, struct sdme_error *error)
{
    CURLUcode code = CURLUE_OK;

    if (base)
        code = curl->curl_url_set(handle, CURLUPART_URL, base->text, 0);
    if (code == CURLUE_OK)
        code = curl->curl_url_set(handle, CURLUPART_URL, text,
                                  CURLU_NON_SUPPORT_SCHEME | CURLU_ALLOW_SPACE | CURLU_URLENCODE);
    if (code == CURLUE_OUT_OF_MEMORY)
        return sdme_fail(error, ENOMEM, "read a URL");
    /* What is wrong with it may be its password, so it isn't shown. */
    if (code != CURLUE_OK)
        return sdme_fail_as(error, EINVAL, "a URL can't be read: %s",
                            curl->curl_url_strerror(code));
    if (take_apart(curl, handle, url) < 0)
        return sdme_fail(error, ENOMEM, "read a URL");
    if (!is_web(url->origin))
        return sdme_fail_as(error, EPROTONOSUPPORT, "%s: only http and https are spoken",
                            url->shown);
    return 0;
}

int sdme_fetch_url_parse(const struct libcurl *curl, const struct sdme_fetch_url *base,
                         const char *text, struct sdme_fetch_url *ret_url, struct sdme_error *error)
{
    struct sdme_fetch_url url = {0};
    CURLU *handle = curl->curl_url();

    if (!handle)
        return sdme_fail(error, ENOMEM, "read a URL");
    int code = parse(curl, handle, base, text, &url, error);
    curl->curl_url_cleanup(handle);
    if (code < 0) {
        sdme_fetch_url_free(&url);
        return code;
    }
    *ret_url = url;
    return 0;
}

void sdme_fetch_url_free(struct sdme_fetch_url *url)
{
    free(url->text);
    free(url->shown);
    free(url->origin);
    free(url->user);
    free(url->password);
    *url = (struct sdme_fetch_url){0};
}
