/* SPDX-License-Identifier: MIT */
#include "../runtime/cgroup.h"

#include "binding.h"

static const char move_class[] = "sdme.cgroup.move";

struct move {
    struct sdme_job *job; /* NULL: closed */
};

static int move_close(lua_State *L)
{
    struct move *move = luaL_checkudata(L, 1, move_class);

    sdme_job_close(move->job);
    move->job = NULL;
    return 0;
}

static int move_poll(lua_State *L)
{
    struct move *move = luaL_checkudata(L, 1, move_class);

    if (!move->job)
        return 0;
    lua_pushinteger(L, sdme_job_fd(move->job));
    lua_pushliteral(L, "r");
    return 2;
}

static int move_step(lua_State *L)
{
    struct move *move = luaL_checkudata(L, 1, move_class);
    struct sdme_error error = {0};

    luaL_argcheck(L, move->job, 1, "it is closed");
    int code = sdme_job_step(move->job, &error);
    lua_pushboolean(L, code != 0);
    if (code == 0)
        return 1;
    move_close(L);
    return 1 + sdme_lua_done(L, code, &error);
}

/* expect_move() -> pending: true | nil, message, code */
static int cgroup_expect_move(lua_State *L)
{
    struct sdme_error error = {0};
    struct move *move = lua_newuserdatauv(L, sizeof *move, 0);

    move->job = NULL;
    luaL_setmetatable(L, move_class);
    return sdme_cgroup_expect_move(&move->job, &error) < 0 ? sdme_lua_fail(L, &error) : 1;
}

static const luaL_Reg move_methods[] = {
    {"close", move_close},
    {"poll", move_poll},
    {"step", move_step},
    {NULL, NULL},
};

static const luaL_Reg cgroup_functions[] = {
    {"expect_move", cgroup_expect_move},
    {NULL, NULL},
};

int sdme_lua_open_cgroup(lua_State *L)
{
    sdme_lua_class(L, move_class, move_methods, move_close);
    luaL_newlib(L, cgroup_functions);
    return 1;
}
