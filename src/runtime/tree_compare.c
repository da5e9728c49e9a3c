/* SPDX-License-Identifier: MIT */
#include "tree_compare.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/xattr.h>

#include "directory.h"
#include "path.h"
#include "pool.h"
#include "walk.h"

#define OPAQUE "trusted.overlay.opaque"
#define REDIRECT "trusted.overlay.redirect"
#define METACOPY "trusted.overlay.metacopy"
#define WHITEOUT "trusted.overlay.whiteout"

/* A directory of the upper; all stay until the end, for the paths of what is in them. */
struct node {
    const struct node *parent;
    struct node *allocated_before;
    const struct sdme_path_set *paths; /* what matters in it */
    bool wanted;
    bool hidden;
    char name[];
};

struct state {
    const struct sdme_tree_compare *compare;
    struct node *nodes;
    pthread_mutex_t mutex; /* of the changes */
    struct sdme_tree_changes changes;
};

static unsigned int marks_of(const struct sdme_path_set *paths)
{
    return paths ? paths->marks : 0;
}

static struct node *new_node(struct state *state, const struct node *parent, const char *name)
{
    size_t size = strlen(name) + 1;
    struct node *node = calloc(1, sizeof *node + size);

    if (!node)
        return NULL;
    memcpy(node->name, name, size);
    node->parent = parent;
    node->paths = parent ? sdme_path_set_find(parent->paths, name) : state->compare->paths;
    node->wanted = (parent && parent->wanted) || marks_of(node->paths) & SDME_COMPARE_WANTED;
    node->hidden = (parent && parent->hidden) || marks_of(node->paths) & SDME_COMPARE_HIDDEN;
    node->allocated_before = state->nodes;
    state->nodes = node;
    return node;
}

/* "/A/B/NAME" of @name in a directory; NULL without memory. */
static char *path_of(const struct node *directory, const char *name)
{
    size_t length = strlen(name) + 1;

    for (const struct node *node = directory; node->parent; node = node->parent)
        length += strlen(node->name) + 1;
    char *path = malloc(length + 1);
    if (!path)
        return NULL;
    path[length] = '\0';
    for (;;) {
        size_t size = strlen(name);

        length -= size;
        memcpy(path + length, name, size);
        path[--length] = '/';
        if (!directory->parent)
            return path;
        name = directory->name;
        directory = directory->parent;
    }
}

/* Where something was moved from: "/A/B" is said from the root on, "B" is in the same directory. */
static int set_from(struct sdme_tree_change *change, const struct node *directory,
                    const char *redirect)
{
    if (!*redirect)
        return 0;
    change->from = *redirect == '/' ? strdup(redirect) : path_of(directory, redirect);
    return change->from ? 0 : -ENOMEM;
}

static int append(struct state *state, const struct sdme_tree_change *change)
{
    struct sdme_tree_changes *changes = &state->changes;
    int code = 0;

    pthread_mutex_lock(&state->mutex);
    if (changes->count == changes->room) {
        size_t room = changes->room ? changes->room * 2 : 64;
        struct sdme_tree_change *list = realloc(changes->list, room * sizeof *list);

        if (list) {
            changes->list = list;
            changes->room = room;
        } else {
            code = -ENOMEM;
        }
    }
    if (code >= 0)
        changes->list[changes->count++] = *change;
    pthread_mutex_unlock(&state->mutex);
    return code;
}

/* Lists a change of @name; takes nothing over. */
static int add(struct state *state, const struct node *directory, const char *name,
               struct sdme_tree_change change, const char *redirect, struct sdme_error *error)
{
    change.path = path_of(directory, name);
    int code = change.path ? set_from(&change, directory, redirect) : -ENOMEM;
    if (code >= 0)
        code = append(state, &change);
    if (code < 0) {
        free(change.path);
        free(change.from);
        return sdme_fail(error, code, "compare %s", name);
    }
    return 0;
}

static uint64_t size_of(const struct statx *file)
{
    return S_ISREG(file->stx_mode) ? file->stx_size : 0;
}

static int add_deleted(struct state *state, const struct node *directory, const char *name,
                       const struct statx *lower, struct sdme_error *error)
{
    struct sdme_tree_change change = {
        .change = 'D',
        .mode = lower->stx_mode,
        .lower_size = size_of(lower),
    };

    return add(state, directory, name, change, "", error);
}

/* Reads a text attribute; "" if there is none. */
static int read_attribute(int fd, const char *name, char value[PATH_MAX])
{
    ssize_t length = getxattr(sdme_path_of_fd(fd).text, name, value, PATH_MAX - 1);

    if (length < 0 && errno != ENODATA && errno != EOPNOTSUPP)
        return -errno;
    value[length > 0 ? length : 0] = '\0';
    return 0;
}

static bool has_attribute(int fd, const char *name)
{
    return getxattr(sdme_path_of_fd(fd).text, name, NULL, 0) >= 0;
}

static bool is_whiteout(const struct sdme_file_at *file)
{
    const struct statx *stat = &file->stat;

    if (S_ISCHR(stat->stx_mode))
        return stat->stx_rdev_major == 0 && stat->stx_rdev_minor == 0;
    return S_ISREG(stat->stx_mode) && stat->stx_size == 0 && has_attribute(file->fd, WHITEOUT);
}

static int fail(struct sdme_error *error, int code, const struct sdme_walk_directory *directory,
                const char *name)
{
    return sdme_fail(error, code, "compare %s/%s", directory->path, name);
}

/* What the lower has of that name: 1, or 0 if there is nothing. */
static int open_lower(const struct sdme_walk_directory *directory, const char *name,
                      struct sdme_file_at *ret_lower)
{
    const struct node *node = directory->data;

    if (directory->target_fd < 0 || node->hidden)
        return 0;
    int code = sdme_file_at_open(directory->target_fd, name, ret_lower);
    if (code == -ENOENT || code == -EXDEV)
        return 0;
    return code < 0 ? code : 1;
}

/* Whether changes of @name are listed. What is above a path that is wanted only when it's gone. */
static bool is_wanted(const struct node *directory, const char *name)
{
    return directory->wanted ||
           marks_of(sdme_path_set_find(directory->paths, name)) & SDME_COMPARE_WANTED;
}

/* Lists what became of a file that both have. */
static int add_difference(struct state *state, const struct node *directory, const char *name,
                          const struct sdme_file_at *upper, const struct sdme_file_at *lower,
                          const char *redirect, bool same_content, struct sdme_error *error)
{
    struct sdme_difference difference = {
        .shift = state->compare->shift,
        .same_content = same_content,
        .cancel = state->compare->cancel,
    };
    int differs = sdme_difference(&difference, upper, lower);

    if (differs == -ENOENT || differs == -ESTALE)
        return 0;
    if (differs < 0)
        return sdme_fail(error, differs, "compare %s", name);
    if (*redirect)
        differs |= SDME_DIFFERS_CONTENT;
    if (!differs)
        return 0;
    return add(state, directory, name,
               (struct sdme_tree_change){
                   .change = 'M',
                   .mode = upper->stat.stx_mode,
                   .differs = differs,
                   .size = size_of(&upper->stat),
                   .lower_size = size_of(&lower->stat),
               },
               redirect, error);
}

static int compare_open_file(struct state *state, const struct sdme_walk_directory *directory,
                             const char *name, const struct sdme_file_at *upper,
                             struct sdme_error *error)
{
    const struct node *node = directory->data;
    struct sdme_file_at lower = {.fd = -1};
    char redirect[PATH_MAX] = "";

    int found = open_lower(directory, name, &lower);
    if (found < 0)
        return fail(error, found, directory, name);
    _cleanup_close_ __attribute__((unused)) int lower_fd = lower.fd;
    if (is_whiteout(upper))
        return found ? add_deleted(state, node, name, &lower.stat, error) : 0;
    bool metacopy = S_ISREG(upper->stat.stx_mode) && has_attribute(upper->fd, METACOPY);
    int code = metacopy ? read_attribute(upper->fd, REDIRECT, redirect) : 0;
    if (code < 0)
        return fail(error, code, directory, name);
    if (found)
        return add_difference(state, node, name, upper, &lower, redirect, metacopy, error);
    return add(state, node, name,
               (struct sdme_tree_change){
                   .change = 'A',
                   .mode = upper->stat.stx_mode,
                   .size = size_of(&upper->stat),
               },
               redirect, error);
}

static int compare_file(void *context, const struct sdme_walk_directory *directory,
                        const char *name, unsigned char type, struct sdme_error *error)
{
    const struct node *node = directory->data;
    struct sdme_file_at upper;

    (void) type;
    if (!is_wanted(node, name) && !sdme_path_set_find(node->paths, name))
        return 0;
    int code = sdme_file_at_open(directory->fd, name, &upper);
    if (code == -ENOENT || code == -EXDEV)
        return 0;
    if (code < 0)
        return fail(error, code, directory, name);
    code = compare_open_file(context, directory, name, &upper, error);
    sdme_close(upper.fd);
    return code;
}

/* Lists what the lower has in a directory and the upper, which hides all of it, has not. */
static int add_hidden(struct state *state, const struct sdme_walk_directory *directory,
                      struct sdme_error *error)
{
    const struct node *node = directory->data;
    struct sdme_names names;

    int code = sdme_names_read(directory->target_fd, directory->path, &names, error);
    for (size_t i = 0; code >= 0 && i < names.count; i++) {
        const char *name = names.entries[i].name;
        struct statx upper, lower;

        if (!is_wanted(node, name) && !sdme_path_set_find(node->paths, name))
            continue;
        if (statx(directory->fd, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &upper) == 0)
            continue;
        if (statx(directory->target_fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                  STATX_BASIC_STATS, &lower) == 0)
            code = add_deleted(state, node, name, &lower, error);
    }
    if (code >= 0)
        sdme_names_free(&names);
    return code;
}

/* What the lower has at the place that a directory was moved from. */
static int open_origin(const struct state *state, const struct sdme_walk_directory *parent,
                       const char *redirect, int *ret_fd)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    int code;

    if (*redirect == '/')
        code = sdme_path_open(state->compare->lower_fd, redirect, flags, 0, ret_fd, NULL);
    else if (parent->target_fd < 0)
        return 0;
    else
        code = sdme_path_open(parent->target_fd, redirect, flags, 0, ret_fd, NULL);
    return code == -ENOENT || code == -ENOTDIR || code == -ELOOP ? 0 : code;
}

/* Lists the directory itself. Also says, by @target_fd, what its files are compared with. */
static int compare_directory(struct state *state, const struct sdme_walk_directory *parent,
                             const char *name, struct sdme_walk_directory *directory,
                             const char *redirect, struct sdme_error *error)
{
    struct sdme_file_at upper = {.fd = directory->fd}, lower = {.fd = -1};
    const struct node *node = directory->data;
    int code = 0;

    if (statx(upper.fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &upper.stat) < 0)
        return fail(error, errno, parent, name);
    int found = open_lower(parent, name, &lower);
    if (found < 0)
        return fail(error, found, parent, name);
    _cleanup_close_ __attribute__((unused)) int lower_fd = lower.fd;
    if (node->wanted && found)
        code = add_difference(state, node->parent, name, &upper, &lower, redirect, false, error);
    else if (node->wanted)
        code = add(state, node->parent, name,
                   (struct sdme_tree_change){.change = 'A', .mode = upper.stat.stx_mode}, redirect,
                   error);
    if (code < 0)
        return code;
    if (*redirect) {
        directory->is_apart = true;
        code = open_origin(state, parent, redirect, &directory->target_fd);
    } else if (found && S_ISDIR(lower.stat.stx_mode)) {
        code = sdme_walk_open(parent->target_fd, name, O_RDONLY | O_DIRECTORY, false);
        directory->target_fd = code < 0 ? -1 : code;
    }
    return code < 0 ? fail(error, code, parent, name) : 0;
}

static int enter_directory(void *context, const struct sdme_walk_directory *parent,
                           const char *name, struct sdme_walk_directory *directory,
                           struct sdme_error *error)
{
    struct state *state = context;
    const struct node *parent_node = parent->data;
    char redirect[PATH_MAX], opaque[PATH_MAX];

    if (!parent_node->wanted && !sdme_path_set_find(parent_node->paths, name))
        return SDME_WALK_SKIP;
    struct node *node = new_node(state, parent_node, name);
    if (!node)
        return fail(error, ENOMEM, parent, name);
    directory->data = node;
    int code = read_attribute(directory->fd, REDIRECT, redirect);
    if (code >= 0)
        code = read_attribute(directory->fd, OPAQUE, opaque);
    if (code < 0)
        return fail(error, code, parent, name);
    code = compare_directory(state, parent, name, directory, redirect, error);
    if (code >= 0 && !strcmp(opaque, "y") && directory->target_fd >= 0 && !node->hidden)
        code = add_hidden(state, directory, error);
    return code;
}

static int compare_root(struct state *state, int lower_fd, const struct sdme_walk_directory *upper,
                        struct sdme_error *error)
{
    struct sdme_file_at first = {.fd = upper->fd}, second = {.fd = lower_fd};
    const struct node *node = upper->data;

    if (statx(first.fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &first.stat) < 0 ||
        statx(second.fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &second.stat) < 0)
        return sdme_fail(error, errno, "compare the root directories");
    return node->wanted ? add_difference(state, node, "", &first, &second, "", false, error) : 0;
}

static int compare_changes(const void *a, const void *b)
{
    const struct sdme_tree_change *first = a, *second = b;

    return strcmp(first->path, second->path);
}

static int compare_below(struct state *state, int lower_fd, int upper_fd, struct sdme_error *error)
{
    const struct sdme_tree_compare *compare = state->compare;
    struct node *root = new_node(state, NULL, "");
    struct sdme_walk_directory upper = {.fd = upper_fd, .target_fd = lower_fd, .path = ""};
    struct sdme_walk walk = {
        .enter = enter_directory,
        .file = compare_file,
        .context = state,
        .tolerates_changes = true,
        .threads = compare->threads ? compare->threads : sdme_pool_threads(),
        .cancel = compare->cancel,
    };

    if (!root)
        return sdme_fail(error, ENOMEM, "compare");
    root->wanted |= compare->all;
    upper.data = walk.data = root;
    int code = compare_root(state, lower_fd, &upper, error);
    if (code >= 0)
        code = sdme_walk(&walk, upper_fd, lower_fd, "", error);
    return code;
}

int sdme_tree_compare(const struct sdme_tree_compare *compare,
                      struct sdme_tree_changes *ret_changes, struct sdme_error *error)
{
    struct state state = {.compare = compare, .mutex = PTHREAD_MUTEX_INITIALIZER};
    _cleanup_close_ int lower_fd = -1, upper_fd = -1;

    int code = sdme_shift_check(&compare->shift, error);
    if (code >= 0)
        code = sdme_path_open(compare->lower_fd, ".", O_RDONLY | O_DIRECTORY, 0, &lower_fd, error);
    if (code >= 0)
        code = sdme_path_open(compare->upper_fd, ".", O_RDONLY | O_DIRECTORY, 0, &upper_fd, error);
    if (code >= 0)
        code = compare_below(&state, lower_fd, upper_fd, error);
    while (state.nodes) {
        struct node *node = state.nodes;

        state.nodes = node->allocated_before;
        free(node);
    }
    pthread_mutex_destroy(&state.mutex);
    if (code < 0) {
        sdme_tree_changes_free(&state.changes);
        return code;
    }
    if (state.changes.count > 0)
        qsort(state.changes.list, state.changes.count, sizeof *state.changes.list, compare_changes);
    *ret_changes = state.changes;
    return 0;
}

void sdme_tree_changes_free(struct sdme_tree_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        free(changes->list[i].path);
        free(changes->list[i].from);
    }
    free(changes->list);
    *changes = (struct sdme_tree_changes){0};
}
