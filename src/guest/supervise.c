/* SPDX-License-Identifier: MIT */
#include "supervise.h"

#include "program.h"

#define BIT(number) (UINT64_C(1) << ((number) -1))

/* Blocked, they kill anyhow when a fault raises them, and tell less. */
#define FAULTS (BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGSEGV))

static const signal_set WATCHED = ~FAULTS;

int supervise_signals(signal_set *ret_before)
{
    static const struct signal_action action;
    int fd;

    /* If it were ignored, the kernel would keep no status (wait(2)). */
    CALL(NR_RT_SIGACTION, SIGCHLD, &action, NULL, sizeof(signal_set));
    CALL(NR_RT_SIGPROCMASK, SIG_SETMASK, &WATCHED, ret_before, sizeof(signal_set));
    fd = (int) CALL(NR_SIGNALFD4, -1, &WATCHED, sizeof WATCHED, O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        program_fail_errno(STATUS_FAILED, fd, "signalfd");
    return fd;
}

void supervise_restore(signal_set mask, bool defaults)
{
    static const struct signal_action action;

    for (int number = 1; defaults && number <= SIGNAL_LAST; number++)
        CALL(NR_RT_SIGACTION, number, &action, NULL, sizeof(signal_set));
    CALL(NR_RT_SIGPROCMASK, SIG_SETMASK, &mask, NULL, sizeof(signal_set));
}

/* As a shell has it (POSIX, "Exit Status for Commands"). */
static int exit_status(int status)
{
    int killed_by = status & 0x7f;

    return killed_by ? 128 + killed_by : (status >> 8) & 0xff;
}

static bool reap(int child, int *ret_status)
{
    bool ended = false;
    int status = 0, pid;

    while ((pid = (int) CALL(NR_WAIT4, -1, &status, WNOHANG, NULL)) > 0) {
        if (pid != child)
            continue;
        *ret_status = exit_status(status);
        ended = true;
    }
    return ended;
}

int supervise_signal(int signals)
{
    struct signal_record record = {0};
    uint32_t self = (uint32_t) CALL(NR_GETPID, 0);

    while (sys_read(signals, &record, sizeof record) == (long) sizeof record)
        if (record.number == SIGCHLD || (record.code != SI_KERNEL && record.pid != self))
            return (int) record.number;
    return 0;
}

bool supervise_step(int signals, int child, int *ret_status)
{
    bool children = false;
    int number;

    while ((number = supervise_signal(signals)) != 0) {
        if (number == SIGCHLD)
            children = true;
        else
            sys_kill(child, number);
    }
    return children && reap(child, ret_status);
}

/* false if nobody controls us any more. */
static bool obey(int control, int child)
{
    unsigned char number = 0;
    long count = sys_read(control, &number, 1);

    if (count == 1 && number > 0 && number <= SIGNAL_LAST)
        sys_kill(child, number);
    if (count > 0 || count == -EAGAIN || count == -EINTR)
        return true;
    sys_kill(child, SIGKILL);
    return false;
}

int supervise(int signals, int child)
{
    struct poll_entry entries[] = {{.fd = signals, .events = POLLIN},
                                   {.fd = program_control(), .events = POLLIN}};
    int status;

    while (!supervise_step(signals, child, &status)) {
        entries[1].returned = 0;
        sys_poll(entries, ELEMENTS(entries), NULL);
        if (entries[1].returned && !obey(entries[1].fd, child))
            entries[1].fd = -1;
    }
    return status;
}

struct gate supervise_gate(void)
{
    int ends[2] = {-1, -1}, code = (int) CALL(NR_PIPE2, ends, O_CLOEXEC);

    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "pipe");
    return (struct gate){.inside = ends[0], .outside = ends[1]};
}

void supervise_open(const struct gate *gate)
{
    sys_close(gate->inside);
    sys_write(gate->outside, "", 1);
}

void supervise_await(const struct gate *gate)
{
    char byte;

    sys_close(gate->outside);
    sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0);
    if (sys_read(gate->inside, &byte, 1) != 1)
        sys_exit(STATUS_FAILED);
}

void supervise_die_with_parent(const struct gate *gate)
{
    static const struct time_span now;
    struct poll_entry entry = {.fd = gate->inside};

    sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0);
    if (sys_poll(&entry, 1, &now) > 0)
        sys_exit(STATUS_FAILED);
}
