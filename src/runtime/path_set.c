/* SPDX-License-Identifier: MIT */
#include "path_set.h"

#include <string.h>

#include "util.h"

static struct sdme_path_set *new_node(const char *name, size_t length)
{
    struct sdme_path_set *node = calloc(1, sizeof *node + length + 1);

    if (node)
        memcpy(node->name, name, length);
    return node;
}

int sdme_path_set_new(struct sdme_path_set **ret_set, struct sdme_error *error)
{
    struct sdme_path_set *set = new_node("", 0);

    if (!set)
        return sdme_fail(error, ENOMEM, "a set of paths");
    *ret_set = set;
    return 0;
}

/* Without recursion: paths may be long. */
void sdme_path_set_free(struct sdme_path_set *set)
{
    while (set) {
        struct sdme_path_set *node = set, **end = &node->children;

        while (*end)
            end = &(*end)->next;
        *end = node->next;
        set = node->children;
        free(node);
    }
}

static struct sdme_path_set *find(const struct sdme_path_set *set, const char *name, size_t length)
{
    for (struct sdme_path_set *node = set->children; node; node = node->next)
        if (!strncmp(node->name, name, length) && !node->name[length])
            return node;
    return NULL;
}

/* The child of that name, which is made if there is none; NULL without memory. */
static struct sdme_path_set *child(struct sdme_path_set *set, const char *name, size_t length)
{
    struct sdme_path_set *node = find(set, name, length);

    if (node)
        return node;
    node = new_node(name, length);
    if (node) {
        node->next = set->children;
        set->children = node;
    }
    return node;
}

int sdme_path_set_add(struct sdme_path_set *set, const char *path, unsigned int mark,
                      struct sdme_error *error)
{
    for (const char *at = path + strspn(path, "/"); *at;) {
        size_t length = strcspn(at, "/");

        if (length == 2 && !memcmp(at, "..", 2))
            return sdme_fail_as(error, EINVAL, "%s: a path without \"..\" expected", path);
        if (length != 1 || *at != '.') {
            set = child(set, at, length);
            if (!set)
                return sdme_fail(error, ENOMEM, "%s", path);
        }
        at += length;
        at += strspn(at, "/");
    }
    set->marks |= mark;
    return 0;
}

const struct sdme_path_set *sdme_path_set_find(const struct sdme_path_set *set, const char *name)
{
    return set ? find(set, name, strlen(name)) : NULL;
}
