/* SPDX-License-Identifier: MIT */
#include "message.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>

/* D-Bus allows 32 arrays within 32 structs, and variants on top; sd-bus stops at 128. */
#define DEPTH_MAX 64
#define SIGNATURE_MAX 255

struct writer {
    lua_State *L;
    const struct sdme_sd_bus *lib;
    sd_bus_message *message;
    int argument; /* of which we are writing a part, from 1 */
    int depth;
};

static bool is_basic(char type)
{
    return type && strchr("ybnqiuxtdsogh", type);
}

/* The length of the first complete type in @signature, 0 if there is none. */
static size_t type_length(const char *signature, int depth)
{
    size_t length = 1, member;

    if (is_basic(*signature) || *signature == 'v')
        return 1;
    if (depth == DEPTH_MAX)
        return 0;
    if (*signature == 'a' && signature[1] != '{') {
        member = type_length(signature + 1, depth + 1);
        return member ? 1 + member : 0;
    }
    if (*signature == 'a') {
        if (!is_basic(signature[2]))
            return 0;
        member = type_length(signature + 3, depth + 1);
        return member && signature[3 + member] == '}' ? member + 4 : 0;
    }
    if (*signature != '(')
        return 0;
    while (signature[length] != ')') {
        member = type_length(signature + length, depth + 1);
        if (!member)
            return 0;
        length += member;
    }
    return length > 1 ? length + 1 : 0;
}

static bool is_signature(const char *signature)
{
    if (strlen(signature) > SIGNATURE_MAX)
        return false;
    while (*signature) {
        size_t length = type_length(signature, 0);

        if (!length)
            return false;
        signature += length;
    }
    return true;
}

bool sdme_lua_is_object_path(const char *text)
{
    if (strcmp(text, "/") == 0)
        return true;
    while (*text == '/') {
        size_t length = strspn(++text, "0123456789_"
                                       "abcdefghijklmnopqrstuvwxyz"
                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

        if (length == 0)
            return false;
        text += length;
        if (!*text)
            return true;
    }
    return false;
}

static int expected(const struct writer *writer, const char *what, int index)
{
    return luaL_error(writer->L, "argument %d: %s expected, got %s", writer->argument, what,
                      luaL_typename(writer->L, index));
}

static void check(const struct writer *writer, int r)
{
    if (r < 0)
        luaL_error(writer->L, "argument %d: %s", writer->argument, strerror(-r));
}

static void write_text(const struct writer *writer, char type, int index)
{
    size_t length;
    const char *text;

    if (lua_type(writer->L, index) != LUA_TSTRING)
        expected(writer, "string", index);
    text = lua_tolstring(writer->L, index, &length);
    if (strlen(text) != length)
        luaL_error(writer->L, "argument %d: a NUL byte in the string", writer->argument);
    if (type == 'o' && !sdme_lua_is_object_path(text))
        luaL_error(writer->L, "argument %d: '%s' is no object path", writer->argument, text);
    if (type == 'g' && !is_signature(text))
        luaL_error(writer->L, "argument %d: '%s' is no signature", writer->argument, text);
    int r = writer->lib->sd_bus_message_append_basic(writer->message, type, text);
    if (r == -EINVAL)
        luaL_error(writer->L, "argument %d: not UTF-8, or with a noncharacter", writer->argument);
    check(writer, r);
}

static const struct integer_type {
    char type;
    lua_Integer least, most;
} integer_types[] = {
    {'y', 0, UINT8_MAX},         {'n', INT16_MIN, INT16_MAX}, {'q', 0, UINT16_MAX},
    {'i', INT32_MIN, INT32_MAX}, {'u', 0, UINT32_MAX},        {'x', INT64_MIN, INT64_MAX},
    {'t', INT64_MIN, INT64_MAX},
};

/* Puts @value where the bytes of the type begin, whatever the byte order is. */
static void write_integer(const struct writer *writer, const struct integer_type *integer,
                          int index)
{
    union {
        uint8_t y;
        uint16_t q;
        uint32_t u;
        uint64_t t;
    } number;
    int exact = 0;
    lua_Integer value = 0;

    if (lua_type(writer->L, index) == LUA_TNUMBER)
        value = lua_tointegerx(writer->L, index, &exact);
    if (!exact)
        expected(writer, "integer", index);
    if (value < integer->least || value > integer->most)
        luaL_error(writer->L, "argument %d: %I is out of the range of '%c'", writer->argument,
                   value, integer->type);
    if (integer->type == 'y')
        number.y = (uint8_t) value;
    else if (strchr("nq", integer->type))
        number.q = (uint16_t) value;
    else if (strchr("iu", integer->type))
        number.u = (uint32_t) value;
    else
        number.t = (uint64_t) value;
    check(writer,
          writer->lib->sd_bus_message_append_basic(writer->message, integer->type, &number));
}

static void write_basic(const struct writer *writer, char type, int index)
{
    lua_State *L = writer->L;

    for (size_t i = 0; i < ELEMENTS(integer_types); i++)
        if (integer_types[i].type == type) {
            write_integer(writer, &integer_types[i], index);
            return;
        }
    if (type == 'b') {
        if (!lua_isboolean(L, index))
            expected(writer, "boolean", index);
        int value = lua_toboolean(L, index);
        check(writer, writer->lib->sd_bus_message_append_basic(writer->message, type, &value));
    } else if (type == 'd') {
        if (lua_type(L, index) != LUA_TNUMBER)
            expected(writer, "number", index);
        double value = lua_tonumber(L, index);
        check(writer, writer->lib->sd_bus_message_append_basic(writer->message, type, &value));
    } else if (type == 'h') {
        int fd = sdme_lua_check_fd(L, index);
        check(writer, writer->lib->sd_bus_message_append_basic(writer->message, type, &fd));
    } else {
        write_text(writer, type, index);
    }
}

static void write_value(struct writer *writer, const char *type, size_t length, int index);

static void open_container(struct writer *writer, char kind, const char *contents, size_t length)
{
    char copy[SIGNATURE_MAX + 1];

    memcpy(copy, contents, length);
    copy[length] = '\0';
    check(writer, writer->lib->sd_bus_message_open_container(writer->message, kind, copy));
}

static void close_container(struct writer *writer)
{
    check(writer, writer->lib->sd_bus_message_close_container(writer->message));
}

static void write_dictionary(struct writer *writer, const char *type, size_t length, int index)
{
    lua_State *L = writer->L;

    open_container(writer, 'a', type + 1, length - 1);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        open_container(writer, 'e', type + 2, length - 3);
        write_basic(writer, type[2], lua_absindex(L, -2));
        write_value(writer, type + 3, length - 4, lua_absindex(L, -1));
        close_container(writer);
    }
    close_container(writer);
}

static void write_array(struct writer *writer, const char *type, size_t length, int index)
{
    lua_State *L = writer->L;

    if (type[1] == 'y') {
        size_t size;

        if (lua_type(L, index) != LUA_TSTRING)
            expected(writer, "string (of bytes)", index);
        const char *bytes = lua_tolstring(L, index, &size);
        check(writer, writer->lib->sd_bus_message_append_array(writer->message, 'y', bytes, size));
        return;
    }
    if (!lua_istable(L, index))
        expected(writer, type[1] == '{' ? "table" : "array", index);
    if (type[1] == '{') {
        write_dictionary(writer, type, length, index);
        return;
    }
    lua_Integer count = luaL_len(L, index);
    open_container(writer, 'a', type + 1, length - 1);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, index, i);
        write_value(writer, type + 1, length - 1, lua_absindex(L, -1));
        lua_pop(L, 1);
    }
    close_container(writer);
}

static void write_struct(struct writer *writer, const char *type, size_t length, int index)
{
    lua_State *L = writer->L;
    lua_Integer members = 0;

    if (!lua_istable(L, index))
        expected(writer, "array (of a struct's members)", index);
    open_container(writer, 'r', type + 1, length - 2);
    for (const char *member = type + 1; *member != ')';) {
        size_t size = type_length(member, 0);

        lua_geti(L, index, ++members);
        write_value(writer, member, size, lua_absindex(L, -1));
        lua_pop(L, 1);
        member += size;
    }
    if (luaL_len(L, index) != members)
        luaL_error(L, "argument %d: a struct of %I members, but %I values", writer->argument,
                   members, luaL_len(L, index));
    close_container(writer);
}

static void write_variant(struct writer *writer, int index)
{
    lua_State *L = writer->L;

    if (!lua_istable(L, index) || lua_geti(L, index, 1) != LUA_TSTRING)
        expected(writer, "{ signature, value }", index);
    const char *type = lua_tostring(L, -1);
    size_t length = is_signature(type) ? type_length(type, 0) : 0;
    if (!length || type[length])
        luaL_error(L, "argument %d: '%s' is not one complete type", writer->argument, type);
    lua_geti(L, index, 2);
    open_container(writer, 'v', type, length);
    write_value(writer, type, length, lua_absindex(L, -1));
    close_container(writer);
    lua_pop(L, 2);
}

static void write_value(struct writer *writer, const char *type, size_t length, int index)
{
    luaL_checkstack(writer->L, 6, "nested too deep");
    if (++writer->depth > DEPTH_MAX)
        luaL_error(writer->L, "argument %d: nested too deep", writer->argument);
    if (*type == 'a')
        write_array(writer, type, length, index);
    else if (*type == '(')
        write_struct(writer, type, length, index);
    else if (*type == 'v')
        write_variant(writer, index);
    else
        write_basic(writer, *type, index);
    writer->depth--;
}

void sdme_lua_message_write(lua_State *L, const struct sdme_sd_bus *lib, sd_bus_message *message,
                            const char *signature, int index)
{
    struct writer writer = {.L = L, .lib = lib, .message = message};
    lua_Integer count;

    index = lua_absindex(L, index);
    if (!is_signature(signature))
        luaL_error(L, "'%s' is no signature", signature);
    while (*signature) {
        size_t length = type_length(signature, 0);

        lua_geti(L, index, ++writer.argument);
        write_value(&writer, signature, length, lua_absindex(L, -1));
        lua_pop(L, 1);
        signature += length;
    }
    count = luaL_len(L, index);
    if (count > writer.argument)
        luaL_error(L, "%I arguments, but the signature is for %d", count, writer.argument);
}

struct reader {
    lua_State *L;
    const struct sdme_sd_bus *lib;
    sd_bus_message *message;
};

static int read_value(const struct reader *reader);

/* Pushes the values up to the end of the container, and returns their number. */
static int read_values(const struct reader *reader)
{
    lua_State *L = reader->L;
    int count = 0;

    for (;; count++) {
        int r = reader->lib->sd_bus_message_at_end(reader->message, false);

        if (r < 0)
            return r;
        if (r > 0)
            return count;
        luaL_checkstack(L, 4, "too many values");
        r = read_value(reader);
        if (r < 0)
            return r;
    }
}

static int read_basic(const struct reader *reader, char type)
{
    lua_State *L = reader->L;
    union {
        int b;
        uint8_t y;
        int16_t n;
        uint16_t q;
        int32_t i;
        uint32_t u;
        int64_t x;
        double d;
        const char *s;
        int h;
    } value;
    int r = reader->lib->sd_bus_message_read_basic(reader->message, type, &value);

    if (r < 0)
        return r;
    switch (type) {
    case 'b':
        lua_pushboolean(L, value.b);
        return 0;
    case 'y':
        lua_pushinteger(L, value.y);
        return 0;
    case 'n':
        lua_pushinteger(L, value.n);
        return 0;
    case 'q':
        lua_pushinteger(L, value.q);
        return 0;
    case 'i':
        lua_pushinteger(L, value.i);
        return 0;
    case 'u':
        lua_pushinteger(L, value.u);
        return 0;
    case 'x':
    case 't':
        lua_pushinteger(L, value.x);
        return 0;
    case 'd':
        lua_pushnumber(L, value.d);
        return 0;
    case 'h': {
        int *fd = sdme_lua_push_descriptor(L);

        *fd = fcntl(value.h, F_DUPFD_CLOEXEC, 3);
        return *fd < 0 ? -errno : 0;
    }
    default:
        lua_pushstring(L, value.s);
        return 0;
    }
}

static int read_dictionary(const struct reader *reader, const char *entry)
{
    lua_State *L = reader->L;
    int r;

    lua_newtable(L);
    while ((r = reader->lib->sd_bus_message_enter_container(reader->message, 'e', entry)) > 0) {
        /* A key, then a value. NOLINTNEXTLINE(misc-redundant-expression) */
        if ((r = read_value(reader)) < 0 || (r = read_value(reader)) < 0 ||
            (r = reader->lib->sd_bus_message_exit_container(reader->message)) < 0)
            return r;
        if (lua_type(L, -2) == LUA_TNUMBER && isnan(lua_tonumber(L, -2)))
            return -EBADMSG; /* which Lua has no place for */
        lua_rawset(L, -3);
    }
    return r;
}

static int read_array(const struct reader *reader)
{
    lua_State *L = reader->L;
    int r;

    lua_newtable(L);
    for (lua_Integer i = 1;; i++) {
        r = reader->lib->sd_bus_message_at_end(reader->message, false);
        if (r != 0)
            return r < 0 ? r : 0;
        if ((r = read_value(reader)) < 0)
            return r;
        lua_rawseti(L, -2, i);
    }
}

static int read_bytes(const struct reader *reader)
{
    lua_State *L = reader->L;
    const void *bytes;
    size_t size;
    int r = reader->lib->sd_bus_message_read_array(reader->message, 'y', &bytes, &size);

    if (r < 0)
        return r;
    lua_pushlstring(L, bytes, size);
    return 0;
}

static int read_container(const struct reader *reader, char type, const char *contents)
{
    char entry[SIGNATURE_MAX + 1];
    int r;

    if (type == 'a' && !strcmp(contents, "y"))
        return read_bytes(reader);
    /* What sd-bus hands out here goes when the container is entered. */
    snprintf(entry, sizeof entry, "%s", contents);
    if ((r = reader->lib->sd_bus_message_enter_container(reader->message, type, entry)) < 0)
        return r;
    if (type == 'v')
        r = read_value(reader);
    else if (type == 'a' && *entry == '{') {
        entry[strlen(entry) - 1] = '\0';
        r = read_dictionary(reader, entry + 1);
    } else
        r = read_array(reader);
    return r < 0 ? r : reader->lib->sd_bus_message_exit_container(reader->message);
}

/* Pushes one value. On failure the stack is left as it is: the caller gives it up. */
static int read_value(const struct reader *reader)
{
    lua_State *L = reader->L;
    const char *contents;
    char type;
    int r;

    luaL_checkstack(L, 6, "nested too deep");
    r = reader->lib->sd_bus_message_peek_type(reader->message, &type, &contents);
    if (r <= 0)
        return r < 0 ? r : -EBADMSG;
    if (is_basic(type))
        return read_basic(reader, type);
    return read_container(reader, type, contents);
}

int sdme_lua_message_read(lua_State *L, const struct sdme_sd_bus *lib, sd_bus_message *message)
{
    struct reader reader = {.L = L, .lib = lib, .message = message};
    int r = lib->sd_bus_message_rewind(message, true);

    return r < 0 ? r : read_values(&reader);
}
