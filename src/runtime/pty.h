/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_PTY_H
#define SDME_RUNTIME_PTY_H

#include <limits.h>
#include <math.h>
#include <stdbool.h>

#include "error.h"
#include "stream.h"
#include "terminal.h"

/* A new pty, pty(7): both ends, and the path of the slave. */
int sdme_pty_open(int *ret_master, int *ret_slave, char ret_path[static PATH_MAX],
                  struct sdme_error *error);

/*
 * Looks for ^] three times in a row and within a second, whether they come in one read or in
 * three: true with the third one. @now in seconds, as of sdme_now().
 */
struct sdme_escape {
    double before_last, last; /* when they were typed; -INFINITY: not in this row */
};
#define SDME_ESCAPE_NONE ((struct sdme_escape){-INFINITY, -INFINITY})
bool sdme_escape_scan(struct sdme_escape *escape, const char *typed, size_t count, double now);

struct sdme_forward_options {
    int master;
    int input, output; /* terminals or not */
    bool escape;       /* ^] three times within a second, typed at a terminal, ends it */
    /*
     * A hang-up is not the end, only sdme_forward_drain() leads to it: systemd opens, resets and
     * closes a terminal before the program that will use it does.
     */
    bool until_drained;
    int resize; /* becomes readable when a window changed, and is read empty; -1: none */
};

/*
 * Joins the caller's terminal with a pty master: what is typed goes there, what comes from there
 * is shown. The caller's descriptors stay his and as they are; his terminals are raw until this
 * is closed. While we are in the background of a terminal, nothing is read from it.
 *
 * The size of the caller's terminal is passed on at each step that finds it changed.
 */
struct sdme_forward {
    struct sdme_stream master, input, output, resize;
    struct sdme_terminal typing, showing; /* what is raw of @input and @output */
    int epoll;                            /* ready when there is something to do; -1 when closed */
    bool escape;
    bool input_ended;
    bool until_drained;
    bool hung_up; /* for now */
    bool draining;
    char last;         /* the last byte of input */
    struct sdme_escape escaping;
    double background; /* when we were last seen in the background of a terminal */
    unsigned int rows, columns;
    struct sdme_buffer typed, shown;
};

enum {
    SDME_FORWARD_HANGUP = 1, /* the pty has no users any more or is drained; all is shown */
    SDME_FORWARD_ESCAPED = 2,
};

/* On failure *ret_forward is closed, and no terminal is raw. */
int sdme_forward_open(const struct sdme_forward_options *options, struct sdme_forward *ret_forward,
                      struct sdme_error *error);

/*
 * Goes on as far as it can without waiting: 0, or SDME_FORWARD_* at the end. An input that ends
 * is told to the pty by its end-of-file character (termios(3), VEOF), and output goes on. -EPIPE
 * when nobody reads the output any more.
 */
int sdme_forward_step(struct sdme_forward *forward, struct sdme_error *error);

/* Seconds after which to step even if nothing is ready; negative: never. */
double sdme_forward_timeout(const struct sdme_forward *forward);

/* From now on it ends as soon as the pty has nothing more to show, even if it is still in use. */
void sdme_forward_drain(struct sdme_forward *forward);

/* Puts the caller's terminals back. */
void sdme_forward_close(struct sdme_forward *forward);

#endif
