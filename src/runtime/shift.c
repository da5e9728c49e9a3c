/* SPDX-License-Identifier: MIT */
#include "shift.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "attribute.h"
#include "path.h"
#include "pool.h"
#include "walk.h"

static const char capability_name[] = "security.capability";

/*
 * Changing an owner takes setuid bits and capabilities away, so what a file shall have in the end
 * is noted in it before: whoever is interrupted in between finds it when he starts again.
 */
static const char note_name[] = "trusted.sdme.shift";

struct note {
    uint32_t mode;
    uint32_t capability_size;
    unsigned char capability[SDME_SHIFT_CAPABILITY_MAX];
};

/* system.posix_acl_*: a version, then entries; see <linux/posix_acl_xattr.h>. Little endian. */
struct acl_entry {
    uint16_t tag;
    uint16_t permissions;
    uint32_t id;
};

enum {
    ACL_VERSION = 2,
    ACL_TAG_USER = 0x02, /* the tags whose entries have an id */
    ACL_TAG_GROUP = 0x08,
};

struct shift_state {
    const struct sdme_shift *shift;
    pthread_mutex_t delicate; /* held while a file loses its bits and gets them back */
    atomic_ullong changed;
};

_Static_assert(sizeof(struct vfs_ns_cap_data) == SDME_SHIFT_CAPABILITY_MAX, "capability size");

int sdme_shift_check(const struct sdme_shift *shift, struct sdme_error *error)
{
    uint64_t from_end = (uint64_t) shift->from + shift->count;
    uint64_t to_end = (uint64_t) shift->to + shift->count;

    if (from_end > UINT32_MAX || to_end > UINT32_MAX)
        return sdme_fail_as(error, EINVAL, "shift %u ids from %u to %u: ids end at %u",
                            shift->count, shift->from, shift->to, UINT32_MAX - 1);
    if (shift->count > 0 && shift->from < to_end && shift->to < from_end)
        return sdme_fail_as(error, EINVAL, "shift %u ids from %u to %u: the ranges overlap",
                            shift->count, shift->from, shift->to);
    return 0;
}

bool sdme_shift_has(const struct sdme_shift *shift, uint32_t id)
{
    return id >= shift->from && id - shift->from < shift->count;
}

uint32_t sdme_shift_id(const struct sdme_shift *shift, uint32_t id)
{
    return sdme_shift_has(shift, id) ? id - shift->from + shift->to : id;
}

static int shift_acl(const struct sdme_shift *shift, unsigned char *value, size_t size)
{
    uint32_t version;
    int changed = 0;

    if (size < sizeof version || (size - sizeof version) % sizeof(struct acl_entry))
        return -EBADMSG;
    memcpy(&version, value, sizeof version);
    if (le32toh(version) != ACL_VERSION)
        return -EBADMSG;
    for (size_t at = sizeof version; at < size; at += sizeof(struct acl_entry)) {
        struct acl_entry entry;

        memcpy(&entry, value + at, sizeof entry);
        uint16_t tag = le16toh(entry.tag);
        if (tag != ACL_TAG_USER && tag != ACL_TAG_GROUP)
            continue;
        uint32_t id = sdme_shift_id(shift, le32toh(entry.id));
        changed |= id != le32toh(entry.id);
        entry.id = htole32(id);
        memcpy(value + at, &entry, sizeof entry);
    }
    return changed;
}

/* Revisions 1 and 2 are for the host's root, which is 0; revision 3 names a root. */
static int shift_capability(const struct sdme_shift *shift, unsigned char *value, size_t *size)
{
    struct vfs_ns_cap_data data = {0};

    if (*size > sizeof data || *size < sizeof data.magic_etc)
        return -EBADMSG;
    memcpy(&data, value, *size);
    uint32_t magic = le32toh(data.magic_etc);
    uint32_t revision = magic & VFS_CAP_REVISION_MASK;
    bool fits = (revision == VFS_CAP_REVISION_1 && *size == XATTR_CAPS_SZ_1) ||
                (revision == VFS_CAP_REVISION_2 && *size == XATTR_CAPS_SZ_2) ||
                (revision == VFS_CAP_REVISION_3 && *size == XATTR_CAPS_SZ_3);
    if (!fits)
        return -EBADMSG;
    uint32_t root = sdme_shift_id(shift, le32toh(data.rootid));
    if (root == le32toh(data.rootid))
        return 0;
    revision = root == 0 ? VFS_CAP_REVISION_2 : VFS_CAP_REVISION_3;
    data.magic_etc = htole32((magic & VFS_CAP_FLAGS_MASK) | revision);
    data.rootid = htole32(root);
    *size = root == 0 ? XATTR_CAPS_SZ_2 : XATTR_CAPS_SZ_3;
    memcpy(value, &data, *size);
    return 1;
}

static bool is_acl(const char *name)
{
    return !strcmp(name, "system.posix_acl_access") || !strcmp(name, "system.posix_acl_default");
}

int sdme_shift_attribute(const struct sdme_shift *shift, const char *name, void *value,
                         size_t *size, size_t buffer_size)
{
    if (shift->count == 0)
        return 0;
    if (is_acl(name))
        return shift_acl(shift, value, *size);
    if (strcmp(name, capability_name) != 0)
        return 0;
    return buffer_size < SDME_SHIFT_CAPABILITY_MAX ? -ERANGE : shift_capability(shift, value, size);
}

/* Rewrites an ACL if there is an id to shift in it. */
static int shift_one_acl(const struct shift_state *state, const char *path, const char *name)
{
    _cleanup_free_ char *value = malloc(SDME_ATTRIBUTE_MAX);

    if (!value)
        return -ENOMEM;
    ssize_t length = getxattr(path, name, value, SDME_ATTRIBUTE_MAX);
    if (length < 0)
        return errno == ENODATA ? 0 : -errno;
    size_t size = (size_t) length;
    int changed = sdme_shift_attribute(state->shift, name, value, &size, SDME_ATTRIBUTE_MAX);
    if (changed <= 0)
        return changed;
    return setxattr(path, name, value, size, 0) < 0 ? -errno : 1;
}

/*
 * What the file shall have in the end: as noted by an earlier run, or else from what it has now.
 * Returns whether that is another capability than it has now.
 */
static int make_note(const struct shift_state *state, const char *path, mode_t mode,
                     struct note *note, bool *ret_noted)
{
    ssize_t size = getxattr(path, note_name, note, sizeof *note);

    if (size == (ssize_t) sizeof *note && note->capability_size <= sizeof note->capability) {
        *ret_noted = true;
        return 0;
    }
    if (size >= 0)
        return -EBADMSG;
    if (errno != ENODATA && errno != ENOTSUP)
        return -errno;
    *note = (struct note){.mode = mode & 07777};
    size = getxattr(path, capability_name, note->capability, sizeof note->capability);
    if (size < 0 && errno != ENODATA && errno != ENOTSUP)
        return -errno;
    *ret_noted = false;
    if (size < 0)
        return 0;
    size_t capability_size = (size_t) size;
    int code = sdme_shift_attribute(state->shift, capability_name, note->capability,
                                    &capability_size, sizeof note->capability);
    note->capability_size = (uint32_t) capability_size;
    return code;
}

static int restore(const char *path, const struct note *note)
{
    if (note->capability_size > 0 &&
        setxattr(path, capability_name, note->capability, note->capability_size, 0) < 0)
        return -errno;
    return chmod(path, note->mode & 07777) < 0 ? -errno : 0;
}

/* A regular file with setuid or setgid bits, capabilities, or a note of them. */
static int shift_delicate(struct shift_state *state, int fd, const char *path)
{
    struct stat file;
    struct note note;
    bool noted = false;

    if (fstat(fd, &file) < 0)
        return -errno;
    int changes = make_note(state, path, file.st_mode, &note, &noted);
    if (changes < 0)
        return changes;
    uid_t uid = sdme_shift_id(state->shift, file.st_uid);
    gid_t gid = sdme_shift_id(state->shift, file.st_gid);
    bool moves = uid != file.st_uid || gid != file.st_gid;
    if (!moves && !noted && !changes)
        return 0;
    if (moves && !noted && setxattr(path, note_name, &note, sizeof note, 0) < 0)
        return -errno;
    if (moves && fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
        return -errno;
    int code = restore(path, &note);
    if (code < 0)
        return code;
    if ((moves || noted) && removexattr(path, note_name) < 0 && errno != ENODATA)
        return -errno;
    return 1;
}

static int shift_plain(struct shift_state *state, int fd, const struct stat *file)
{
    uid_t uid = sdme_shift_id(state->shift, file->st_uid);
    gid_t gid = sdme_shift_id(state->shift, file->st_gid);

    if (uid == file->st_uid && gid == file->st_gid)
        return 0;
    return fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 1;
}

/* Returns whether something changed. */
static int shift_attributes(struct shift_state *state, int fd, const char *path,
                            const struct stat *file)
{
    struct sdme_attribute_names names;
    bool delicate = S_ISREG(file->st_mode) && (file->st_mode & (S_ISUID | S_ISGID));
    int changed = 0;

    int code = sdme_attribute_names_read(fd, &names);
    for (size_t i = 0; code >= 0 && i < names.size; i += strlen(names.names + i) + 1) {
        const char *name = names.names + i;

        if (is_acl(name))
            code = shift_one_acl(state, path, name);
        else if (S_ISREG(file->st_mode))
            delicate |= !strcmp(name, capability_name) || !strcmp(name, note_name);
        changed |= code > 0;
    }
    sdme_attribute_names_free(&names);
    if (code < 0)
        return code;
    if (!delicate) {
        code = shift_plain(state, fd, file);
    } else {
        pthread_mutex_lock(&state->delicate);
        code = shift_delicate(state, fd, path);
        pthread_mutex_unlock(&state->delicate);
    }
    return code < 0 ? code : code | changed;
}

static int shift_entry(struct shift_state *state, int fd)
{
    struct sdme_path_of_fd path = sdme_path_of_fd(fd);
    struct stat file;

    if (fstat(fd, &file) < 0)
        return -errno;
    int code = shift_attributes(state, fd, path.text, &file);
    if (code > 0)
        atomic_fetch_add(&state->changed, 1);
    return code;
}

static int shift_file(void *context, const struct sdme_walk_directory *directory, const char *name,
                      unsigned char type, struct sdme_error *error)
{
    _cleanup_close_ int fd = sdme_walk_open(directory->fd, name, O_PATH, false);

    (void) type;
    if (fd == -EXDEV || fd == -ENOENT) /* something is mounted on it, or it is gone by now */
        return 0;
    int code = fd < 0 ? fd : shift_entry(context, fd);
    return code < 0 ? sdme_fail(error, code, "shift %s/%s", directory->path, name) : 0;
}

static int shift_directory(void *context, const struct sdme_walk_directory *parent,
                           const char *name, struct sdme_walk_directory *directory,
                           struct sdme_error *error)
{
    int code = shift_entry(context, directory->fd);

    return code < 0 ? sdme_fail(error, code, "shift %s/%s", parent->path, name) : 0;
}

int sdme_shift_tree(int root_fd, const char *path, const struct sdme_shift_tree *options,
                    uint64_t *ret_changed, struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;
    struct shift_state state = {.shift = &options->shift};
    struct sdme_walk walk = {
        .enter = shift_directory,
        .file = shift_file,
        .context = &state,
        .threads = options->threads ? options->threads : sdme_pool_threads(),
        .cancel = options->cancel,
        .tolerates_changes = true, /* the lower layer of a clone is the host, and alive */
    };

    int code = sdme_shift_check(&options->shift, error);
    if (code < 0)
        return code;
    code = sdme_path_open(root_fd, path, O_RDONLY | O_DIRECTORY, 0, &fd, error);
    if (code < 0)
        return code;
    pthread_mutex_init(&state.delicate, NULL);
    code = shift_entry(&state, fd);
    if (code < 0)
        sdme_fail(error, code, "shift %s", path);
    else
        code = sdme_walk(&walk, fd, -1, path, error);
    pthread_mutex_destroy(&state.delicate);
    if (code >= 0)
        *ret_changed = atomic_load(&state.changed);
    return code;
}
