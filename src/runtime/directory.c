/* SPDX-License-Identifier: MIT */
#include "directory.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

enum {
    READ_AT_ONCE = 32 * 1024,
};

/* The records of getdents64(2), one after another. */
struct records {
    char *bytes;
    size_t used;
    size_t size;
};

static int read_records(int fd, struct records *records)
{
    if (lseek(fd, 0, SEEK_SET) < 0)
        return -errno;
    for (;;) {
        if (records->size - records->used < READ_AT_ONCE) {
            size_t size = records->size ? records->size * 2 : READ_AT_ONCE;
            char *bytes = realloc(records->bytes, size);

            if (!bytes)
                return -ENOMEM;
            records->bytes = bytes;
            records->size = size;
        }
        ssize_t count =
            getdents64(fd, records->bytes + records->used, records->size - records->used);
        if (count < 0)
            return -errno;
        if (count == 0)
            return 0;
        records->used += (size_t) count;
    }
}

/* Many directories are held at once in a deep tree, most of them small. */
static void give_back_the_rest(struct records *records)
{
    char *bytes = realloc(records->bytes, records->used + 1);

    if (bytes)
        records->bytes = bytes;
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static size_t count_names(const struct records *records)
{
    size_t count = 0;

    for (size_t at = 0; at < records->used;) {
        const struct dirent64 *record = (const void *) (records->bytes + at);

        count += !is_dots(record->d_name);
        at += record->d_reclen;
    }
    return count;
}

int sdme_names_read(int fd, const char *path, struct sdme_names *ret_names,
                    struct sdme_error *error)
{
    struct records records = {0};
    struct sdme_names names = {0};

    int code = read_records(fd, &records);
    if (code >= 0) {
        give_back_the_rest(&records);
        names.entries = malloc((count_names(&records) + 1) * sizeof *names.entries);
    }
    if (!names.entries) {
        free(records.bytes);
        return sdme_fail(error, code < 0 ? code : ENOMEM, "read directory %s", path);
    }
    for (size_t at = 0; at < records.used;) {
        struct dirent64 *record = (void *) (records.bytes + at);

        if (!is_dots(record->d_name))
            names.entries[names.count++] = (struct sdme_name){record->d_type, record->d_name};
        at += record->d_reclen;
    }
    names.text = records.bytes;
    *ret_names = names;
    return 0;
}

void sdme_names_free(struct sdme_names *names)
{
    free(names->entries);
    free(names->text);
    *names = (struct sdme_names){0};
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct sdme_name *) a)->name, ((const struct sdme_name *) b)->name);
}

void sdme_names_sort(struct sdme_names *names)
{
    qsort(names->entries, names->count, sizeof *names->entries, compare_names);
}
