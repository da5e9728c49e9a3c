/* SPDX-License-Identifier: MIT */
#include "../runtime/pty.h"

#include <fcntl.h>

#include "../runtime/terminal.h"
#include "binding.h"

static const char forward_class[] = "sdme.pty.forward";
static const char hidden_class[] = "sdme.pty.hidden";

/* open() -> master, slave, path of the slave | nil, message, code */
static int pty_open(lua_State *L)
{
    int *master = sdme_lua_push_descriptor(L);
    int *slave = sdme_lua_push_descriptor(L);
    struct sdme_error error = {0};
    char path[PATH_MAX];

    if (sdme_pty_open(master, slave, path, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_pushstring(L, path);
    return 3;
}

/* isatty(fd) -> boolean */
static int pty_isatty(lua_State *L)
{
    lua_pushboolean(L, isatty(sdme_lua_check_fd(L, 1)));
    return 1;
}

/* size(fd) -> rows, columns | nil, message, code */
static int pty_size(lua_State *L)
{
    struct sdme_error error = {0};
    unsigned int rows, columns;

    if (sdme_terminal_size(sdme_lua_check_fd(L, 1), &rows, &columns, &error) < 0)
        return sdme_lua_fail(L, &error);
    lua_pushinteger(L, rows);
    lua_pushinteger(L, columns);
    return 2;
}

/* set_size(fd, rows, columns) -> true | nil, message, code */
static int pty_set_size(lua_State *L)
{
    int fd = sdme_lua_check_fd(L, 1);
    lua_Integer rows = luaL_checkinteger(L, 2), columns = luaL_checkinteger(L, 3);
    struct sdme_error error = {0};

    luaL_argcheck(L, rows >= 0 && rows <= USHRT_MAX, 2, "0 to 65535 expected");
    luaL_argcheck(L, columns >= 0 && columns <= USHRT_MAX, 3, "0 to 65535 expected");
    int code = sdme_terminal_set_size(fd, (unsigned int) rows, (unsigned int) columns, &error);
    return sdme_lua_done(L, code, &error);
}

static int hidden_close(lua_State *L)
{
    struct sdme_terminal *terminal = luaL_checkudata(L, 1, hidden_class);

    sdme_terminal_restore(terminal);
    terminal->fd = sdme_close(terminal->fd);
    return 0;
}

/* hide(fd) -> handle: what is typed isn't shown until that is closed | nil, message, code */
static int pty_hide(lua_State *L)
{
    int fd = sdme_lua_check_fd(L, 1);
    struct sdme_error error = {0};
    struct sdme_terminal *terminal = lua_newuserdatauv(L, sizeof *terminal, 0);

    *terminal = (struct sdme_terminal){.fd = -1, .sides = SDME_TERMINAL_ECHO};
    luaL_setmetatable(L, hidden_class);
    terminal->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (terminal->fd < 0) {
        sdme_fail(&error, errno, "duplicate descriptor %d", fd);
        return sdme_lua_fail(L, &error);
    }
    if (sdme_terminal_make_raw(terminal, &error) < 0) {
        terminal->fd = sdme_close(terminal->fd);
        return sdme_lua_fail(L, &error);
    }
    return 1;
}

static struct sdme_forward *check_forward(lua_State *L)
{
    struct sdme_forward *forward = luaL_checkudata(L, 1, forward_class);

    luaL_argcheck(L, forward->epoll >= 0, 1, "the forwarding is over");
    return forward;
}

static int forward_close(lua_State *L)
{
    struct sdme_forward *forward = luaL_checkudata(L, 1, forward_class);

    if (forward->epoll >= 0)
        sdme_forward_close(forward);
    return 0;
}

static int forward_poll(lua_State *L)
{
    struct sdme_forward *forward = luaL_checkudata(L, 1, forward_class);

    if (forward->epoll < 0)
        return 0;
    return sdme_lua_push_poll(L, forward->epoll, sdme_forward_timeout(forward));
}

/* false, or true and "hangup" or "escaped" (or nil, message, code); then it is closed */
static int forward_step(lua_State *L)
{
    struct sdme_forward *forward = check_forward(L);
    struct sdme_error error = {0};
    int code = sdme_forward_step(forward, &error);

    lua_pushboolean(L, code != 0);
    if (code == 0)
        return 1;
    sdme_forward_close(forward);
    if (code < 0)
        return 1 + sdme_lua_fail(L, &error);
    lua_pushstring(L, code == SDME_FORWARD_ESCAPED ? "escaped" : "hangup");
    return 2;
}

/* forward:drain(): it ends once the pty has nothing more to show */
static int forward_drain(lua_State *L)
{
    sdme_forward_drain(check_forward(L));
    return 0;
}

static int option_master(lua_State *L)
{
    int master = sdme_lua_option_fd(L, 1, "master", -1);

    if (master < 0)
        luaL_error(L, "option 'master': descriptor expected");
    return master;
}

/*
 * forward{ master=, input=0, output=1, escape=true, until_drained=false, resize= }
 * -> pending: "hangup" | "escaped"
 * `resize` is the interpreter's own, where it has one, unless another is named.
 */
static int pty_forward(lua_State *L)
{
    static const char *const known[] = {"master", "input",         "output", "escape",
                                        "resize", "until_drained", NULL};
    const struct sdme_interrupt *interrupt = sdme_lua_interrupt(L);
    struct sdme_error error = {0};

    lua_settop(L, 1);
    sdme_lua_options(L, 1, known);
    struct sdme_forward_options options = {
        .master = option_master(L),
        .input = sdme_lua_option_fd(L, 1, "input", STDIN_FILENO),
        .output = sdme_lua_option_fd(L, 1, "output", STDOUT_FILENO),
        .escape = sdme_lua_option_boolean(L, 1, "escape", true),
        .until_drained = sdme_lua_option_boolean(L, 1, "until_drained", false),
        .resize = sdme_lua_option_fd(L, 1, "resize", interrupt ? interrupt->resize_fd : -1),
    };
    struct sdme_forward *forward = lua_newuserdatauv(L, sizeof *forward, 0);
    forward->epoll = -1;
    luaL_setmetatable(L, forward_class);
    if (sdme_forward_open(&options, forward, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

static const luaL_Reg forward_methods[] = {
    {"close", forward_close},
    {"drain", forward_drain},
    {"poll", forward_poll},
    {"step", forward_step},
    {NULL, NULL},
};

static const luaL_Reg hidden_methods[] = {{"close", hidden_close}, {NULL, NULL}};

static const luaL_Reg pty_functions[] = {
    {"forward", pty_forward},   {"hide", pty_hide}, {"isatty", pty_isatty}, {"open", pty_open},
    {"set_size", pty_set_size}, {"size", pty_size}, {NULL, NULL},
};

int sdme_lua_open_pty(lua_State *L)
{
    sdme_lua_class(L, forward_class, forward_methods, forward_close);
    sdme_lua_class(L, hidden_class, hidden_methods, hidden_close);
    luaL_newlib(L, pty_functions);
    return 1;
}
