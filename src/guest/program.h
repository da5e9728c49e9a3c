/* SPDX-License-Identifier: MIT */
/* How each of these programs begins, reads its options, fails, and executes a command. */
#ifndef SDME_GUEST_PROGRAM_H
#define SDME_GUEST_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/* As env(1) and docker-run(1) have it. */
enum {
    STATUS_FAILED = 125,
    STATUS_NOT_EXECUTABLE = 126,
    STATUS_NOT_FOUND = 127,
};

/* Each program defines these. */
extern const char program_name[];
int program_main(char **argv, char **env);

/*
 * An option that a program knows: with a value, or, if @flag isn't NULL, without one. @name is
 * without its dashes. The last one given counts.
 */
struct option {
    const char *name;
    const char **value;
    bool *flag;
};

/*
 * Reads the options up to "--" (or the first other word) and returns the command behind them, which
 * is not empty; ends the program if it can't. "--name=value" is "--name value".
 */
char **program_options(char **argv, const struct option *options, size_t count);

/* One line on stderr, "PROGRAM: PART PART...", control characters escaped, and the end. */
#define program_fail(status, ...) program_fail_((status), (const char *const[]){__VA_ARGS__, NULL})
__attribute__((noreturn)) void program_fail_(int status, const char *const *parts);

/* The same with the errno of a failed system call behind it. */
#define program_fail_errno(status, result, ...)                                                    \
    program_fail_((status),                                                                        \
                  (const char *const[]){__VA_ARGS__, ": ", program_error((int) (result)), NULL})
const char *program_error(int negative_errno);

/* One line on stderr, as program_fail has it, and on we go. */
#define program_say(...) program_say_((const char *const[]){__VA_ARGS__, NULL})
void program_say_(const char *const *parts);

/*
 * Who has had us started by request.c waits at the other end of descriptor 3, a socket that keeps
 * messages apart. What comes there are signals, a byte each; its end is that of who waits. What
 * goes out is CONTROL_BEGUN, and CONTROL_ENDED and our exit status, however we end.
 */
enum {
    PROGRAM_CONTROL = 3,
    CONTROL_BEGUN = 'B',
    CONTROL_ENDED = 'S',
    CONTROL_REFUSED = 'E', /* of the host's broker, and its reason */
};

/* From here on we are controlled so. */
void program_take_control(void);

/* In a child: we aren't. */
void program_leave_control(void);

/* PROGRAM_CONTROL, or -1. */
int program_control(void);

/* exit(2), and tells who waits. */
__attribute__((noreturn)) void program_end(int status);

/* Closes all but the standard descriptors, and that of who waits. */
void program_close_others(void);

/* The value of a variable, or NULL. */
const char *program_variable(char *const *env, const char *name);

/*
 * Becomes the command, which is searched for in env's PATH if it has no slash. Directories there
 * that aren't absolute are left out: what lies in the working directory is no command.
 */
_Noreturn void program_execute(char *const *argv, char *const *env);

#endif
