/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_PROCESS_H
#define SDME_RUNTIME_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"
#include "user.h"

/* What a standard stream of a child may be instead of a descriptor of ours. */
enum {
    SDME_STREAM_INHERIT = -1, /* ours of the same number; /dev/null if we have none */
    SDME_STREAM_NULL = -2,
    SDME_STREAM_PIPE = -3, /* a new pipe, whose other end we get */
};

/* The child finds our @source under the number @target. */
struct sdme_descriptor {
    int source;
    int target;
};

/*
 * A program to start. The child has default signal dispositions, an empty signal mask, the
 * descriptors named here and no others.
 */
struct sdme_spawn {
    /*
     * A name without a slash is looked for in the absolute directories of PATH: the one in
     * @environment, else ours. A relative path counts from @directory.
     */
    char *const *argv;
    char *const *environment;                  /* all of it; NULL: ours */
    const char *directory;                     /* NULL: ours */
    int streams[3];                            /* a descriptor of ours, or SDME_STREAM_* */
    const struct sdme_descriptor *descriptors; /* any besides 0 to 2; no target twice */
    size_t descriptor_count;
    const struct sdme_user *user; /* NULL: who we are */
    bool session;                 /* setsid(2) */
    int terminal;                 /* becomes its controlling terminal (needs @session); -1: none */
    int death_signal; /* what it gets when the thread that calls dies, prctl(2); 0: nothing */
    int umask;        /* -1: ours */
};

/* A child: its pidfd, so that a signal never reaches another process that got its number. */
/*
 * The path of a program, which the caller frees: @name if it has a slash, or else what is found in
 * PATH of @environment (or ours). Only absolute directories of PATH count: what lies in the current
 * one is nobody's program.
 */
int sdme_process_find(const char *name, char *const *environment, char **ret_path,
                      struct sdme_error *error);

struct sdme_process {
    pid_t pid;
    int pidfd;      /* readable once it has ended; -1 when closed or detached */
    int streams[3]; /* our ends of its pipes, O_NONBLOCK; -1: none */
    bool ended;     /* it is reaped, and the two below are known: */
    int code;       /* exit status, -1 if a signal killed it */
    int signal;     /* what killed it, 0 if nothing did */
};

/*
 * Starts a program. When this returns 0 it is running: what fails up to and including execve(2)
 * is a failure of this call. The calling thread waits until then, as in vfork(2).
 */
int sdme_process_spawn(const struct sdme_spawn *spawn, struct sdme_process *ret_process,
                       struct sdme_error *error);

/*
 * Fills in how the process ended: 1 if it did, 0 if it still runs and @wait is false. -ECHILD if
 * the program ignores SIGCHLD or somebody else reaped it.
 */
int sdme_process_wait(struct sdme_process *process, bool wait, struct sdme_error *error);

/* -ESRCH if it has ended. */
int sdme_process_kill(struct sdme_process *process, int number, struct sdme_error *error);

/* From now on it runs on its own; our ends of its pipes stay. */
void sdme_process_detach(struct sdme_process *process);

/* Kills it with SIGKILL and reaps it, unless it has ended or is detached; closes everything. */
void sdme_process_close(struct sdme_process *process);

/*
 * execve(2) with default signal dispositions and an empty mask; the new program has descriptors
 * 0 to 2, those in @keep, and no others. Returns only when it failed: then all is as before, but
 * every descriptor from 3 on is close-on-exec.
 */
int sdme_process_replace(char *const *argv, char *const *environment, const int *keep,
                         size_t keep_count, struct sdme_error *error);

#endif
