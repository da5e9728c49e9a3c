/* SPDX-License-Identifier: MIT */
#include "allocator.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * Small blocks lie one behind the other, without headers, since Lua knows the size of each; one
 * that is freed waits for the next of its size. Larger blocks, and all when the memory is used up,
 * are the affair of the allocator that the state had before.
 */
enum {
    MEMORY_SIZE = 1 << 20, /* less than a huge page, which would have to be cleared as a whole */
    UNIT = 16,             /* sizes are rounded up to it; malloc(3) aligns as much */
    SMALL = 1024,          /* bytes that a small block has at most */
};

struct spare {
    struct spare *next;
};

static struct {
    _Alignas(UNIT) char memory[MEMORY_SIZE];
    size_t used;
    struct spare *spare[SMALL / UNIT + 1]; /* by size, in units */
    lua_Alloc other;
    void *other_data;
} arena;

static size_t units(size_t size)
{
    return (size + UNIT - 1) / UNIT;
}

static bool is_ours(const void *block)
{
    return (uintptr_t) block - (uintptr_t) arena.memory < MEMORY_SIZE;
}

static void *take(size_t size)
{
    struct spare *spare = size <= SMALL ? arena.spare[units(size)] : NULL;

    if (spare) {
        arena.spare[units(size)] = spare->next;
        return spare;
    }
    if (size > SMALL || units(size) * UNIT > MEMORY_SIZE - arena.used)
        return arena.other(arena.other_data, NULL, 0, size);
    void *block = arena.memory + arena.used;
    arena.used += units(size) * UNIT;
    return block;
}

static void give_back(void *block, size_t size)
{
    struct spare *spare = block;

    spare->next = arena.spare[units(size)];
    arena.spare[units(size)] = spare;
}

/* A lua_Alloc (Lua manual, 4.6). */
static void *allocate(void *data, void *block, size_t old_size, size_t size)
{
    (void) data;
    if (!block)
        return size > 0 ? take(size) : NULL;
    if (!is_ours(block))
        return arena.other(arena.other_data, block, old_size, size);
    if (units(size) == units(old_size))
        return block;
    void *moved = size > 0 ? take(size) : NULL;
    if (moved)
        memcpy(moved, block, size < old_size ? size : old_size);
    else if (size > 0) /* to become smaller can't fail (Lua manual, 4.6) */
        return size <= old_size ? block : NULL;
    give_back(block, old_size);
    return moved;
}

void sdme_allocator_install(lua_State *L)
{
    arena.other = lua_getallocf(L, &arena.other_data);
    lua_setallocf(L, allocate, NULL);
}
