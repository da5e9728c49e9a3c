/* SPDX-License-Identifier: MIT */
#include "attribute.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/xattr.h>

#include "path.h"
#include "util.h"

/* Not in the <linux/magic.h> of every distribution. */
#define FUSE_MAGIC 0x65735546
#define NTFS3_MAGIC 0x7366746e
#define ZFS_MAGIC 0x2fc12fc1
#define CIFS_MAGIC 0xff534d42
#define BCACHEFS_MAGIC 0xca451a4e

static const struct {
    uint64_t magic;
    const char *type;
} filesystems[] = {
    {EXT4_SUPER_MAGIC, "ext4"},
    {XFS_SUPER_MAGIC, "xfs"},
    {BTRFS_SUPER_MAGIC, "btrfs"},
    {TMPFS_MAGIC, "tmpfs"},
    {OVERLAYFS_SUPER_MAGIC, "overlay"},
    {SQUASHFS_MAGIC, "squashfs"},
    {EROFS_SUPER_MAGIC_V1, "erofs"},
    {F2FS_SUPER_MAGIC, "f2fs"},
    {ZFS_MAGIC, "zfs"},
    {BCACHEFS_MAGIC, "bcachefs"},
    {RAMFS_MAGIC, "ramfs"},
    {ISOFS_SUPER_MAGIC, "iso9660"},
    {MSDOS_SUPER_MAGIC, "vfat"},
    {NTFS3_MAGIC, "ntfs3"},
    {FUSE_MAGIC, "fuse"},
    {NFS_SUPER_MAGIC, "nfs"},
    {CIFS_MAGIC, "cifs"},
    {V9FS_MAGIC, "9p"},
    {PROC_SUPER_MAGIC, "proc"},
    {SYSFS_MAGIC, "sysfs"},
    {CGROUP_SUPER_MAGIC, "cgroup"},
    {CGROUP2_SUPER_MAGIC, "cgroup2"},
};

static const struct {
    mode_t number;
    const char *name;
} types[] = {
    {S_IFREG, "file"},  {S_IFDIR, "directory"}, {S_IFLNK, "symlink"}, {S_IFCHR, "character"},
    {S_IFBLK, "block"}, {S_IFIFO, "fifo"},      {S_IFSOCK, "socket"},
};

static int open_handle(int root_fd, const char *path, bool follow, int *ret_fd,
                       struct sdme_error *error)
{
    return sdme_path_open(root_fd, path, O_PATH | (follow ? 0 : O_NOFOLLOW), 0, ret_fd, error);
}

int sdme_file_stat(int root_fd, const char *path, bool follow, struct statx *ret_file,
                   struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;

    int code = open_handle(root_fd, path, follow, &fd, error);
    if (code < 0)
        return code;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, ret_file) < 0)
        return sdme_fail(error, errno, "stat %s", path);
    return 0;
}

int sdme_file_change_owner(int root_fd, const char *path, bool follow, uid_t uid, gid_t gid,
                           struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;

    int code = open_handle(root_fd, path, follow, &fd, error);
    if (code < 0)
        return code;
    if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
        return sdme_fail(error, errno, "change the owner of %s", path);
    return 0;
}

int sdme_file_change_mode(int root_fd, const char *path, bool follow, mode_t mode,
                          struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;
    struct stat file;

    int code = open_handle(root_fd, path, follow, &fd, error);
    if (code < 0)
        return code;
    if (fstat(fd, &file) < 0)
        return sdme_fail(error, errno, "change the mode of %s", path);
    /* Filesystems disagree: some would set it, some would set it and say that they didn't. */
    if (S_ISLNK(file.st_mode))
        return sdme_fail(error, EOPNOTSUPP, "change the mode of the symlink %s", path);
    if (chmod(sdme_path_of_fd(fd).text, mode) < 0)
        return sdme_fail(error, errno, "change the mode of %s", path);
    return 0;
}

int sdme_file_set_attribute(int root_fd, const char *path, bool follow, const char *name,
                            const void *value, size_t size, struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;

    int code = open_handle(root_fd, path, follow, &fd, error);
    if (code < 0)
        return code;
    if (setxattr(sdme_path_of_fd(fd).text, name, value, size, 0) < 0)
        return sdme_fail(error, errno, "set %s of %s", name, path);
    return 0;
}

int sdme_file_remove_attribute(int root_fd, const char *path, bool follow, const char *name,
                               struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;

    int code = open_handle(root_fd, path, follow, &fd, error);
    if (code < 0)
        return code;
    if (removexattr(sdme_path_of_fd(fd).text, name) < 0)
        return sdme_fail(error, errno, "remove %s of %s", name, path);
    return 0;
}

int sdme_file_get_attribute(int root_fd, const char *path, bool follow, const char *name,
                            void *value, size_t size, size_t *ret_size, struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;

    int code = open_handle(root_fd, path, follow, &fd, error);
    if (code < 0)
        return code;
    ssize_t length = getxattr(sdme_path_of_fd(fd).text, name, value, size);
    if (length < 0)
        return sdme_fail(error, errno, "get %s of %s", name, path);
    *ret_size = (size_t) length;
    return 0;
}

/* Some filesystems pass on what a server says, without looking for the NUL at the end. */
static bool are_names(const char *names, size_t size)
{
    return size == 0 || names[size - 1] == '\0';
}

int sdme_file_list_attributes(int root_fd, const char *path, bool follow, char *names, size_t size,
                              size_t *ret_size, struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;

    int code = open_handle(root_fd, path, follow, &fd, error);
    if (code < 0)
        return code;
    ssize_t length = listxattr(sdme_path_of_fd(fd).text, names, size);
    if (length < 0)
        return sdme_fail(error, errno, "list the attributes of %s", path);
    if (!are_names(names, (size_t) length))
        return sdme_fail(error, EBADMSG, "list the attributes of %s", path);
    *ret_size = (size_t) length;
    return 0;
}

static ssize_t list_names(int fd, char *names, size_t size)
{
    ssize_t length = flistxattr(fd, names, size);

    if (length < 0 && errno == EBADF) /* O_PATH */
        return listxattr(sdme_path_of_fd(fd).text, names, size);
    return length;
}

int sdme_attribute_names_read(int fd, struct sdme_attribute_names *names)
{
    names->allocated = NULL;
    names->names = names->small;
    names->size = 0;
    ssize_t size = list_names(fd, names->small, sizeof names->small);
    if (size < 0 && errno == ERANGE) {
        names->allocated = malloc(SDME_ATTRIBUTE_MAX);
        if (!names->allocated)
            return -ENOMEM;
        names->names = names->allocated;
        size = list_names(fd, names->allocated, SDME_ATTRIBUTE_MAX);
    }
    if (size < 0 && errno != ENOTSUP) {
        int code = -errno;

        sdme_attribute_names_free(names);
        return code;
    }
    names->size = size < 0 ? 0 : (size_t) size;
    if (are_names(names->names, names->size))
        return 0;
    sdme_attribute_names_free(names);
    return -EBADMSG;
}

void sdme_attribute_names_free(struct sdme_attribute_names *names)
{
    free(names->allocated);
    names->allocated = NULL;
}

int sdme_file_filesystem(int root_fd, const char *path, struct sdme_filesystem *ret_filesystem,
                         struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;
    struct statfs found;

    int code = open_handle(root_fd, path, true, &fd, error);
    if (code < 0)
        return code;
    if (fstatfs(fd, &found) < 0)
        return sdme_fail(error, errno, "statfs %s", path);
    uint64_t block = (uint64_t) (found.f_frsize ? found.f_frsize : found.f_bsize);
    struct sdme_filesystem filesystem = {
        .magic = (uint64_t) found.f_type & UINT32_MAX,
        .size = found.f_blocks * block,
        .free = found.f_bavail * block,
        .files_free = found.f_ffree,
    };
    for (size_t i = 0; i < ELEMENTS(filesystems); i++)
        if (filesystems[i].magic == filesystem.magic)
            filesystem.type = filesystems[i].type;
    *ret_filesystem = filesystem;
    return 0;
}

static bool has_prefix(const char *name, const char *prefix)
{
    return !strncmp(name, prefix, strlen(prefix));
}

bool sdme_attribute_is_kept(const char *name)
{
    static const char *const left_out[] = {"trusted.overlay.", "trusted.sdme.", "trusted.SGI_ACL_",
                                           "trusted.xfs:"};

    for (size_t i = 0; i < ELEMENTS(left_out); i++)
        if (has_prefix(name, left_out[i]))
            return false;
    return has_prefix(name, "user.") || has_prefix(name, "trusted.") ||
           !strcmp(name, "security.capability") || !strcmp(name, "system.posix_acl_access") ||
           !strcmp(name, "system.posix_acl_default");
}

const char *sdme_file_type(mode_t mode)
{
    for (size_t i = 0; i < ELEMENTS(types); i++)
        if (types[i].number == (mode & S_IFMT))
            return types[i].name;
    return "unknown";
}

mode_t sdme_file_type_number(const char *type)
{
    for (size_t i = 0; i < ELEMENTS(types); i++)
        if (!strcmp(types[i].name, type))
            return types[i].number;
    return 0;
}
