/* SPDX-License-Identifier: MIT */
#include "../runtime/fetch.h"

#include <ctype.h>
#include <string.h>

#include "binding.h"

static const char session_class[] = "sdme.fetch.session";
static const char request_class[] = "sdme.fetch.request";
static const char head_class[] = "sdme.fetch.head";

/* What goes to memory if nobody says how much: answers of a protocol, not downloads. */
#define MEMORY_MAX (4 << 20)

/* What a request keeps alive. */
enum {
    REQUEST_SESSION = 1,
    REQUEST_BODY,
    REQUEST_VALUES = REQUEST_BODY,
};

static struct sdme_fetch *check_session(lua_State *L)
{
    struct sdme_fetch **session = luaL_checkudata(L, 1, session_class);

    luaL_argcheck(L, *session, 1, "the session is closed");
    return *session;
}

static int session_close(lua_State *L)
{
    struct sdme_fetch **session = luaL_checkudata(L, 1, session_class);

    sdme_fetch_close(*session);
    *session = NULL;
    return 0;
}

static double option_seconds(lua_State *L, const char *key, double fallback)
{
    double seconds = sdme_lua_option_number(L, 1, key, fallback);

    if (!(seconds > 0 && seconds < INT32_MAX / 1000))
        luaL_error(L, "option '%s': a positive number of seconds expected", key);
    return seconds;
}

/* session([{user_agent=, ca_file=, proxy=, connect_timeout=30, stall_timeout=60}]) -> session */
static int fetch_session(lua_State *L)
{
    static const char *const known[] = {"user_agent",      "ca_file",       "proxy",
                                        "connect_timeout", "stall_timeout", NULL};
    struct sdme_fetch_options options = SDME_FETCH_DEFAULTS;
    struct sdme_error error = {0};

    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    sdme_lua_options(L, 1, known);
    options.user_agent = sdme_lua_option_string(L, 1, "user_agent", NULL);
    options.ca_file = sdme_lua_option_string(L, 1, "ca_file", NULL);
    options.proxy = sdme_lua_option_string(L, 1, "proxy", NULL);
    options.connect_timeout = option_seconds(L, "connect_timeout", options.connect_timeout);
    options.stall_timeout = option_seconds(L, "stall_timeout", options.stall_timeout);
    struct sdme_fetch **session = lua_newuserdatauv(L, sizeof(struct sdme_fetch *), 0);
    *session = NULL;
    luaL_setmetatable(L, session_class);
    if (sdme_fetch_open(&options, session, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

static enum sdme_fetch_method option_method(lua_State *L, int index)
{
    static const char *const methods[SDME_FETCH_METHODS] = {"GET", "HEAD", "POST", "PUT", "PATCH"};
    const char *name = sdme_lua_option_string(L, index, "method", "GET");

    for (int i = 0; i < SDME_FETCH_METHODS; i++)
        if (!strcmp(name, methods[i]))
            return (enum sdme_fetch_method) i;
    return (enum sdme_fetch_method) luaL_error(L, "option 'method': no method '%s'", name);
}

/* Pushes what keeps the array and its strings alive. */
static const char *const *option_headers(lua_State *L, int index)
{
    lua_newtable(L);
    int lines = lua_gettop(L);
    lua_Integer count = 0;

    if (lua_getfield(L, index, "headers") != LUA_TNIL) {
        luaL_checktype(L, -1, LUA_TTABLE);
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
            if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
                luaL_error(L, "option 'headers': names and values are strings");
            lua_pushfstring(L, "%s: %s", lua_tostring(L, -2), lua_tostring(L, -1));
            lua_rawseti(L, lines, ++count);
        }
    }
    lua_settop(L, lines);
    return (const char *const *) sdme_lua_strings(L, lines, "headers");
}

/* A string, which this pushes, or a descriptor. */
static void option_body(lua_State *L, int index, struct sdme_fetch_request_options *options)
{
    if (lua_getfield(L, index, "body") == LUA_TSTRING) {
        options->body = lua_tolstring(L, -1, &options->body_size);
        return;
    }
    if (!lua_isnil(L, -1))
        options->body_fd = sdme_lua_check_fd(L, -1);
    lua_pop(L, 1);
    lua_pushnil(L);
}

static lua_Integer option_size(lua_State *L, int index, const char *key, lua_Integer fallback)
{
    lua_Integer size = sdme_lua_option_integer(L, index, key, fallback);

    if (size < 0)
        luaL_error(L, "option '%s': it is negative", key);
    return size;
}

/*
 * session:request{ url=, method="GET", headers=, body=, output=, hold=false, max_size=,
 * insecure_http=false, follow=0, user=, password=, authorities=, certificate=, key= } -> pending:
 * { status=, headers=, body=, received=, url=, http_version= }
 */
static int session_request(lua_State *L)
{
    static const char *const known[] = {
        "url",      "method",      "headers",     "body",          "output",
        "hold",     "max_size",    "follow",      "insecure_http", "user",
        "password", "authorities", "certificate", "key",           NULL,
    };
    struct sdme_fetch *session = check_session(L);
    struct sdme_fetch_request_options options = SDME_FETCH_REQUEST_DEFAULTS;
    struct sdme_error error = {0};

    lua_settop(L, 2);
    sdme_lua_options(L, 2, known);
    options.url = sdme_lua_option_string(L, 2, "url", NULL);
    luaL_argcheck(L, options.url, 2, "option 'url': string expected");
    options.method = option_method(L, 2);
    options.output = sdme_lua_option_fd(L, 2, "output", -1);
    options.hold = sdme_lua_option_boolean(L, 2, "hold", false);
    options.insecure_http = sdme_lua_option_boolean(L, 2, "insecure_http", false);
    options.max_size =
        option_size(L, 2, "max_size", options.output < 0 ? MEMORY_MAX : options.max_size);
    options.follow = (unsigned int) option_size(L, 2, "follow", 0);
    options.user = sdme_lua_option_string(L, 2, "user", NULL);
    options.password = sdme_lua_option_string(L, 2, "password", NULL);
    options.authorities = sdme_lua_option_string(L, 2, "authorities", NULL);
    options.certificate = sdme_lua_option_string(L, 2, "certificate", NULL);
    options.key = sdme_lua_option_string(L, 2, "key", NULL);
    options.headers = option_headers(L, 2);

    struct sdme_fetch_request **request =
        lua_newuserdatauv(L, sizeof(struct sdme_fetch_request *), REQUEST_VALUES);
    *request = NULL;
    luaL_setmetatable(L, request_class);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, REQUEST_SESSION);
    option_body(L, 2, &options);
    lua_setiuservalue(L, -2, REQUEST_BODY);
    if (sdme_fetch_request_open(session, &options, request, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

static struct sdme_fetch_request *check_request(lua_State *L, int index)
{
    struct sdme_fetch_request **request = luaL_checkudata(L, index, request_class);

    luaL_argcheck(L, *request, index, "the request is over");
    return *request;
}

static int request_close(lua_State *L)
{
    struct sdme_fetch_request **request = luaL_checkudata(L, 1, request_class);

    sdme_fetch_request_close(*request);
    *request = NULL;
    return 0;
}

/* What a poll() returns for the request, or for its head. */
static int push_wait(lua_State *L, const struct sdme_fetch_request *request, bool head)
{
    if (!request)
        return 0;
    if (sdme_fetch_has_news(request, head))
        return sdme_lua_push_poll(L, -1, 0);
    const struct sdme_fetch *session = sdme_fetch_of(request);
    return sdme_lua_push_poll(L, sdme_fetch_fd(session), sdme_fetch_timeout(session));
}

static void push_lower(lua_State *L, const char *text)
{
    luaL_Buffer buffer;

    luaL_buffinit(L, &buffer);
    for (; *text; text++)
        luaL_addchar(&buffer, (char) tolower((unsigned char) *text));
    luaL_pushresult(&buffer);
}

/* Adds a value to the table at the top: the second of a name makes it an array. */
static void add_header(lua_State *L, const char *name, const char *value)
{
    push_lower(L, name);
    lua_pushvalue(L, -1);
    int type = lua_rawget(L, -3);

    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushstring(L, value);
        lua_rawset(L, -3);
        return;
    }
    if (type == LUA_TSTRING) {
        lua_createtable(L, 2, 0);
        lua_insert(L, -2);
        lua_rawseti(L, -2, 1);
    }
    lua_pushstring(L, value);
    lua_rawseti(L, -2, (lua_Integer) lua_rawlen(L, -2) + 1);
    lua_rawset(L, -3);
}

/* Pushes { status=, headers=, url=, http_version= }. */
static void push_head(lua_State *L, const struct sdme_fetch_request *request)
{
    const char *name, *value;
    const void *at = NULL;

    lua_createtable(L, 0, 6);
    lua_pushinteger(L, sdme_fetch_status(request));
    lua_setfield(L, -2, "status");
    lua_pushstring(L, sdme_fetch_url(request));
    lua_setfield(L, -2, "url");
    lua_pushstring(L, sdme_fetch_http_version(request));
    lua_setfield(L, -2, "http_version");
    lua_newtable(L);
    while ((at = sdme_fetch_header(request, at, &name, &value)))
        add_header(L, name, value);
    lua_setfield(L, -2, "headers");
}

static int request_poll(lua_State *L)
{
    struct sdme_fetch_request **request = luaL_checkudata(L, 1, request_class);

    return push_wait(L, *request, false);
}

static int request_step(lua_State *L)
{
    struct sdme_fetch_request *request = check_request(L, 1);
    struct sdme_error error = {0};
    int code = sdme_fetch_request_step(request, &error);
    int64_t total;
    size_t size;

    if (code >= 0 && sdme_fetch_is_held(request))
        return luaL_error(L, "the body is held: accept it first");
    lua_pushboolean(L, code != 0);
    if (code == 0)
        return 1;
    if (code < 0) {
        int64_t written = sdme_fetch_written(request);
        request_close(L);
        int count = 1 + sdme_lua_fail(L, &error);
        lua_pushinteger(L, written);
        return count + 1;
    }
    push_head(L, request);
    const char *body = sdme_fetch_body(request, &size);
    lua_pushlstring(L, body, size);
    lua_setfield(L, -2, "body");
    lua_pushinteger(L, sdme_fetch_progress(request, &total));
    lua_setfield(L, -2, "received");
    request_close(L);
    return 2;
}

/* request:head() -> pending: { status=, headers=, url=, http_version= } */
static int request_head(lua_State *L)
{
    check_request(L, 1);
    lua_newuserdatauv(L, 0, 1);
    luaL_setmetatable(L, head_class);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

/* request:accept([offset[, skip]]) -> true */
static int request_accept(lua_State *L)
{
    struct sdme_fetch_request *request = check_request(L, 1);
    lua_Integer offset = luaL_optinteger(L, 2, -1);
    lua_Integer skip = luaL_optinteger(L, 3, 0);
    struct sdme_error error = {0};

    luaL_argcheck(L, lua_isnoneornil(L, 2) || offset >= 0, 2, "it is negative");
    luaL_argcheck(L, skip >= 0, 3, "it is negative");
    luaL_argcheck(L, sdme_fetch_is_held(request), 1, "no body is held");
    return sdme_lua_done(L, sdme_fetch_accept(request, offset, skip, &error), &error);
}

/* request:progress() -> bytes of the body so far, and of all of it; nil if that isn't known */
static int request_progress(lua_State *L)
{
    int64_t total, received = sdme_fetch_progress(check_request(L, 1), &total);

    lua_pushinteger(L, received);
    if (total < 0)
        return 1;
    lua_pushinteger(L, total);
    return 2;
}

static struct sdme_fetch_request **head_request(lua_State *L)
{
    luaL_checkudata(L, 1, head_class);
    lua_getiuservalue(L, 1, 1);
    return lua_touserdata(L, -1);
}

static int head_poll(lua_State *L)
{
    return push_wait(L, *head_request(L), true);
}

static int head_step(lua_State *L)
{
    struct sdme_fetch_request *request = *head_request(L);
    struct sdme_error error = {0};

    luaL_argcheck(L, request, 1, "the request is over");
    int code = sdme_fetch_head_step(request, &error);
    lua_pushboolean(L, code != 0);
    if (code == 0)
        return 1;
    if (code < 0)
        return 1 + sdme_lua_fail(L, &error);
    push_head(L, request);
    return 2;
}

/* The request stays: waiting is given up, nothing else. */
static int head_close(lua_State *L)
{
    luaL_checkudata(L, 1, head_class);
    return 0;
}

static const luaL_Reg session_methods[] = {
    {"close", session_close},
    {"request", session_request},
    {NULL, NULL},
};

static const luaL_Reg request_methods[] = {
    {"accept", request_accept},
    {"close", request_close},
    {"head", request_head},
    {"poll", request_poll},
    {"step", request_step},
    {"progress", request_progress},
    {NULL, NULL},
};

static const luaL_Reg head_methods[] = {
    {"close", head_close},
    {"poll", head_poll},
    {"step", head_step},
    {NULL, NULL},
};

static const luaL_Reg fetch_functions[] = {
    {"session", fetch_session},
    {NULL, NULL},
};

int sdme_lua_open_fetch(lua_State *L)
{
    sdme_lua_class(L, session_class, session_methods, session_close);
    sdme_lua_class(L, request_class, request_methods, request_close);
    sdme_lua_class(L, head_class, head_methods, head_close);
    luaL_newlib(L, fetch_functions);
    return 1;
}
