/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <lauxlib.h>
#include <lualib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lua/message.h"

/*
 * The first byte says how much memory Lua may have, and the byte order; the second how long the
 * signature is that follows. The rest is the body of a signal, which arrives over a socket with a
 * header that is right. What can be read comes back when it is written and read again, and is
 * written by its own bytes as a signature, which Lua may refuse and no more.
 */

enum {
    BIG_ENDIAN_BIT = 1,
    LEAST_MEMORY = 32 * 1024, /* a new state takes some 25 KiB */
    MEMORY_STEP = 4 * 1024,
    HEADER_MAX = 512,
};

struct memory {
    size_t used, most;
};

/* Where it fails the state has had enough: lua_Alloc of the manual. */
static void *allocate(void *context, void *block, size_t before, size_t size)
{
    struct memory *memory = context;

    if (!block)
        before = 0;
    if (size > before && size - before > memory->most - memory->used)
        return NULL;
    if (size == 0) {
        free(block);
    } else {
        block = realloc(block, size);
        MUST(block);
    }
    memory->used += size - before;
    return size == 0 ? NULL : block;
}

/* ---- a message as bytes: D-Bus specification, "Message Protocol" */

struct bytes {
    uint8_t data[HEADER_MAX];
    size_t size;
    bool big;
};

static void put(struct bytes *bytes, const void *data, size_t size)
{
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

static void put_number(struct bytes *bytes, size_t number)
{
    for (int i = 0; i < 4; i++)
        bytes->data[bytes->size++] = (uint8_t) (number >> 8 * (bytes->big ? 3 - i : i));
}

static void align(struct bytes *bytes, size_t to)
{
    while (bytes->size % to)
        bytes->data[bytes->size++] = 0;
}

/* A field of the header, (yv), whose value is a string; a signature has its length in one byte. */
static void put_field(struct bytes *bytes, uint8_t field, char type, const char *text)
{
    const uint8_t head[] = {field, 1, (uint8_t) type, 0};
    size_t length = strlen(text);

    align(bytes, 8);
    put(bytes, head, sizeof head);
    if (type == 'g')
        bytes->data[bytes->size++] = (uint8_t) length;
    else
        put_number(bytes, length);
    put(bytes, text, length + 1);
}

static void put_header(struct bytes *bytes, const char *signature, size_t body)
{
    struct bytes fields = {.big = bytes->big};
    const uint8_t head[] = {bytes->big ? 'B' : 'l', SD_BUS_MESSAGE_SIGNAL, 0, 1};

    put_field(&fields, 1, 'o', "/a");
    put_field(&fields, 2, 's', "a.b");
    put_field(&fields, 3, 's', "c");
    put_field(&fields, 8, 'g', signature);
    put(bytes, head, sizeof head);
    put_number(bytes, body);
    put_number(bytes, 1);
    put_number(bytes, fields.size);
    put(bytes, fields.data, fields.size);
    align(bytes, 8);
}

/* ---- a connection that it comes by */

static void start_bus(sd_bus *bus, int fd)
{
    MUST(sd_bus_set_fd(bus, fd, fd) >= 0);
    MUST(sd_bus_set_server(bus, 1, SD_ID128_NULL) >= 0);
    MUST(sd_bus_set_anonymous(bus, 1) >= 0);
    MUST(sd_bus_start(bus) >= 0);
}

static void send_all(int fd, const void *data, size_t size)
{
    MUST(send(fd, data, size, MSG_NOSIGNAL) == (ssize_t) size);
}

/* The signal as it arrives, NULL if sd-bus doesn't take it. */
static sd_bus_message *receive(sd_bus *bus)
{
    sd_bus_message *message = NULL;

    for (int i = 0; i < 16 && !message; i++)
        if (sd_bus_process(bus, &message) <= 0)
            break;
    if (message && !sd_bus_message_is_signal(message, "a.b", "c"))
        message = sd_bus_message_unref(message);
    return message;
}

/* ---- what must hold */

struct trial {
    struct sdme_sd_bus lib;
    sd_bus *bus;
    sd_bus_message *message;
    sd_bus_message *made[3]; /* which an error of Lua can't lose */
    const char *signature;
    const char *other;
};

static const char same[] = "local function same(a, b)\n"
                           "    if type(a) ~= 'table' or type(b) ~= 'table' then\n"
                           "        return rawequal(a, b) or a ~= a and b ~= b\n"
                           "    end\n"
                           "    for key, value in next, a do\n"
                           "        if not same(value, b[key]) then return false end\n"
                           "    end\n"
                           "    for key in next, b do\n"
                           "        if a[key] == nil then return false end\n"
                           "    end\n"
                           "    return true\n"
                           "end\n"
                           "return same(...)";

/* Makes an array of the values of a message, or pushes nothing. */
static bool read_array(lua_State *L, const struct trial *trial, sd_bus_message *message)
{
    int top = lua_gettop(L), count = sdme_lua_message_read(L, &trial->lib, message);

    if (count < 0) {
        lua_settop(L, top);
        return false;
    }
    MUST(lua_gettop(L) == top + count);
    lua_createtable(L, count, 0);
    lua_insert(L, top + 1);
    for (int i = count; i > 0; i--)
        lua_rawseti(L, top + 1, i);
    return true;
}

static sd_bus_message *write_array(lua_State *L, struct trial *trial, int which,
                                   const char *signature, int index)
{
    sd_bus_message **made = &trial->made[which];

    MUST(sd_bus_message_new_signal(trial->bus, made, "/a", "a.b", "c") >= 0);
    sdme_lua_message_write(L, &trial->lib, *made, signature, index);
    MUST(sd_bus_message_seal(*made, 1, 0) >= 0);
    return *made;
}

static void check_same(lua_State *L, int index)
{
    MUST(luaL_loadstring(L, same) != LUA_ERRSYNTAX);
    if (lua_type(L, -1) != LUA_TFUNCTION)
        lua_error(L);
    lua_pushvalue(L, index);
    lua_pushvalue(L, index + 1);
    lua_call(L, 2, 1);
    MUST(lua_toboolean(L, -1));
}

/* A variant of the first value, if that has all of the signature. */
static void check_variant(lua_State *L, struct trial *trial, int index)
{
    lua_createtable(L, 1, 0);
    lua_createtable(L, 2, 0);
    lua_pushstring(L, trial->signature);
    lua_rawseti(L, -2, 1);
    lua_rawgeti(L, index, 1);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, 1);
    MUST(read_array(L, trial, write_array(L, trial, 1, "v", lua_gettop(L))));
    lua_replace(L, index + 1);
    lua_settop(L, index + 1);
    check_same(L, index);
    lua_settop(L, index);
}

static int try_message(lua_State *L)
{
    struct trial *trial = lua_touserdata(L, 1);

    luaL_openlibs(L);
    lua_settop(L, 0);
    if (!read_array(L, trial, trial->message))
        return 0;
    /* A variant is read without its type; a descriptor is a new one. */
    if (!strpbrk(trial->signature, "vh")) {
        MUST(read_array(L, trial, write_array(L, trial, 0, trial->signature, 1)));
        check_same(L, 1);
        lua_settop(L, 1);
        if (lua_rawlen(L, 1) == 1)
            check_variant(L, trial, 1);
    }
    write_array(L, trial, 2, trial->other, 1);
    return 0;
}

/* What was read can be written: until then nothing is raised but for want of memory. */
static void check_raised(lua_State *L, const struct trial *trial, int status)
{
    if (status == LUA_ERRRUN && !trial->made[2])
        MUST(strstr(lua_tostring(L, -1), "stack overflow")); /* luaL_checkstack() had none */
}

static void run(struct trial *trial, struct memory *memory)
{
    lua_State *L = lua_newstate(allocate, memory);

    if (!L)
        return;
    lua_pushcfunction(L, try_message);
    lua_pushlightuserdata(L, trial);
    check_raised(L, trial, lua_pcall(L, 1, 0, 0));
    lua_close(L);
    MUST(memory->used == 0);
    for (int i = 0; i < 3; i++)
        sd_bus_message_unref(trial->made[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char hello[] = "\0AUTH ANONYMOUS\r\nBEGIN\r\n";
    size_t length = size > 1 ? data[1] : 0;
    int ends[2];

    if (size < 2 || length > size - 2 || memchr(data + 2, '\0', length))
        return 0;
    struct memory memory = {.most = LEAST_MEMORY + (data[0] >> 1) * (size_t) MEMORY_STEP};
    struct bytes header = {.big = data[0] & BIG_ENDIAN_BIT};
    char *signature = to_text(data + 2, length);
    char *body = to_text(data + 2 + length, size - 2 - length);
    struct trial trial = {.signature = signature, .other = body};
    struct sdme_error error = {0};
    MUST(sdme_sd_bus_load(&trial.lib, &error) == 0);
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    MUST(sd_bus_new(&trial.bus) >= 0);
    start_bus(trial.bus, ends[0]);
    put_header(&header, signature, size - 2 - length);
    send_all(ends[1], hello, sizeof hello - 1);
    send_all(ends[1], header.data, header.size);
    if (size > 2 + length)
        send_all(ends[1], data + 2 + length, size - 2 - length);
    trial.message = receive(trial.bus);
    if (trial.message)
        run(&trial, &memory);
    sd_bus_message_unref(trial.message);
    sd_bus_close_unref(trial.bus);
    close(ends[1]);
    free(signature);
    free(body);
    return 0;
}
