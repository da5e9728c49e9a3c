/* SPDX-License-Identifier: MIT */
#include "mount.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#include "util.h"

int sdme_mount_clone(const char *path, bool recursive, int *ret_fd, struct sdme_error *error)
{
    unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_NO_AUTOMOUNT;
    int fd = open_tree(AT_FDCWD, path, flags | (recursive ? AT_RECURSIVE : 0));

    if (fd < 0)
        return sdme_fail(error, errno, "clone mount %s", path);
    *ret_fd = fd;
    return 0;
}

int sdme_mount_map_owners(int mount_fd, int userns_fd, const char *path, struct sdme_error *error)
{
    struct mount_attr attributes = {
        .attr_set = MOUNT_ATTR_IDMAP,
        .userns_fd = (__u64) userns_fd,
    };

    if (mount_setattr(mount_fd, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0)
        return 0;
    if (errno == EINVAL || errno == EOPNOTSUPP)
        return sdme_fail_as(error, SDME_EUNSUPPORTED,
                            "%s: its filesystem has no ID-mapped mounts", path);
    return sdme_fail(error, errno, "map owners of %s", path);
}

int sdme_mount_restrict(int mount_fd, bool inert, struct sdme_error *error)
{
    struct mount_attr attributes = {
        .attr_set = MOUNT_ATTR_RDONLY | (inert ? MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID : 0),
    };

    if (mount_setattr(mount_fd, "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0)
        return sdme_fail(error, errno, "make a mount read-only");
    return 0;
}

static const char *skip_prefix(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);

    return !strncasecmp(text, prefix, length) && !strncmp(text + length, ": ", 2)
               ? text + length + 2
               : text;
}

/*
 * The kernel says why in words, each line behind "e ", "w " or "i ", the name of the module and
 * maybe what is mounted.
 */
static void read_reason(int context, const char *type, const char *what, char *buffer, size_t size)
{
    ssize_t length = read(context, buffer, size - 1);
    const char *reason = buffer;

    buffer[length > 0 ? length : 0] = '\0';
    buffer[strcspn(buffer, "\n")] = '\0';
    if (!strncmp(reason, "e ", 2))
        reason += 2;
    reason = skip_prefix(skip_prefix(reason, type), what);
    memmove(buffer, reason, strlen(reason) + 1);
}

int sdme_mount_fail(int context, int code, const char *type, const char *what,
                    struct sdme_error *error)
{
    char reason[256];

    read_reason(context, type, what, reason, sizeof reason);
    if (*reason)
        return sdme_fail_as(error, code, "mount %s: %s: %s", type, what, reason);
    return sdme_fail(error, code, "mount %s: %s", type, what);
}

static int set_option(int context, const char *type, const struct sdme_mount_option *option,
                      struct sdme_error *error)
{
    unsigned int command = option->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;

    if (fsconfig(context, command, option->key, option->value, 0) < 0)
        return sdme_mount_fail(context, errno, type, option->key, error);
    return 0;
}

int sdme_mount_filesystem(const struct sdme_mount_filesystem *filesystem, int *ret_fd,
                          struct sdme_error *error)
{
    const char *type = filesystem->type;
    const struct sdme_mount_option source = {"source", filesystem->source},
                                   read_only = {"ro", NULL};
    unsigned int attributes =
        (filesystem->read_only ? MOUNT_ATTR_RDONLY : 0) |
        (filesystem->inert ? MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC : 0);
    _cleanup_close_ int context = fsopen(type, FSOPEN_CLOEXEC);

    if (context < 0 && errno == ENODEV)
        return sdme_fail_as(error, SDME_EUNSUPPORTED, "mount %s: this kernel has no %s",
                            filesystem->source, type);
    if (context < 0)
        return sdme_fail(error, errno, "mount %s: %s", type, filesystem->source);
    int code = set_option(context, type, &source, error);
    if (code >= 0 && filesystem->read_only)
        code = set_option(context, type, &read_only, error);
    for (size_t i = 0; code >= 0 && filesystem->options[i].key; i++)
        code = set_option(context, type, &filesystem->options[i], error);
    if (code < 0)
        return code;
    if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return sdme_mount_fail(context, errno, type, filesystem->source, error);
    int fd = fsmount(context, FSMOUNT_CLOEXEC, attributes);
    if (fd < 0)
        return sdme_mount_fail(context, errno, type, filesystem->source, error);
    *ret_fd = fd;
    return 0;
}

int sdme_mount_attach(int mount_fd, int target_fd, const char *target, struct sdme_error *error)
{
    if (move_mount(mount_fd, "", target_fd, "",
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        return sdme_fail(error, errno, "mount on %s", target);
    return 0;
}

int sdme_mount_unshare(struct sdme_error *error)
{
    if (unshare(CLONE_NEWNS) < 0)
        return sdme_fail(error, errno, "unshare the mount namespace");
    if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
        return sdme_fail(error, errno, "stop mounts from propagating to the host");
    return 0;
}

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape(char *text)
{
    char *out = text;

    while (*text) {
        if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
            text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
            *out++ = (char) ((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
            text += 4;
        } else {
            *out++ = *text++;
        }
    }
    *out = '\0';
}

/* The next word of *line, unescaped; NULL when there is none. */
static char *next_word(char **line)
{
    char *word = strsep(line, " \n");

    if (!word)
        return NULL;
    unescape(word);
    return *word ? word : NULL;
}

/* The number that is all of @word; -1 if there is none. */
static int to_id(const char *word)
{
    char *end;

    if (!word || !isdigit((unsigned char) *word))
        return -1;
    long number = strtol(word, &end, 10);
    return *end || number > INT_MAX ? -1 : (int) number;
}

bool sdme_mount_parse(char *line, struct sdme_mount *ret)
{
    struct sdme_mount mount = {.id = to_id(next_word(&line)), .parent = to_id(next_word(&line))};
    const char *device = next_word(&line), *optional;

    mount.root = next_word(&line);
    mount.target = next_word(&line);
    mount.options = next_word(&line);
    do
        optional = strsep(&line, " ");
    while (optional && strcmp(optional, "-") != 0);
    mount.type = next_word(&line);
    mount.source = next_word(&line); /* none at all is a source too */
    if (mount.id < 0 || mount.parent < 0 || !device || !mount.root || !mount.target ||
        !mount.options || !mount.type)
        return false;
    *ret = mount;
    return true;
}

int sdme_mount_list(int (*each)(const struct sdme_mount *mount, void *context), void *context,
                    struct sdme_error *error)
{
    _cleanup_fclose_ FILE *table = fopen("/proc/self/mountinfo", "re");
    _cleanup_free_ char *line = NULL;
    size_t size = 0;
    int result = 0;

    if (!table)
        return sdme_fail(error, errno, "open /proc/self/mountinfo");
    while (result >= 0 && getline(&line, &size, table) > 0) {
        struct sdme_mount mount;

        if (!sdme_mount_parse(line, &mount))
            return sdme_fail_as(error, SDME_EFORMAT, "/proc/self/mountinfo: no mount: %s", line);
        result = each(&mount, context);
    }
    if (result >= 0 && !feof(table)) /* half a list is worse than none */
        return sdme_fail(error, errno, "read /proc/self/mountinfo");
    return result < 0 ? result : 0;
}
