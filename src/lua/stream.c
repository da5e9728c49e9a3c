/* SPDX-License-Identifier: MIT */
#include "../runtime/stream.h"

#include <fcntl.h>
#include <limits.h>

#include "../runtime/pump.h"
#include "binding.h"

static const char reader_class[] = "sdme.stream.reader";
static const char writer_class[] = "sdme.stream.writer";
static const char relay_class[] = "sdme.stream.relay";
static const char chunks_class[] = "sdme.stream.chunks";

/* What a reader takes if it isn't told: nobody's output may fill our memory. */
#define READER_MAX (64 << 20)

/* Closes what the caller gave us to close: a number, or anything with a `close` method. */
static void close_value(lua_State *L, int index)
{
    luaL_Stream *file = luaL_testudata(L, index, LUA_FILEHANDLE);

    if (lua_isinteger(L, index))
        sdme_close((int) lua_tointeger(L, index));
    if (lua_isinteger(L, index) || (file && !file->closef))
        return;
    index = lua_absindex(L, index);
    lua_getfield(L, index, "close");
    lua_pushvalue(L, index);
    lua_call(L, 1, 0);
}

/* What a poll() returns for one stream. */
static int push_wait(lua_State *L, const struct sdme_stream *stream, const char *events)
{
    if (stream->fd < 0)
        return 0;
    if (sdme_stream_in_background(stream)) {
        lua_pushnil(L);
        lua_pushnil(L);
        lua_pushnumber(L, SDME_STREAM_BACKGROUND_INTERVAL);
        return 3;
    }
    lua_pushinteger(L, stream->fd);
    lua_pushstring(L, events);
    return 2;
}

/* What a step() returns unless it is done: false, or true and the failure. */
static int push_unfinished(lua_State *L, int code, const struct sdme_error *error)
{
    lua_pushboolean(L, code < 0);
    return code < 0 ? 1 + sdme_lua_fail(L, error) : 1;
}

static int reader_poll(lua_State *L)
{
    struct sdme_reader *reader = luaL_checkudata(L, 1, reader_class);

    return push_wait(L, &reader->from, "r");
}

static int reader_step(lua_State *L)
{
    struct sdme_reader *reader = luaL_checkudata(L, 1, reader_class);
    struct sdme_error error = {0};

    luaL_argcheck(L, reader->from.fd >= 0, 1, "the reader is closed");
    int code = sdme_reader_step(reader, &error);
    if (code <= 0)
        return push_unfinished(L, code, &error);
    lua_pushboolean(L, true);
    lua_pushlstring(L, reader->data, reader->size);
    sdme_reader_close(reader);
    return 2;
}

static int reader_close(lua_State *L)
{
    sdme_reader_close(luaL_checkudata(L, 1, reader_class));
    return 0;
}

/* reader(fd[, {max=}]) -> pending: all up to the end; nil, message, "EFBIG" if it is too much */
static int stream_reader(lua_State *L)
{
    static const char *const options[] = {"max", NULL};
    int fd = sdme_lua_check_fd(L, 1);
    struct sdme_error error = {0};
    lua_Integer max = READER_MAX;

    if (!lua_isnoneornil(L, 2)) {
        sdme_lua_options(L, 2, options);
        max = sdme_lua_option_integer(L, 2, "max", max);
        luaL_argcheck(L, max >= 0 && max < PTRDIFF_MAX, 2, "option 'max': it is negative");
    }
    struct sdme_reader *reader = lua_newuserdatauv(L, sizeof *reader, 0);
    *reader = (struct sdme_reader){.from = SDME_STREAM_CLOSED};
    luaL_setmetatable(L, reader_class);
    if (sdme_reader_open(fd, (size_t) max, reader, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

/* User values of a writer: the string, and what to close, nil if nothing is. */
static int writer_poll(lua_State *L)
{
    struct sdme_writer *writer = luaL_checkudata(L, 1, writer_class);

    return push_wait(L, &writer->to, "w");
}

static int writer_close(lua_State *L)
{
    struct sdme_writer *writer = luaL_checkudata(L, 1, writer_class);

    if (writer->to.fd < 0)
        return 0;
    sdme_writer_close(writer);
    if (lua_getiuservalue(L, 1, 2) != LUA_TNIL)
        close_value(L, -1);
    return 0;
}

static int writer_step(lua_State *L)
{
    struct sdme_writer *writer = luaL_checkudata(L, 1, writer_class);
    struct sdme_error error = {0};

    luaL_argcheck(L, writer->to.fd >= 0, 1, "the writer is closed");
    int code = sdme_writer_step(writer, &error);
    if (code)
        writer_close(L);
    if (code <= 0)
        return push_unfinished(L, code, &error);
    lua_pushboolean(L, true);
    lua_pushinteger(L, (lua_Integer) writer->written);
    return 2;
}

/* writer(fd, string[, {close=true}]) -> pending: the bytes written; then it closes fd */
static int stream_writer(lua_State *L)
{
    static const char *const options[] = {"close", NULL};
    int fd = sdme_lua_check_fd(L, 1);
    struct sdme_error error = {0};
    bool closes = true;
    size_t size;
    const char *data = luaL_checklstring(L, 2, &size);

    if (!lua_isnoneornil(L, 3)) {
        sdme_lua_options(L, 3, options);
        closes = sdme_lua_option_boolean(L, 3, "close", true);
    }

    struct sdme_writer *writer = lua_newuserdatauv(L, sizeof *writer, 2);
    *writer = (struct sdme_writer){.to = SDME_STREAM_CLOSED};
    luaL_setmetatable(L, writer_class);
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, -2, 1);
    if (closes) {
        lua_pushvalue(L, 1);
        lua_setiuservalue(L, -2, 2);
    }
    if (sdme_writer_open(fd, data, size, writer, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

static int relay_poll(lua_State *L)
{
    struct sdme_relay *relay = luaL_checkudata(L, 1, relay_class);

    if (relay->epoll < 0)
        return 0;
    return sdme_lua_push_poll(L, relay->epoll, sdme_relay_timeout(relay));
}

/* The user value of a relay is what to close, nil if nothing is. */
static int relay_close(lua_State *L)
{
    struct sdme_relay *relay = luaL_checkudata(L, 1, relay_class);

    if (relay->epoll < 0)
        return 0;
    sdme_relay_close(relay);
    if (lua_getiuservalue(L, 1, 1) != LUA_TNIL)
        close_value(L, -1);
    return 0;
}

static int relay_step(lua_State *L)
{
    struct sdme_relay *relay = luaL_checkudata(L, 1, relay_class);
    struct sdme_error error = {0};

    luaL_argcheck(L, relay->epoll >= 0, 1, "the relay is closed");
    int code = sdme_relay_step(relay, &error);
    if (code)
        relay_close(L);
    if (code <= 0)
        return push_unfinished(L, code, &error);
    lua_pushboolean(L, true);
    lua_pushinteger(L, (lua_Integer) relay->count);
    return 2;
}

/* relay{ from=, to=, close= } -> pending: the bytes that `to` got */
static int stream_relay(lua_State *L)
{
    static const char *const options[] = {"from", "to", "close", NULL};
    struct sdme_error error = {0};

    lua_settop(L, 1);
    sdme_lua_options(L, 1, options);
    lua_getfield(L, 1, "to");
    lua_getfield(L, 1, "from");
    int from = sdme_lua_check_fd(L, 3);
    int to = sdme_lua_check_fd(L, 2);
    bool closes = sdme_lua_option_boolean(L, 1, "close", false);

    struct sdme_relay *relay = lua_newuserdatauv(L, sizeof *relay, 1);
    *relay = (struct sdme_relay){.from = SDME_STREAM_CLOSED, .to = SDME_STREAM_CLOSED, .epoll = -1};
    luaL_setmetatable(L, relay_class);
    if (closes) {
        lua_pushvalue(L, 2);
        lua_setiuservalue(L, -2, 1);
    }
    if (sdme_relay_open(from, to, relay, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

static int chunks_poll(lua_State *L)
{
    return push_wait(L, luaL_checkudata(L, 1, chunks_class), "r");
}

static int chunks_step(lua_State *L)
{
    struct sdme_stream *stream = luaL_checkudata(L, 1, chunks_class);
    struct sdme_error error = {0};
    char data[16 * 1024];

    luaL_argcheck(L, stream->fd >= 0, 1, "it is closed");
    ssize_t count = sdme_stream_read(stream, data, sizeof data);
    if (count < 0 && count != -EAGAIN)
        sdme_fail(&error, (int) count, "read");
    if (count < 0)
        return push_unfinished(L, count == -EAGAIN ? 0 : (int) count, &error);
    lua_pushboolean(L, true);
    lua_pushlstring(L, data, (size_t) count);
    return 2;
}

static int chunks_close(lua_State *L)
{
    sdme_stream_close(luaL_checkudata(L, 1, chunks_class));
    return 0;
}

/* chunks(fd) -> pending: the bytes that are there, "" at the end; to be awaited again and again */
static int stream_chunks(lua_State *L)
{
    int fd = sdme_lua_check_fd(L, 1);
    struct sdme_stream *stream = lua_newuserdatauv(L, sizeof *stream, 0);
    struct sdme_error error = {0};

    *stream = SDME_STREAM_CLOSED;
    luaL_setmetatable(L, chunks_class);
    return sdme_stream_open(fd, O_RDONLY, stream, &error) < 0 ? sdme_lua_fail(L, &error) : 1;
}

static void add_pending(lua_State *L, const char *name, lua_CFunction poll, lua_CFunction step,
                        lua_CFunction close)
{
    const luaL_Reg methods[] = {{"poll", poll}, {"step", step}, {"close", close}, {NULL, NULL}};

    sdme_lua_class(L, name, methods, close);
}

/* pipe([{size=}]) -> the end to read from, the end to write to */
static int stream_pipe(lua_State *L)
{
    static const char *const options[] = {"size", NULL};
    struct sdme_error error = {0};
    lua_Integer size = 0;
    int ends[2];

    if (!lua_isnoneornil(L, 1)) {
        sdme_lua_options(L, 1, options);
        size = sdme_lua_option_integer(L, 1, "size", 0);
        luaL_argcheck(L, size >= 0 && size <= INT_MAX, 1, "option 'size': it is out of range");
    }
    int *from = sdme_lua_push_descriptor(L), *to = sdme_lua_push_descriptor(L);
    if (pipe2(ends, O_CLOEXEC) < 0) {
        sdme_fail(&error, errno, "make a pipe");
        return sdme_lua_fail(L, &error);
    }
    *from = ends[0];
    *to = ends[1];
    if (size > 0) /* what users may have in pipes is limited, pipe(7) */
        fcntl(*to, F_SETPIPE_SZ, (int) size);
    return 2;
}

static const luaL_Reg stream_functions[] = {
    {"chunks", stream_chunks}, {"pipe", stream_pipe},     {"reader", stream_reader},
    {"relay", stream_relay},   {"writer", stream_writer}, {NULL, NULL},
};

int sdme_lua_open_stream(lua_State *L)
{
    add_pending(L, reader_class, reader_poll, reader_step, reader_close);
    add_pending(L, writer_class, writer_poll, writer_step, writer_close);
    add_pending(L, chunks_class, chunks_poll, chunks_step, chunks_close);
    add_pending(L, relay_class, relay_poll, relay_step, relay_close);
    luaL_newlib(L, stream_functions);
    return 1;
}
