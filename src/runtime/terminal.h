/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_TERMINAL_H
#define SDME_RUNTIME_TERMINAL_H

#include <stdbool.h>
#include <termios.h>

#include "error.h"

/* The size of a terminal in characters; -ENOTTY if it is none. Zeros are "not known". */
int sdme_terminal_size(int fd, unsigned int *ret_rows, unsigned int *ret_columns,
                       struct sdme_error *error);

/* Its foreground process group gets a SIGWINCH if that changes it. */
int sdme_terminal_set_size(int fd, unsigned int rows, unsigned int columns,
                           struct sdme_error *error);

/*
 * The terminal @fd is one whose foreground is another process group than ours. One that is not
 * our controlling terminal has no such rules.
 */
bool sdme_terminal_in_background(int fd);

/* What of a terminal is made raw, cfmakeraw(3). */
enum sdme_terminal_side {
    SDME_TERMINAL_INPUT = 1,  /* how keys are taken and echoed */
    SDME_TERMINAL_OUTPUT = 2, /* how output is processed */
    SDME_TERMINAL_ECHO = 4,   /* not raw: what is typed isn't shown, but the end of a line is */
};

/* A terminal that may have been made raw, and how it was before. */
struct sdme_terminal {
    int fd; /* the caller's; -1: there is none, and nothing below does anything */
    unsigned int sides;
    bool raw;   /* as it is in force now */
    bool saved; /* ever made raw; how it was before that: */
    struct termios before;
};

/*
 * Makes it raw, or raw again if somebody else changed it meanwhile, as a shell may that has just
 * put us into the foreground. Does nothing while we are in the background.
 */
int sdme_terminal_make_raw(struct sdme_terminal *terminal, struct sdme_error *error);

/* Puts everything back, unless we are in the background: then it is somebody else's by now. */
void sdme_terminal_restore(struct sdme_terminal *terminal);

#endif
