/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <errno.h>

#include "runtime/path.h"

/* A path is its directory and its name and slashes, and the name is one that a file can have. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *path = to_text(data, size), directory[PATH_MAX], name[NAME_MAX + 1];
    int code = sdme_path_split(path, directory, name);

    if (code == 0) {
        size_t start = strcmp(directory, ".") == 0 && path[0] != '.' ? 0 : strlen(directory);

        if (!strcmp(directory, ".") && strncmp(path, "./", 2) != 0)
            start = 0;
        MUST(*name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
        MUST(start == 0 || (!strncmp(path, directory, start) && directory[start - 1] == '/'));
        MUST(!strncmp(path + start, name, strlen(name)));
        MUST(strspn(path + start + strlen(name), "/") == strlen(path + start + strlen(name)));
    } else {
        MUST(code == -EINVAL || code == -ENOENT || code == -ENAMETOOLONG);
        MUST((code == -ENOENT) == (*path == '\0'));
    }
    free(path);
    return 0;
}
