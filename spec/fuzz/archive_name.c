/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <stdio.h>

#include "runtime/archive_attribute.h"
#include "runtime/archive_pax.h"
#include "runtime/archive_path.h"

/* A path that comes through leads nowhere but down, and comes through again as it is. */
static void clean(const char *text, size_t size)
{
    struct sdme_archive_path path, again;

    if (sdme_archive_path_clean(text, size, 1000, 20, &path, NULL) < 0)
        return;
    MUST(path.size <= 1000 && strlen(path.text) == path.size && path.name <= path.size);
    MUST(path.text[0] != '/' && !strstr(path.text, "//"));
    for (const char *at = path.text; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
        size_t length = strcspn(at, "/");

        MUST(length <= 255 && (length > 0 || path.size == 0));
        MUST(!(length == 1 && at[0] == '.') && !(length == 2 && at[0] == '.' && at[1] == '.'));
    }
    MUST(path.name == 0 || path.text[path.name - 1] == '/');
    MUST(!strchr(path.text + path.name, '/'));
    if (path.size > 0) {
        MUST(sdme_archive_path_clean(path.text, path.size, 1000, 20, &again, NULL) == 0);
        MUST(again.size == path.size && again.name == path.name && !strcmp(again.text, path.text));
    }
    if (sdme_archive_path_mark(&path) == SDME_MARK_WHITEOUT) {
        const char *target = path.text + path.name + strlen(SDME_WHITEOUT_PREFIX);

        MUST(*target && strcmp(target, ".") != 0 && strcmp(target, "..") != 0);
    }
}

/* What steers an overlay is never set from an archive. */
static void choose(const char *name)
{
    enum sdme_archive_attribute what = sdme_archive_attribute(name);

    if (strstr(name, ".overlay.") == strchr(name, '.') && strchr(name, '.'))
        MUST(what == SDME_ATTRIBUTE_LEFT_OUT);
    MUST(what != SDME_ATTRIBUTE_TRUSTED || !strncmp(name, "trusted.", 8));
}

static void read_acl(const char *text, size_t size)
{
    static unsigned char value[SDME_ACL_MAX];
    size_t length;

    char users[] = "root:x:0:0::/:\nweb:x:1000:1000::/:\nbroken::\n", groups[] = "adm:x:4:";
    const struct sdme_archive_names names = {
        .text = {users, groups},
        .size = {sizeof users - 1, sizeof groups - 1},
    };

    if (sdme_archive_acl(text, size, &names, value, &length, NULL) == 0)
        MUST(length >= 28 && length <= sizeof value && length % 8 == 4);
}

static void read_values(const char *text, size_t size)
{
    struct sdme_tar_text value = {text, size};
    struct timespec time;
    uint64_t number;

    if (sdme_pax_time(value, &time))
        MUST(time.tv_nsec >= 0 && time.tv_nsec < 1000000000);
    if (sdme_pax_number(value, &number) && size < 20 && text[0] != '0') {
        char again[24];

        snprintf(again, sizeof again, "%llu", (unsigned long long) number);
        MUST(!strcmp(again, text));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = to_text(data, size);

    clean(text, size);
    choose(text);
    read_acl(text, size);
    read_values(text, size);
    free(text);
    return 0;
}
