/* SPDX-License-Identifier: MIT */
#include "walk.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "directory.h"
#include "pool.h"

enum {
    KEPT_OPEN = 64,   /* levels from the top whose descriptors stay open until they are left */
    PATH_SIZE = 512,  /* of what messages say */
    BATCH_NAMES = 32, /* that a thread takes at a time */
    BATCH_BYTES = 4096,
};

/* A directory whose files are worked on in other threads, closed with the last of them. */
struct unit {
    atomic_uint references;
    atomic_bool failed;
    bool is_root;
    const struct sdme_walk *walk;
    struct sdme_walk_directory directory;
    char path[PATH_SIZE];
};

struct batch {
    struct unit *unit;
    size_t count;
    size_t used;
    char names[BATCH_BYTES]; /* for each: its type, its name, NUL */
};

struct level {
    struct sdme_walk_directory directory;
    dev_t target_device;
    ino_t target_inode;
    struct sdme_names names; /* of its directories, once its files were given out */
    size_t next;
    size_t path_length;
    struct unit *unit; /* owns the descriptors, if there is one */
};

struct state {
    const struct sdme_walk *walk;
    struct sdme_pool *pool;
    struct level *levels;
    size_t count;
    size_t size;
    char path[PATH_SIZE];
};

static int open_at(int parent_fd, const char *name, int flags, uint64_t resolve)
{
    struct open_how how = {
        .flags = (unsigned int) flags | O_NOFOLLOW | O_CLOEXEC,
        .resolve = resolve,
    };
    long fd = syscall(SYS_openat2, parent_fd, name, &how, sizeof how);

    return fd < 0 ? -errno : (int) fd;
}

int sdme_walk_open(int parent_fd, const char *name, int flags, bool crosses_mounts)
{
    uint64_t resolve = crosses_mounts ? 0 : RESOLVE_NO_XDEV;

    if (flags & O_PATH)
        return open_at(parent_fd, name, flags, resolve);
    int fd = open_at(parent_fd, name, flags | O_NOATIME, resolve);
    if (fd == -EPERM) /* O_NOATIME is for the owner; see open(2) */
        fd = open_at(parent_fd, name, flags, resolve);
    return fd;
}

static struct level *top_of(struct state *state)
{
    return &state->levels[state->count - 1];
}

static void close_directory(struct sdme_walk_directory *directory)
{
    directory->fd = sdme_close(directory->fd);
    directory->target_fd = sdme_close(directory->target_fd);
}

/* Closes what is found again from @child by "..". */
static void close_until_left(struct sdme_walk_directory *parent,
                             const struct sdme_walk_directory *child)
{
    parent->fd = sdme_close(parent->fd);
    if (child->target_fd >= 0 && !child->is_apart)
        parent->target_fd = sdme_close(parent->target_fd);
}

static int finish(const struct sdme_walk *walk, const struct sdme_walk_directory *directory,
                  struct sdme_error *error)
{
    return walk->finish ? walk->finish(walk->context, directory, error) : 0;
}

static int unit_unref(struct unit *unit, struct sdme_error *error)
{
    int code = 0;

    if (atomic_fetch_sub(&unit->references, 1) != 1)
        return 0;
    if (!unit->is_root && !atomic_load(&unit->failed))
        code = finish(unit->walk, &unit->directory, error);
    close_directory(&unit->directory);
    free(unit);
    return code;
}

static struct unit *unit_new(const struct state *state, const struct level *level)
{
    struct unit *unit = malloc(sizeof *unit);

    if (!unit)
        return NULL;
    atomic_init(&unit->references, 1);
    atomic_init(&unit->failed, false);
    unit->is_root = level == state->levels;
    unit->walk = state->walk;
    unit->directory = level->directory;
    unit->directory.path = unit->path;
    memcpy(unit->path, state->path, sizeof unit->path);
    return unit;
}

static int call_file(const struct sdme_walk *walk, const struct sdme_walk_directory *directory,
                     const char *name, unsigned char type, struct sdme_error *error)
{
    if (sdme_cancelled(walk->cancel))
        return sdme_fail(error, ECANCELED, "%s", directory->path);
    return walk->file ? walk->file(walk->context, directory, name, type, error) : 0;
}

static int work_off(void *item, bool failed, struct sdme_error *error)
{
    struct batch *batch = item;
    struct unit *unit = batch->unit;
    const char *at = batch->names;
    int code = 0;

    for (size_t i = 0; !failed && code >= 0 && i < batch->count; i++) {
        code = call_file(unit->walk, &unit->directory, at + 1, (unsigned char) *at, error);
        at += strlen(at + 1) + 2;
    }
    if (failed || code < 0)
        atomic_store(&unit->failed, true);
    free(batch);
    int finished = unit_unref(unit, error);
    return code < 0 ? code : finished;
}

static int give(struct state *state, struct batch **batch, struct sdme_error *error)
{
    struct batch *given = SDME_TAKE(*batch);

    return given ? sdme_pool_give(state->pool, given, error) : 0;
}

/* Adds a name to the batch, which is given away when it is full. */
static int add_name(struct state *state, struct batch **batch, const struct sdme_name *entry,
                    struct sdme_error *error)
{
    size_t length = strlen(entry->name) + 1;

    if (*batch && ((*batch)->count == BATCH_NAMES || (*batch)->used + 1 + length > BATCH_BYTES)) {
        int code = give(state, batch, error);
        if (code < 0)
            return code;
    }
    if (!*batch) {
        *batch = malloc(sizeof **batch);
        if (!*batch)
            return sdme_fail(error, ENOMEM, "%s", state->path);
        (*batch)->count = (*batch)->used = 0;
        (*batch)->unit = top_of(state)->unit;
        atomic_fetch_add(&(*batch)->unit->references, 1);
    }
    (*batch)->names[(*batch)->used] = (char) entry->type;
    memcpy((*batch)->names + (*batch)->used + 1, entry->name, length);
    (*batch)->used += 1 + length;
    (*batch)->count++;
    return 0;
}

static unsigned char look_up_type(int fd, const char *name)
{
    struct stat file;

    if (fstatat(fd, name, &file, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
        return DT_UNKNOWN;
    return (unsigned char) IFTODT(file.st_mode);
}

/* Does the files of the level at the top, or gives them out, and keeps the directories' names. */
static int do_files(struct state *state, struct sdme_error *error)
{
    struct level *level = top_of(state);
    struct sdme_names *names = &level->names;
    struct batch *batch = NULL;
    size_t directories = 0;
    int code = 0;

    for (size_t i = 0; code >= 0 && i < names->count; i++) {
        struct sdme_name *entry = &names->entries[i];

        if (entry->type == DT_UNKNOWN)
            entry->type = look_up_type(level->directory.fd, entry->name);
        if (entry->type == DT_DIR)
            names->entries[directories++] = *entry;
        else if (level->unit)
            code = add_name(state, &batch, entry, error);
        else
            code = call_file(state->walk, &level->directory, entry->name, entry->type, error);
    }
    names->count = directories;
    if (code >= 0)
        return give(state, &batch, error);
    if (batch)
        work_off(batch, true, NULL);
    return code;
}

/* Deep down the path doesn't grow any more: it is for messages, which have an end. */
static void append_path(struct state *state, const char *name)
{
    size_t length = strlen(state->path);
    static const char more[] = "/...";

    if (length + 1 + strlen(name) + sizeof more < PATH_SIZE)
        snprintf(state->path + length, PATH_SIZE - length, "/%s", name);
    else if (length < sizeof more || strcmp(state->path + length - strlen(more), more) != 0)
        snprintf(state->path + length, PATH_SIZE - length, "%s", more);
}

static int identify(int fd, dev_t *ret_device, ino_t *ret_inode)
{
    struct stat directory;

    if (fstat(fd, &directory) < 0)
        return -errno;
    *ret_device = directory.st_dev;
    *ret_inode = directory.st_ino;
    return 0;
}

static int grow(struct state *state)
{
    if (state->count < state->size)
        return 0;
    size_t size = state->size ? state->size * 2 : 32;
    struct level *levels = realloc(state->levels, size * sizeof *levels);
    if (!levels)
        return -ENOMEM;
    state->levels = levels;
    state->size = size;
    return 0;
}

/* Takes the directory over in any case; @name is NULL for the root, whose path is there already. */
static int push(struct state *state, struct sdme_walk_directory *directory, const char *name,
                struct sdme_error *error)
{
    struct level level = {.directory = *directory};
    int code = grow(state);

    if (code >= 0 && directory->target_fd >= 0)
        code = identify(directory->target_fd, &level.target_device, &level.target_inode);
    if (code < 0) {
        close_directory(directory);
        return sdme_fail(error, code, "%s/%s", state->path, name ? name : "");
    }
    if (state->count > KEPT_OPEN)
        close_until_left(&top_of(state)->directory, directory);
    level.path_length = strlen(state->path);
    if (name)
        append_path(state, name);
    level.directory.path = state->path;
    state->levels[state->count++] = level;
    if (state->walk->threads > 1 && state->count <= KEPT_OPEN) {
        top_of(state)->unit = unit_new(state, top_of(state));
        if (!top_of(state)->unit)
            return sdme_fail(error, ENOMEM, "%s", state->path);
    }
    code = sdme_names_read(level.directory.fd, state->path, &top_of(state)->names, error);
    if (code == -ENOENT && state->walk->tolerates_changes) /* it was removed, so it is empty */
        return 0;
    if (code < 0)
        return code;
    if (state->walk->sorted)
        sdme_names_sort(&top_of(state)->names);
    return do_files(state, error);
}

/* What was a directory when its parent was read, and can't be opened as one. */
static int do_no_directory(struct state *state, const char *name, int code,
                           struct sdme_error *error)
{
    const struct sdme_walk *walk = state->walk;
    const struct sdme_walk_directory *parent = &top_of(state)->directory;

    if (code == -EXDEV)
        return walk->mount ? walk->mount(walk->context, parent, name, error) : 0;
    if (walk->tolerates_changes && code == -ENOENT)
        return 0;
    if (walk->tolerates_changes && (code == -ENOTDIR || code == -ELOOP))
        return call_file(walk, parent, name, look_up_type(parent->fd, name), error);
    return sdme_fail(error, code, "open directory %s/%s", state->path, name);
}

static int descend(struct state *state, const char *name, struct sdme_error *error)
{
    const struct sdme_walk *walk = state->walk;
    const struct sdme_walk_directory *parent = &top_of(state)->directory;
    struct sdme_walk_directory directory = {.target_fd = -1, .path = state->path};

    directory.fd = sdme_walk_open(parent->fd, name, O_RDONLY | O_DIRECTORY, walk->crosses_mounts);
    if (directory.fd < 0)
        return do_no_directory(state, name, directory.fd, error);
    int code = identify(directory.fd, &directory.device, &directory.inode);
    if (code < 0)
        sdme_fail(error, code, "stat %s/%s", state->path, name);
    else if (walk->enter)
        code = walk->enter(walk->context, parent, name, &directory, error);
    if (code < 0 || code == SDME_WALK_SKIP) {
        close_directory(&directory);
        return code < 0 ? code : 0;
    }
    return push(state, &directory, name, error);
}

/* Opens the parent of @fd, if it is still what it was. */
static int reopen(int fd, dev_t device, ino_t inode, int *ret_fd)
{
    _cleanup_close_ int parent = open_at(fd, "..", O_RDONLY | O_DIRECTORY, 0);
    dev_t found_device;
    ino_t found_inode;

    if (parent < 0)
        return parent;
    int code = identify(parent, &found_device, &found_inode);
    if (code < 0)
        return code;
    if (found_device != device || found_inode != inode)
        return -ESTALE;
    *ret_fd = sdme_take_fd(&parent);
    return 0;
}

static int reopen_parent(struct level *parent, const struct sdme_walk_directory *child)
{
    if (parent->directory.fd >= 0)
        return 0;
    int code =
        reopen(child->fd, parent->directory.device, parent->directory.inode, &parent->directory.fd);
    if (code < 0 || child->target_fd < 0 || child->is_apart)
        return code;
    return reopen(child->target_fd, parent->target_device, parent->target_inode,
                  &parent->directory.target_fd);
}

static int ascend(struct state *state, struct sdme_error *error)
{
    const struct sdme_walk *walk = state->walk;
    struct level level = *top_of(state);
    bool is_root = state->count == 1;
    int code = 0;

    state->count--;
    if (!is_root) {
        code = reopen_parent(top_of(state), &level.directory);
        if (code < 0)
            sdme_fail(error, code, "%s was moved", state->path);
        else if (!level.unit)
            code = finish(walk, &level.directory, error);
    }
    sdme_names_free(&level.names);
    if (level.unit) {
        if (code < 0)
            atomic_store(&level.unit->failed, true);
        int finished = unit_unref(level.unit, error);
        code = code < 0 ? code : finished;
    } else {
        close_directory(&level.directory);
    }
    if (code < 0 || is_root)
        return code;
    state->path[level.path_length] = '\0';
    const struct level *parent = top_of(state);
    if (!walk->leave)
        return 0;
    return walk->leave(walk->context, &parent->directory,
                       parent->names.entries[parent->next - 1].name, error);
}

static int walk_levels(struct state *state, struct sdme_error *error)
{
    int code = 0;

    while (code >= 0 && state->count > 0) {
        struct level *level = top_of(state);

        if (sdme_cancelled(state->walk->cancel))
            code = sdme_fail(error, ECANCELED, "%s", state->path);
        else if (level->next < level->names.count)
            code = descend(state, level->names.entries[level->next++].name, error);
        else
            code = ascend(state, error);
    }
    return code;
}

static void drop_levels(struct state *state)
{
    for (; state->count > 0; state->count--) {
        struct level *level = top_of(state);

        sdme_names_free(&level->names);
        if (level->unit) {
            atomic_store(&level->unit->failed, true);
            unit_unref(level->unit, NULL);
        } else {
            close_directory(&level->directory);
        }
    }
}

static int duplicate(int fd, int *ret_fd)
{
    if (fd < 0)
        return 0;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return -errno;
    *ret_fd = copy;
    return 0;
}

int sdme_walk(const struct sdme_walk *walk, int fd, int target_fd, const char *path,
              struct sdme_error *error)
{
    struct state state = {.walk = walk};
    struct sdme_walk_directory root = {.fd = -1, .target_fd = -1, .data = walk->data};

    snprintf(state.path, sizeof state.path, "%s", path);
    int code = sdme_pool_start(walk->threads, work_off, &state.pool, error);
    if (code < 0)
        return code;
    code = duplicate(fd, &root.fd);
    if (code >= 0)
        code = duplicate(target_fd, &root.target_fd);
    if (code >= 0)
        code = identify(root.fd, &root.device, &root.inode);
    if (code < 0) {
        close_directory(&root);
        sdme_fail(error, code, "%s", path);
    } else {
        code = push(&state, &root, NULL, error);
    }
    if (code >= 0)
        code = walk_levels(&state, error);
    drop_levels(&state);
    free(state.levels);
    int finished = sdme_pool_finish(state.pool, code < 0, error);
    return code < 0 ? code : finished;
}
