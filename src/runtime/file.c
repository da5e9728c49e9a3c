/* SPDX-License-Identifier: MIT */
#include "file.h"

#include <fcntl.h>
#include <string.h>

#include "util.h"

int sdme_file_read(int fd, void *buffer, size_t size, size_t *ret_size, const char *path,
                   struct sdme_error *error)
{
    size_t done = 0;

    while (done < size) {
        ssize_t count = read(fd, (char *) buffer + done, size - done);

        if (count == 0)
            break;
        if (count > 0)
            done += (size_t) count;
        else if (errno != EINTR)
            return sdme_fail(error, errno, "read %s", path);
    }
    *ret_size = done;
    return 0;
}

int sdme_file_read_at(int fd, void *buffer, size_t size, uint64_t offset, size_t *ret_size,
                      const char *path, struct sdme_error *error)
{
    size_t done = 0;

    while (done < size) {
        ssize_t count = pread(fd, (char *) buffer + done, size - done, (off_t) (offset + done));

        if (count == 0)
            break;
        if (count > 0)
            done += (size_t) count;
        else if (errno != EINTR)
            return sdme_fail(error, errno, "read %s", path);
    }
    *ret_size = done;
    return 0;
}

int sdme_file_write_at(int fd, const void *data, size_t size, uint64_t offset, const char *path,
                       struct sdme_error *error)
{
    const char *rest = data;

    while (size > 0) {
        ssize_t count = pwrite(fd, rest, size, (off_t) offset);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return sdme_fail(error, errno, "write %s", path);
        rest += count;
        offset += (uint64_t) count;
        size -= (size_t) count;
    }
    return 0;
}

int sdme_file_write_all(int fd, const void *data, size_t size, const char *path,
                        struct sdme_error *error)
{
    const char *rest = data;

    while (size > 0) {
        ssize_t count = write(fd, rest, size);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return sdme_fail(error, errno, "write %s", path);
        rest += count;
        size -= (size_t) count;
    }
    return 0;
}

/* What filesystems without O_TMPFILE answer depends on whether they have heard of it. */
static int open_nameless(int parent_fd, int access)
{
    int fd = openat(parent_fd, ".", O_TMPFILE | access | O_CLOEXEC, 0600);

    if (fd < 0 && (errno == EISDIR || errno == EINVAL))
        errno = EOPNOTSUPP;
    return fd;
}

/*
 * A file without a name (O_TMPFILE) can't be left behind by a kill; where the filesystem has none,
 * a hidden name is taken and returned in @ret_name, which is empty otherwise.
 */
static int open_temporary(int parent_fd, int *ret_fd, struct sdme_path_temporary *ret_name)
{
    struct sdme_path_temporary name = {""};
    int fd = open_nameless(parent_fd, O_WRONLY);

    if (fd < 0 && errno == EOPNOTSUPP) {
        name = sdme_path_temporary();
        fd = openat(parent_fd, name.text, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC,
                    0600);
    }
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    *ret_name = name;
    return 0;
}

static int link_open_file(int fd, int parent_fd, const char *name)
{
    if (linkat(fd, "", parent_fd, name, AT_EMPTY_PATH) == 0)
        return 0;
    if (errno != ENOENT) /* which is what linkat(2) says without CAP_DAC_READ_SEARCH */
        return -errno;
    if (linkat(AT_FDCWD, sdme_path_of_fd(fd).text, parent_fd, name, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    return -errno;
}

/* Gives the finished file its name; @temporary is the one it has so far, or empty. */
static int publish(int parent_fd, int fd, struct sdme_path_temporary *temporary, const char *name,
                   bool exclusive)
{
    if (!temporary->text[0]) {
        int code = link_open_file(fd, parent_fd, name);

        if (code != -EEXIST || exclusive)
            return code;
        struct sdme_path_temporary fresh = sdme_path_temporary();
        code = link_open_file(fd, parent_fd, fresh.text);
        if (code < 0)
            return code;
        *temporary = fresh;
    }
    if (renameat2(parent_fd, temporary->text, parent_fd, name, exclusive ? RENAME_NOREPLACE : 0) <
        0)
        return -errno;
    temporary->text[0] = '\0';
    return 0;
}

/* Comes before the mode: a change of owner takes the setuid and setgid bits away. */
static int set_owner(int fd, const struct sdme_file_options *options)
{
    bool owned = options->uid != SDME_KEEP_OWNER || options->gid != SDME_KEEP_OWNER;

    if (owned && fchownat(fd, "", options->uid, options->gid, AT_EMPTY_PATH) < 0)
        return -errno;
    return 0;
}

static int fill(int fd, const char *path, const void *data, size_t size,
                const struct sdme_file_options *options, struct sdme_error *error)
{
    int code = sdme_file_write_all(fd, data, size, path, error);

    if (code < 0)
        return code;
    code = set_owner(fd, options);
    if (code < 0)
        return sdme_fail(error, code, "change the owner of %s", path);
    if (fchmod(fd, options->mode) < 0)
        return sdme_fail(error, errno, "change the mode of %s", path);
    if (options->sync && fsync(fd) < 0)
        return sdme_fail(error, errno, "sync %s", path);
    return 0;
}

int sdme_file_write(int root_fd, const char *path, const void *data, size_t size,
                    const struct sdme_file_options *options, struct sdme_error *error)
{
    _cleanup_close_ int parent_fd = -1, fd = -1;
    struct sdme_path_temporary temporary = {""};
    char name[NAME_MAX + 1];

    int code = sdme_path_open_parent(root_fd, path, &parent_fd, name, error);
    if (code < 0)
        return code;
    code = open_temporary(parent_fd, &fd, &temporary);
    if (code < 0)
        return sdme_fail(error, code, "write %s", path);
    code = fill(fd, path, data, size, options, error);
    if (code >= 0) {
        code = publish(parent_fd, fd, &temporary, name, options->exclusive);
        if (code < 0)
            sdme_fail(error, code, "write %s", path);
    }
    if (code < 0) {
        if (temporary.text[0])
            unlinkat(parent_fd, temporary.text, 0);
        return code;
    }
    return options->sync ? sdme_path_sync_directory(parent_fd, path, error) : 0;
}

int sdme_file_open_nameless(int root_fd, const char *path, int *ret_fd, struct sdme_error *error)
{
    _cleanup_close_ int parent_fd = -1;
    char name[NAME_MAX + 1];

    int code = sdme_path_open_parent(root_fd, path, &parent_fd, name, error);
    if (code < 0)
        return code;
    int fd = open_nameless(parent_fd, O_RDWR);
    if (fd < 0)
        return sdme_fail(error, errno, "make a file for %s", path);
    *ret_fd = fd;
    return 0;
}

int sdme_file_link(int fd, int root_fd, const char *path, bool replace, bool sync,
                   struct sdme_error *error)
{
    _cleanup_close_ int parent_fd = -1;
    struct sdme_path_temporary temporary = {""};
    char name[NAME_MAX + 1];

    int code = sdme_path_open_parent(root_fd, path, &parent_fd, name, error);
    if (code < 0)
        return code;
    code = publish(parent_fd, fd, &temporary, name, !replace);
    if (temporary.text[0])
        unlinkat(parent_fd, temporary.text, 0);
    if (code < 0)
        return sdme_fail(error, code, "make %s", path);
    return sync ? sdme_path_sync_directory(parent_fd, path, error) : 0;
}

/*
 * Gives what was just made its owner and mode. It is found by name, so it has to be what we made:
 * of that type, and ours; nobody but us can have put another file of ours there.
 */
static int adopt(int parent_fd, const char *name, mode_t type,
                 const struct sdme_file_options *options)
{
    _cleanup_close_ int fd = openat(parent_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat made;

    if (fd < 0 || fstat(fd, &made) < 0)
        return -errno;
    if ((made.st_mode & S_IFMT) != type || made.st_uid != geteuid())
        return -ESTALE;
    int code = set_owner(fd, options);
    if (code < 0 || type == S_IFLNK)
        return code;
    return chmod(sdme_path_of_fd(fd).text, options->mode) < 0 ? -errno : 0;
}

static int make_one_directory(int root_fd, const char *path,
                              const struct sdme_file_options *options, struct sdme_error *error)
{
    _cleanup_close_ int parent_fd = -1;
    char name[NAME_MAX + 1];

    int code = sdme_path_open_parent(root_fd, path, &parent_fd, name, error);
    if (code < 0)
        return code;
    if (mkdirat(parent_fd, name, 0700) < 0)
        return sdme_fail(error, errno, "make directory %s", path);
    code = adopt(parent_fd, name, S_IFDIR, options);
    if (code < 0) {
        unlinkat(parent_fd, name, AT_REMOVEDIR);
        return sdme_fail(error, code, "make directory %s", path);
    }
    return 0;
}

/* The same, but a directory that is there already is fine. */
static int ensure_directory(int root_fd, const char *path, const struct sdme_file_options *options,
                            struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;

    int code = sdme_path_open(root_fd, path, O_PATH | O_DIRECTORY, 0, &fd, NULL);
    if (code >= 0)
        return 0;
    if (code != -ENOENT)
        return sdme_fail(error, code, "make directory %s", path);
    code = make_one_directory(root_fd, path, options, error);
    if (code != -EEXIST)
        return code;
    /* Somebody else made it meanwhile, or it is a symlink to nowhere. */
    return sdme_path_open(root_fd, path, O_PATH | O_DIRECTORY, 0, &fd, error);
}

int sdme_file_make_directory(int root_fd, const char *path, bool parents,
                             const struct sdme_file_options *options, struct sdme_error *error)
{
    char prefix[PATH_MAX];

    if (!parents)
        return make_one_directory(root_fd, path, options, error);
    if (strlen(path) >= sizeof prefix)
        return sdme_fail(error, ENAMETOOLONG, "make directory %s", path);
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        size_t length = (size_t) (slash - path);

        if (length == 0 || slash[1] == '/' || slash[1] == '\0')
            continue;
        memcpy(prefix, path, length);
        prefix[length] = '\0';
        int code = ensure_directory(root_fd, prefix, options, error);
        if (code < 0)
            return code;
    }
    return ensure_directory(root_fd, path, options, error);
}

static int make_symlink_at(int parent_fd, const char *name, const char *target,
                           const struct sdme_file_options *options)
{
    if (symlinkat(target, parent_fd, name) < 0)
        return -errno;
    int code = adopt(parent_fd, name, S_IFLNK, options);
    if (code < 0)
        unlinkat(parent_fd, name, 0);
    return code;
}

int sdme_file_make_symlink(int root_fd, const char *path, const char *target,
                           const struct sdme_file_options *options, struct sdme_error *error)
{
    _cleanup_close_ int parent_fd = -1;
    char name[NAME_MAX + 1];

    int code = sdme_path_open_parent(root_fd, path, &parent_fd, name, error);
    if (code < 0)
        return code;
    code = make_symlink_at(parent_fd, name, target, options);
    if (code == -EEXIST && !options->exclusive) {
        struct sdme_path_temporary temporary = sdme_path_temporary();

        code = make_symlink_at(parent_fd, temporary.text, target, options);
        if (code >= 0 && renameat(parent_fd, temporary.text, parent_fd, name) < 0) {
            code = -errno;
            unlinkat(parent_fd, temporary.text, 0);
        }
    }
    return code < 0 ? sdme_fail(error, code, "make symlink %s", path) : 0;
}

int sdme_file_make_node(int root_fd, const char *path, mode_t type, dev_t device,
                        const struct sdme_file_options *options, struct sdme_error *error)
{
    _cleanup_close_ int parent_fd = -1;
    char name[NAME_MAX + 1];

    int code = sdme_path_open_parent(root_fd, path, &parent_fd, name, error);
    if (code < 0)
        return code;
    if (mknodat(parent_fd, name, type, device) < 0)
        return sdme_fail(error, errno, "make node %s", path);
    code = adopt(parent_fd, name, type, options);
    if (code < 0) {
        unlinkat(parent_fd, name, 0);
        return sdme_fail(error, code, "make node %s", path);
    }
    return 0;
}

int sdme_file_remove(int root_fd, const char *path, struct sdme_error *error)
{
    _cleanup_close_ int parent_fd = -1;
    char name[NAME_MAX + 1];

    int code = sdme_path_open_parent(root_fd, path, &parent_fd, name, error);
    if (code < 0)
        return code;
    if (unlinkat(parent_fd, name, 0) == 0)
        return 0;
    if (errno == EISDIR && unlinkat(parent_fd, name, AT_REMOVEDIR) == 0)
        return 0;
    return sdme_fail(error, errno, "remove %s", path);
}

int sdme_file_rename(int root_fd, const char *from, const char *to, unsigned int flags, bool sync,
                     struct sdme_error *error)
{
    _cleanup_close_ int from_fd = -1, to_fd = -1;
    char from_name[NAME_MAX + 1], to_name[NAME_MAX + 1];

    int code = sdme_path_open_parent(root_fd, from, &from_fd, from_name, error);
    if (code < 0)
        return code;
    code = sdme_path_open_parent(root_fd, to, &to_fd, to_name, error);
    if (code < 0)
        return code;
    if (renameat2(from_fd, from_name, to_fd, to_name, flags) < 0)
        return sdme_fail(error, errno, "rename %s to %s", from, to);
    if (!sync)
        return 0;
    code = sdme_path_sync_directory(to_fd, to, error);
    return code < 0 ? code : sdme_path_sync_directory(from_fd, from, error);
}

int sdme_file_read_link(int root_fd, const char *path, char ret_target[PATH_MAX],
                        struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;
    char target[PATH_MAX];

    int code = sdme_path_open(root_fd, path, O_PATH | O_NOFOLLOW, 0, &fd, error);
    if (code < 0)
        return code;
    ssize_t length = readlinkat(fd, "", target, sizeof target - 1);
    if (length < 0) /* readlinkat(2) says ENOENT for what is no symlink, and means EINVAL */
        return sdme_fail(error, errno == ENOENT ? EINVAL : errno, "read link %s", path);
    memcpy(ret_target, target, (size_t) length);
    ret_target[length] = '\0';
    return 0;
}

int sdme_file_sync(int root_fd, const char *path, struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;

    int code = sdme_path_open(root_fd, path, O_RDONLY | O_DIRECTORY, 0, &fd, error);
    if (code < 0)
        return code;
    return syncfs(fd) < 0 ? sdme_fail(error, errno, "sync the filesystem of %s", path) : 0;
}
