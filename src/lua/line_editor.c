/* SPDX-License-Identifier: MIT */
#include "../runtime/line_editor.h"

#include <string.h>

#include "binding.h"

static const char editor_class[] = "sdme.line_editor";

enum {
    COMPLETE = 1, /* the user value that holds the function */
};

/* For the function that completes: it is called while `read` is, in that one's state. */
struct editor {
    struct sdme_line_editor *editor; /* NULL: closed */
    lua_State *reading;              /* NULL: nobody is */
};

static struct editor *check_editor(lua_State *L)
{
    struct editor *editor = luaL_checkudata(L, 1, editor_class);

    luaL_argcheck(L, editor->editor, 1, "it is closed");
    luaL_argcheck(L, !editor->reading, 1, "it is reading");
    return editor;
}

static int editor_close(lua_State *L)
{
    struct editor *editor = luaL_checkudata(L, 1, editor_class);

    luaL_argcheck(L, !editor->reading, 1, "it is reading");
    sdme_line_editor_close(editor->editor);
    editor->editor = NULL;
    return 0;
}

static char *copy_text(lua_State *L, int index)
{
    const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;

    return text ? strdup(text) : NULL;
}

/* What is passed through lua_pcall(). */
struct question {
    const char *before;
    struct sdme_line_completion *answer;
};

/* Runs protected, with the editor and a question. */
static int ask(lua_State *L)
{
    const struct question *question = lua_touserdata(L, 2);

    if (lua_getiuservalue(L, 1, COMPLETE) != LUA_TFUNCTION)
        return 0;
    lua_pushstring(L, question->before);
    lua_call(L, 1, 2);
    question->answer->inserted = copy_text(L, -2);
    question->answer->listing = copy_text(L, -1);
    return 0;
}

/* Nothing that is raised may come through libedit's frames; whoever pressed Tab hears a beep. */
static void complete(void *data, const char *before, struct sdme_line_completion *ret)
{
    lua_State *L = ((struct editor *) data)->reading;
    struct question question = {.before = before, .answer = ret};

    if (!lua_checkstack(L, 4))
        return;
    lua_pushcfunction(L, ask);
    lua_pushvalue(L, 1);
    lua_pushlightuserdata(L, &question);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK)
        lua_pop(L, 1);
}

/* read(prompt) -> line | nil at the end | nil, message, code: "EINTR" at Ctrl-C */
static int editor_read(lua_State *L)
{
    struct editor *editor = check_editor(L);
    const char *prompt = sdme_lua_check_text(L, 2);
    struct sdme_error error = {0};
    char *line = NULL;

    lua_settop(L, 2);
    editor->reading = L;
    int code = sdme_line_editor_read(editor->editor, prompt, &line, &error);
    editor->reading = NULL;
    if (code == -EINTR)
        sdme_lua_take_interrupt(L);
    if (code < 0)
        return sdme_lua_fail(L, &error);
    if (code == 0)
        lua_pushnil(L);
    else
        lua_pushstring(L, line);
    free(line);
    return 1;
}

/* set_history({ line, ... }) -> true | nil, message, code: the oldest first */
static int editor_set_history(lua_State *L)
{
    struct editor *editor = check_editor(L);
    struct sdme_error error = {0};

    size_t count = sdme_lua_array_length(L, 2, "history");
    char **lines = sdme_lua_strings(L, 2, "history");
    int code = sdme_line_editor_set_history(editor->editor, lines, count, &error);
    return sdme_lua_done(L, code, &error);
}

static void take_complete(lua_State *L)
{
    int type = lua_getfield(L, 1, "complete");

    if (type != LUA_TFUNCTION && type != LUA_TNIL)
        luaL_error(L, "option 'complete': function expected, got %s", luaL_typename(L, -1));
    lua_setiuservalue(L, -2, COMPLETE);
}

/*
 * open{ input=0, output=1, program="sdme", complete= } -> editor | nil, message, code
 * complete(before) -> what goes in at the cursor, or nil[, what is shown below the line]
 */
static int line_editor_open(lua_State *L)
{
    static const char *const known[] = {"input", "output", "program", "complete", NULL};
    const struct sdme_interrupt *interrupt = sdme_lua_interrupt(L);
    struct sdme_error error = {0};

    if (lua_isnoneornil(L, 1))
        lua_newtable(L);
    lua_settop(L, 1);
    sdme_lua_options(L, 1, known);
    struct editor *editor = lua_newuserdatauv(L, sizeof *editor, 1);
    *editor = (struct editor){0};
    luaL_setmetatable(L, editor_class);
    take_complete(L);
    struct sdme_line_editor_options options = {
        .input = sdme_lua_option_fd(L, 1, "input", STDIN_FILENO),
        .output = sdme_lua_option_fd(L, 1, "output", STDOUT_FILENO),
        .interrupt = interrupt ? interrupt->fd : -1,
        .resize = interrupt ? interrupt->resize_fd : -1,
        .program = sdme_lua_option_string(L, 1, "program", "sdme"),
        .complete = complete,
        .data = editor,
    };
    if (sdme_line_editor_open(&options, &editor->editor, &error) < 0)
        return sdme_lua_fail(L, &error);
    return 1;
}

static const luaL_Reg editor_methods[] = {
    {"close", editor_close},
    {"read", editor_read},
    {"set_history", editor_set_history},
    {NULL, NULL},
};

static const luaL_Reg line_editor_functions[] = {
    {"open", line_editor_open},
    {NULL, NULL},
};

int sdme_lua_open_line_editor(lua_State *L)
{
    sdme_lua_class(L, editor_class, editor_methods, editor_close);
    luaL_newlib(L, line_editor_functions);
    return 1;
}
