/* SPDX-License-Identifier: MIT */
#include "archive_pending.h"

#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#include "archive_attribute.h"
#include "archive_names.h"
#include "util.h"

/* Each has a descriptor: its path may be another file's at the end. */
enum { PENDING_MAX = 256 };

struct pending_acl {
    int fd;
    const char *name;
    char *path;
    char *acl;
    size_t size;
};

struct sdme_archive_pending {
    int root;
    size_t count;
    struct pending_acl acls[PENDING_MAX];
};

int sdme_archive_pending_new(int root, struct sdme_archive_pending **ret_pending,
                             struct sdme_error *error)
{
    struct sdme_archive_pending *pending = calloc(1, sizeof *pending);

    if (!pending)
        return sdme_fail(error, ENOMEM, "an ACL");
    pending->root = root;
    *ret_pending = pending;
    return 0;
}

static void clear(struct sdme_archive_pending *pending)
{
    for (size_t i = 0; i < pending->count; i++) {
        sdme_close(pending->acls[i].fd);
        free(pending->acls[i].path);
        free(pending->acls[i].acl);
    }
    pending->count = 0;
}

void sdme_archive_pending_free(struct sdme_archive_pending *pending)
{
    if (pending)
        clear(pending);
    free(pending);
}

int sdme_archive_pending_add(struct sdme_archive_pending *pending, int fd, const char *path,
                             const char *name, struct sdme_tar_text acl, struct sdme_error *error)
{
    if (pending->count == PENDING_MAX) {
        int code = sdme_archive_pending_set(pending, error);
        if (code < 0)
            return code;
    }
    struct pending_acl one = {
        .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
        .name = name,
        .path = strdup(path),
        .acl = malloc(acl.size),
        .size = acl.size,
    };

    if (one.acl)
        memcpy(one.acl, acl.data, acl.size);
    pending->acls[pending->count++] = one;
    if (one.fd < 0 || !one.path || !one.acl)
        return sdme_fail(error, one.fd < 0 ? errno : ENOMEM, "an ACL");
    return 0;
}

/* The group's bits of the mode are those of the mask; setid bits may go with a change of either. */
static int set_acl(const struct pending_acl *one, const struct sdme_archive_names *names,
                   struct sdme_error *error)
{
    unsigned char value[SDME_ACL_MAX];
    struct stat file;
    size_t size;

    int code = sdme_archive_acl(one->acl, one->size, names, value, &size, error);
    if (code < 0)
        return code;
    if (fstat(one->fd, &file) < 0 || fsetxattr(one->fd, one->name, value, size, 0) < 0 ||
        fchmod(one->fd, file.st_mode & 07777) < 0)
        return sdme_fail(error, errno, "set %s", one->name);
    return 0;
}

int sdme_archive_pending_set(struct sdme_archive_pending *pending, struct sdme_error *error)
{
    struct sdme_archive_names names;
    int code = 0;

    if (pending->count == 0)
        return 0;
    sdme_archive_names_read(pending->root, &names);
    for (size_t i = 0; i < pending->count && code >= 0; i++) {
        code = set_acl(&pending->acls[i], &names, error);
        if (code < 0)
            sdme_fail_in(error, code, "'%.200s'", pending->acls[i].path);
    }
    sdme_archive_names_free(&names);
    clear(pending);
    return code;
}
