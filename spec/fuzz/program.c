/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <stdio.h>
#include <unistd.h>

#include "runtime/process.h"

/* The first line is a name, the rest is PATH: what is found lies directly in a directory of it. */
static bool is_listed(const char *directories, const char *directory, size_t length)
{
    for (const char *at = directories;; at += strcspn(at, ":") + 1) {
        if (strcspn(at, ":") == length && !strncmp(at, directory, length))
            return true;
        if (!at[strcspn(at, ":")])
            return false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = to_text(data, size), *variable = NULL, *path = NULL;
    size_t length = strcspn(text, "\n");
    const char *directories = text[length] ? text + length + 1 : text + length;
    char *name = to_text(data, length);

    MUST(asprintf(&variable, "PATH=%s", directories) >= 0);
    char *const environment[] = {variable, NULL};
    struct sdme_error error = {0};
    int code = sdme_process_find(name, environment, &path, &error);

    MUST(code < 0 ? !path && error.code == -code : !!path);
    if (path && strchr(name, '/')) {
        MUST(!strcmp(path, name));
    } else if (path) {
        size_t end = strlen(path) - strlen(name);

        MUST(*name && path[0] == '/' && path[end - 1] == '/' && !strcmp(path + end, name));
        MUST(is_listed(directories, path, end - 1));
        MUST(access(path, X_OK) == 0);
    }
    free(path);
    free(variable);
    free(name);
    free(text);
    return 0;
}
