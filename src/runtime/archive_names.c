/* SPDX-License-Identifier: MIT */
#include "archive_names.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "archive_pax.h"
#include "file.h"
#include "path.h"
#include "util.h"

enum { SIZE_MAX_READ = 1 << 20 };

/* Nobody else changes the tree between the two: so a device isn't opened. There may be no /proc. */
static int open_regular(int root, const char *path)
{
    _cleanup_close_ int found = -1;
    struct stat file;
    int fd;

    if (sdme_path_open(root, path, O_PATH, 0, &found, NULL) < 0 || fstat(found, &file) < 0 ||
        !S_ISREG(file.st_mode) || sdme_path_open(root, path, O_RDONLY, 0, &fd, NULL) < 0)
        return -1;
    return fd;
}

static void read_names(int root, const char *path, char **ret_text, size_t *ret_size)
{
    _cleanup_close_ int fd = open_regular(root, path);
    _cleanup_free_ char *text = NULL;
    size_t size;

    if (fd < 0)
        return;
    text = malloc(SIZE_MAX_READ + 1);
    if (!text || sdme_file_read(fd, text, SIZE_MAX_READ + 1, &size, path, NULL) < 0 ||
        size > SIZE_MAX_READ)
        return;
    *ret_text = text;
    *ret_size = size;
    text = NULL;
}

void sdme_archive_names_read(int root, struct sdme_archive_names *ret_names)
{
    static const char *const paths[] = {"etc/passwd", "etc/group"};
    struct sdme_archive_names names = {0};

    for (size_t i = 0; i < ELEMENTS(paths); i++)
        read_names(root, paths[i], &names.text[i], &names.size[i]);
    *ret_names = names;
}

void sdme_archive_names_free(struct sdme_archive_names *names)
{
    for (size_t i = 0; i < ELEMENTS(names->text); i++)
        free(names->text[i]);
}

/* The third field of "NAME:PASSWORD:NUMBER:...". */
static bool read_line(const char *line, const char *end, const char *name, size_t size,
                      uint64_t *ret_id)
{
    if ((size_t) (end - line) <= size || memcmp(line, name, size) != 0 || line[size] != ':')
        return false;
    const char *number = memchr(line + size + 1, ':', (size_t) (end - line) - size - 1);
    if (!number++)
        return false;
    const char *colon = memchr(number, ':', (size_t) (end - number));
    struct sdme_tar_text text = {number, (size_t) ((colon ? colon : end) - number)};
    return sdme_pax_number(text, ret_id) && *ret_id < UINT32_MAX;
}

bool sdme_archive_names_find(const struct sdme_archive_names *names, bool is_group,
                             const char *name, size_t size, uint64_t *ret_id)
{
    const char *line = names->text[is_group];
    const char *end = line ? line + names->size[is_group] : NULL;

    while (line < end) {
        const char *newline = memchr(line, '\n', (size_t) (end - line));
        const char *line_end = newline ? newline : end;

        if (read_line(line, line_end, name, size, ret_id))
            return true;
        line = newline ? newline + 1 : end;
    }
    return false;
}
