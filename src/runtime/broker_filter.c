/* SPDX-License-Identifier: MIT */
#include "broker_filter.h"

#include <linux/seccomp.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "util.h"

/* The kernel allows about 32768 instructions in all (seccomp(2), ENOMEM), four for each filter. */
enum { FILTERS_MAX = 8192 };

void sdme_broker_filters_free(struct sdme_broker_filter *filters, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(filters[i].instructions);
    free(filters);
}

static int read_filter(pid_t pid, size_t index, struct sdme_broker_filter *ret_filter,
                       struct sdme_error *error)
{
    struct __ptrace_seccomp_metadata metadata = {.filter_off = index};
    void *offset = (void *) index; /* NOLINT(performance-no-int-to-ptr): ptrace(2) has it so */
    long length = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, offset, NULL);

    if (length <= 0 || length > BPF_MAXINSNS)
        return sdme_fail(error, length < 0 ? errno : EINVAL, "read a filter of system calls");
    if (ptrace(PTRACE_SECCOMP_GET_METADATA, pid, (void *) sizeof metadata, &metadata) < 0)
        return sdme_fail(error, errno, "read the flags of a filter of system calls");
    struct sock_filter *instructions = calloc((size_t) length, sizeof *instructions);
    if (!instructions)
        return sdme_fail(error, ENOMEM, "read a filter of system calls");
    if (ptrace(PTRACE_SECCOMP_GET_FILTER, pid, offset, instructions) != length) {
        free(instructions);
        return sdme_fail(error, EINVAL, "read a filter of system calls");
    }
    ret_filter->instructions = instructions;
    ret_filter->length = (unsigned short) length;
    ret_filter->flags = (unsigned int) metadata.flags;
    return 0;
}

/* 1 if there is one of that number, which ENOENT says there isn't. */
static int has_filter(pid_t pid, size_t index, struct sdme_error *error)
{
    void *offset = (void *) index; /* NOLINT(performance-no-int-to-ptr) */

    if (ptrace(PTRACE_SECCOMP_GET_FILTER, pid, offset, NULL) > 0)
        return 1;
    return errno == ENOENT ? 0 : sdme_fail(error, errno, "read filters of system calls");
}

static int read_filters(pid_t pid, struct sdme_broker_filter **ret_filters, size_t *ret_count,
                        struct sdme_error *error)
{
    struct sdme_broker_filter *filters = NULL;
    size_t count = 0;
    int code;

    while ((code = has_filter(pid, count, error)) > 0 && count < FILTERS_MAX) {
        struct sdme_broker_filter *grown = reallocarray(filters, count + 1, sizeof *filters);

        if (!grown)
            code = sdme_fail(error, ENOMEM, "read filters of system calls");
        filters = grown ? grown : filters;
        if (code > 0)
            code = read_filter(pid, count, &filters[count], error);
        if (code < 0)
            break;
        count++;
    }
    if (code != 0) {
        sdme_broker_filters_free(filters, count);
        return code < 0 ? code : sdme_fail(error, E2BIG, "read filters of system calls");
    }
    *ret_filters = filters;
    *ret_count = count;
    return 0;
}

/* A signal that it was about to get must reach it when it goes on; a stop of ours is none. */
static int stop(pid_t pid, int *ret_signal, struct sdme_error *error)
{
    int status;

    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
        return sdme_fail(error, errno, "trace the process that asks");
    if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0 || waitpid(pid, &status, __WALL) < 0)
        return sdme_fail(error, errno, "stop the process that asks");
    if (!WIFSTOPPED(status))
        return sdme_fail(error, ESRCH, "stop the process that asks");
    *ret_signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
    return 0;
}

int sdme_broker_filters_read(pid_t pid, struct sdme_broker_filter **ret_filters, size_t *ret_count,
                             struct sdme_error *error)
{
    int signal_number = 0, code = stop(pid, &signal_number, error);

    if (code < 0)
        return code; /* it goes on when we end */
    code = read_filters(pid, ret_filters, ret_count, error);
    ptrace(PTRACE_DETACH, pid, NULL, (void *) (long) signal_number);
    return code;
}

int sdme_broker_filters_install(const struct sdme_broker_filter *filters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct sock_fprog program = {filters[i].length, filters[i].instructions};

        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filters[i].flags, &program) < 0)
            return -errno;
    }
    return 0;
}
