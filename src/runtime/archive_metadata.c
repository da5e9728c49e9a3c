/* SPDX-License-Identifier: MIT */
#include "archive_metadata.h"

#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#include "archive_attribute.h"
#include "util.h"

static const char acl_access[] = "system.posix_acl_access";
static const char acl_default[] = SDME_ACL_DEFAULT;

static int set_attribute(const struct sdme_archive_target *target, const char *name,
                         const void *value, size_t size, struct sdme_error *error)
{
    int result;

    if (target->fd >= 0)
        result = fsetxattr(target->fd, name, value, size, 0);
    else if (fchdir(target->directory) < 0)
        result = -1;
    else
        result = lsetxattr(target->name, name, value, size, 0);
    return result < 0 ? sdme_fail(error, errno, "set %s", name) : 0;
}

/* Those that aren't in an archive because they say no more than the mode. */
static bool is_minimal_acl(size_t size)
{
    return size <= 4 + 3 * 8;
}

/* A device has no descriptor to know it by at the end. */
static int wait_for_names(const struct sdme_archive_target *target, const char *name,
                          struct sdme_tar_text text, struct sdme_error *error)
{
    if (target->fd < 0)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "the ACL of what is no file or directory has a name without a number: "
                            "tar(1) writes numbers with --numeric-owner");
    return sdme_archive_pending_add(target->pending, target->fd, target->path, name, text, error);
}

static int set_acl(struct sdme_archive_target *target, const char *name, struct sdme_tar_text text,
                   struct sdme_error *error)
{
    unsigned char acl[SDME_ACL_MAX];
    size_t size;

    if (!text.data)
        return 0;
    int code = sdme_archive_acl(text.data, text.size, NULL, acl, &size, error);
    if (code == -ESRCH)
        return wait_for_names(target, name, text, error);
    if (code < 0)
        return code;
    if (name == acl_access && is_minimal_acl(size))
        return 0;
    if (name == acl_default)
        target->has_default_acl = true;
    return set_attribute(target, name, acl, size, error);
}

static int set_kept(struct sdme_archive_target *target, const struct sdme_tar_attribute *attribute,
                    struct sdme_error *error)
{
    const char *name = attribute->name.data;
    struct sdme_tar_text value = attribute->value;
    enum sdme_archive_attribute what = sdme_archive_attribute(name);

    if (!strcmp(name, acl_default))
        target->has_default_acl = true;
    if (what == SDME_ATTRIBUTE_SET)
        return set_attribute(target, name, value.data, value.size, error);
    if (what == SDME_ATTRIBUTE_TRUSTED)
        return target->set_trusted(target->context, target->path, name, value.data, value.size,
                                   error);
    return 0;
}

/* The weak ones first, so that others replace them. */
static int set_all_kept(struct sdme_archive_target *target, const struct sdme_tar_entry *entry,
                        struct sdme_error *error)
{
    int code = 0;

    for (int weak = 1; weak >= 0; weak--)
        for (size_t i = 0; i < entry->attribute_count && code >= 0; i++)
            if (entry->attributes[i].weak == weak)
                code = set_kept(target, &entry->attributes[i], error);
    return code;
}

static int set_attributes(struct sdme_archive_target *target, const struct sdme_tar_entry *entry,
                          struct sdme_error *error)
{
    int code = set_all_kept(target, entry, error);

    if (code >= 0)
        code = set_acl(target, acl_access, entry->acl_access, error);
    if (code >= 0 && entry->type == S_IFDIR)
        code = set_acl(target, acl_default, entry->acl_default, error);
    return code;
}

static int set_owner(const struct sdme_archive_target *target, const struct sdme_tar_entry *entry)
{
    if (target->is_roots && entry->uid == 0 && entry->gid == 0)
        return 0;
    if (target->fd >= 0)
        return fchown(target->fd, entry->uid, entry->gid);
    return fchownat(target->directory, target->name, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW);
}

static int set_mode(const struct sdme_archive_target *target, const struct sdme_tar_entry *entry)
{
    if (S_ISLNK(entry->type))
        return 0;
    if (target->fd >= 0)
        return fchmod(target->fd, entry->mode);
    return fchmodat(target->directory, target->name, entry->mode, 0);
}

/* What the directory has given to a new file. */
static int take_acl_back(const struct sdme_archive_target *target,
                         const struct sdme_tar_entry *entry)
{
    int result;

    if (!target->inherits_acl || S_ISLNK(entry->type))
        return 0;
    if (target->fd >= 0) {
        fremovexattr(target->fd, acl_default); /* of a directory; others have none */
        result = fremovexattr(target->fd, acl_access);
    } else {
        result = fchdir(target->directory) < 0 ? -1 : lremovexattr(target->name, acl_access);
    }
    return result < 0 && errno == ENODATA ? 0 : result;
}

/*
 * All but the content. The order matters: a new owner takes setuid bits and capabilities away, an
 * ACL changes the mode, and all of them change the times.
 */
int sdme_archive_set_metadata(struct sdme_archive_target *target,
                              const struct sdme_tar_entry *entry, struct sdme_error *error)
{
    const struct timespec times[2] = {entry->atime, entry->mtime};
    bool has_mode = target->is_new && S_ISREG(entry->type) && !(entry->mode & 07000) &&
                    !entry->acl_access.data && !target->inherits_acl && entry->attribute_count == 0;

    if (set_owner(target, entry) < 0)
        return sdme_fail(error, errno, "set the owner");
    if (take_acl_back(target, entry) < 0)
        return sdme_fail(error, errno, "set the ACL");
    int code = set_attributes(target, entry, error);
    if (code < 0)
        return code;
    if (!has_mode && set_mode(target, entry) < 0)
        return sdme_fail(error, errno, "set the mode");
    int result = target->fd >= 0
                     ? futimens(target->fd, times)
                     : utimensat(target->directory, target->name, times, AT_SYMLINK_NOFOLLOW);
    return result < 0 ? sdme_fail(error, errno, "set the times") : 0;
}
