/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_LINE_EDITOR_H
#define SDME_RUNTIME_LINE_EDITOR_H

#include <stddef.h>

#include "error.h"

/*
 * Lines that somebody types on a terminal, edited as editline(7) does it, with a history and
 * completion. libedit is loaded when the first editor is opened (editline(3)).
 */
struct sdme_line_editor;

/* What to do about a line that is to be completed; both malloc(3)ed, or NULL. */
struct sdme_line_completion {
    char *inserted; /* goes in at the cursor */
    char *listing;  /* is shown below the line: whole lines without a newline at the end */
};

struct sdme_line_editor_options {
    int input; /* terminals; both are the caller's, and outlive the editor */
    int output;
    int interrupt;       /* readable once reading shall end with -EINTR; -1: none */
    int resize;          /* a signalfd(2) for SIGWINCH, which is read; -1: none */
    const char *program; /* what lines of ~/.editrc are for besides those for all (editrc(5)) */

    /* @before is the line up to the cursor, in UTF-8. NULL: Tab does nothing. */
    void (*complete)(void *data, const char *before, struct sdme_line_completion *ret);
    void *data;
};

/* -SDME_EUNSUPPORTED if there is no libedit, -ENOTTY if one of the two is no terminal. */
int sdme_line_editor_open(const struct sdme_line_editor_options *options,
                          struct sdme_line_editor **ret_editor, struct sdme_error *error);

/*
 * Shows @prompt and reads a line: 1 with the line in UTF-8, to be free(3)d, without its newline; 0
 * at the end of input (Ctrl-D on an empty line). -EINTR at Ctrl-C, and when the interrupt becomes
 * readable, which is left to the caller. The terminal is in its usual mode before and after.
 * What is typed as Ctrl-Z stops the process group, as a terminal would have done.
 */
int sdme_line_editor_read(struct sdme_line_editor *editor, const char *prompt, char **ret_line,
                          struct sdme_error *error);

/* What the keys for earlier lines show: @count of them, the oldest first. They are copied. */
int sdme_line_editor_set_history(struct sdme_line_editor *editor, char *const *lines, size_t count,
                                 struct sdme_error *error);

/* NULL does nothing. */
void sdme_line_editor_close(struct sdme_line_editor *editor);

#endif
