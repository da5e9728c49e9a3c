/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <stdio.h>

#include "runtime/mount.h"

/*
 * Any line: what is found lies in it. Words with a NUL behind each: written as the kernel writes
 * them (show_mountinfo() and mangle(), fs/proc_namespace.c), they come back as they were.
 */
static void read_anything(const uint8_t *data, size_t size)
{
    char *line = to_text(data, size);
    struct sdme_mount mount;

    if (sdme_mount_parse(line, &mount)) {
        const char *const words[] = {mount.root, mount.target, mount.options, mount.type};

        MUST(mount.id >= 0 && mount.parent >= 0);
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            MUST(words[i] >= line && words[i] + strlen(words[i]) <= line + size && *words[i]);
        MUST(!mount.source || (mount.source > mount.type && *mount.source));
    }
    free(line);
}

static void mangle(FILE *line, const char *word)
{
    for (; *word; word++) {
        if (strchr(" \t\n\\#", *word))
            fprintf(line, "\\%03o", (unsigned int) (unsigned char) *word);
        else
            fputc(*word, line);
    }
}

static void read_back(char *const words[5], unsigned int id)
{
    char *text = NULL;
    size_t size = 0;
    FILE *line = open_memstream(&text, &size);
    struct sdme_mount mount;

    MUST(line);
    fprintf(line, "%u %u 0:%u ", id, id / 2, id);
    mangle(line, words[0]);
    fputc(' ', line);
    mangle(line, words[1]);
    fputs(" rw", line);
    mangle(line, words[2]);
    fputs(id % 3 ? " shared:1 master:2 - " : " - ", line);
    mangle(line, words[3]);
    fputc(' ', line);
    mangle(line, words[4]);
    fputs(" rw,size=1k\n", line);
    fclose(line);
    MUST(sdme_mount_parse(text, &mount));
    MUST(mount.id == (int) id && mount.parent == (int) id / 2);
    MUST(!strcmp(mount.root, words[0]) && !strcmp(mount.target, words[1]));
    MUST(!strncmp(mount.options, "rw", 2) && !strcmp(mount.options + 2, words[2]));
    MUST(!strcmp(mount.type, words[3]));
    MUST(*words[4] ? mount.source && !strcmp(mount.source, words[4]) : !mount.source);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = to_text(data, size), *words[5];
    size_t at = 0, count = 0;

    read_anything(data, size);
    for (; count < 5 && at < size; count++) {
        words[count] = text + at;
        at += strlen(words[count]) + 1;
    }
    if (count == 5 && *words[0] && *words[1] && *words[3])
        read_back(words, (unsigned int) size);
    free(text);
    return 0;
}
