/* SPDX-License-Identifier: MIT */
#ifndef SDME_FUZZ_LUA_PARSER_H
#define SDME_FUZZ_LUA_PARSER_H

#include "fuzz.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>

#include "sdme.h"

/*
 * For parsers in Lua. A target defines the chunk that makes a function of one string out of the
 * modules of lua/ (so it runs where that is); for every input that function must return, or raise a
 * fault of one printable line. What it needs of memory stays below a limit.
 */
static const char lua_parser[];

#define MEMORY_MAX ((size_t) 64 << 20)

/* libFuzzer sees no Lua: the lines that run are counted where it looks for more to be covered. */
#define LINES 8192
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t lines[LINES];

static void count_line(lua_State *L, lua_Debug *debug)
{
    lua_getinfo(L, "S", debug);
    lines[((uintptr_t) debug->source / 16 * 31 + (uintptr_t) debug->currentline) % LINES]++;
}

/* Lua frees when it pleases, which libFuzzer would take for a leak, and look for it in every run.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static void *allocate(void *user, void *block, size_t old_size, size_t size)
{
    size_t *used = user, before = block ? old_size : 0;

    if (size == 0) {
        free(block);
        *used -= before;
        return NULL;
    }
    if (size > before && *used + size - before > MEMORY_MAX)
        return NULL;
    block = realloc(block, size);
    if (block)
        *used += size - before;
    return block;
}

static const char start[] =
    "local fault, parser = require 'sdme.fault', ...\n"
    "return function(input)\n"
    "    local ok, why = pcall(parser, input)\n"
    "    if ok then return end\n"
    "    if not fault.is(why) then error(why, 0) end\n"
    "    local message = tostring(why)\n"
    "    if message:find '%c' or not utf8.len(message) or #message > 2000 then\n"
    "        error(('no line for a terminal: %q'):format(message), 0)\n"
    "    end\n"
    "end\n";

/* The function that takes inputs, in the registry by the name "parse". */
static lua_State *start_lua(void)
{
    static const char path[] = "package.path = 'lua/?.lua;lua/?/init.lua'";
    static size_t used;
    lua_State *L = lua_newstate(allocate, &used);

    MUST(L);
    luaL_openlibs(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_sdme_core);
    lua_setfield(L, -2, "sdme.core");
    lua_settop(L, 0);
    MUST(luaL_dostring(L, path) == LUA_OK);
    MUST(luaL_loadstring(L, start) == LUA_OK);
    if (luaL_loadstring(L, lua_parser) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK ||
        lua_pcall(L, 1, 1, 0) != LUA_OK) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        abort();
    }
    lua_setfield(L, LUA_REGISTRYINDEX, "parse");
    lua_sethook(L, count_line, LUA_MASKLINE, 0);
    return L;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lua_State *L;

    if (!L)
        L = start_lua();
    lua_getfield(L, LUA_REGISTRYINDEX, "parse");
    lua_pushlstring(L, (const char *) data, size);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        fprintf(stderr, "%s\n", luaL_tolstring(L, -1, NULL));
        abort();
    }
    return 0;
}

#endif
