/* SPDX-License-Identifier: MIT */
#include "signal.h"

#include <ctype.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool exists(long number)
{
    if (number < 1 || number > SIGRTMAX)
        return false;
    /* What lies between is the C library's own (see nptl(7)). */
    return number >= SIGRTMIN || sigabbrev_np((int) number);
}

/* A number without sign or space; -1 if it is none. */
static long parse_number(const char *text)
{
    char *end;

    if (!isdigit((unsigned char) *text))
        return -1;
    long number = strtol(text, &end, 10);
    return *end || number > INT_MAX ? -1 : number;
}

/* "RTMIN", "RTMIN+3", "RTMAX-1": 0 if @name is none of them. */
static long realtime_number(const char *name)
{
    static const struct {
        const char *name;
        char sign;
    } ends[] = {{"RTMIN", '+'}, {"RTMAX", '-'}};

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t length = strlen(ends[i].name);
        long base = ends[i].sign == '+' ? SIGRTMIN : SIGRTMAX;

        if (strncmp(name, ends[i].name, length) != 0)
            continue;
        if (!name[length])
            return base;
        long offset = name[length] == ends[i].sign ? parse_number(name + length + 1) : -1;
        if (offset < 0 || offset > SIGRTMAX - SIGRTMIN)
            return 0;
        return ends[i].sign == '+' ? base + offset : base - offset;
    }
    return 0;
}

int sdme_signal_number(const char *name)
{
    long number = parse_number(name);

    if (number >= 0)
        return exists(number) ? (int) number : 0;
    if (!strncmp(name, "SIG", 3))
        name += 3;
    for (int candidate = 1; candidate < SIGRTMIN; candidate++) {
        const char *abbreviation = sigabbrev_np(candidate);

        if (abbreviation && !strcmp(abbreviation, name))
            return candidate;
    }
    return (int) realtime_number(name);
}

const char *sdme_signal_name(int number, char *buffer)
{
    if (!exists(number))
        return NULL;
    if (number >= SIGRTMIN)
        snprintf(buffer, SDME_SIGNAL_NAME_SIZE, number == SIGRTMIN ? "RTMIN" : "RTMIN+%d",
                 number - SIGRTMIN);
    else
        snprintf(buffer, SDME_SIGNAL_NAME_SIZE, "%s", sigabbrev_np(number));
    return buffer;
}
