/* SPDX-License-Identifier: MIT */
/*
 * health --file PATH --target CGROUP --retries COUNT --timeout MS [--start-period MS]
 *        [--start-interval MS] -- CHECK...
 *
 * Runs the check of an application once, and notes in the file what has come of it and those
 * before: "HEALTH FAILURES START CHECKED", where FAILURES is how many in a row have failed, START
 * when the application began (see process_of_cgroup), and CHECKED when that was written, in
 * milliseconds of CLOCK_MONOTONIC. HEALTH is "starting" until a check has succeeded, or as many as
 * --retries in a row have failed, of which those in the start period don't count.
 *
 * An application that has begun anew is noted as starting, and first checked when we are run again;
 * if it has a start period we stay, and check it each start interval until it is healthy or the
 * period is over.
 */
#include "process.h"
#include "program.h"
#include "supervise.h"
#include "system.h"
#include "text.h"

const char program_name[] = "health";

enum health { STARTING, HEALTHY, UNHEALTHY };
static const char *const names[] = {"starting", "healthy", "unhealthy"};

enum outcome { PASSED, FAILED, TIMED_OUT, STOPPED };

#define NUMBER_MAX (UINT64_C(1) << 40)

enum {
    TICK = 10, /* milliseconds of what starts are counted in */
    LINE_MAX = 128,
    FILE_PATH_MAX = 256,
};

struct state {
    enum health health;
    uint64_t failures;
    uint64_t start;
};

struct check {
    const char *file;
    uint64_t retries;
    uint64_t timeout; /* these in milliseconds */
    uint64_t start_period;
    uint64_t start_interval;
    char **argv;
    char **env;
    int signals;
    signal_set mask;
};

static uint64_t parse_number(const char *option, const char *value, uint64_t least)
{
    uint64_t number;

    if (!value || !text_to_number(text_of(value), NUMBER_MAX, &number) || number < least)
        program_fail(STATUS_FAILED, "--", option, ": expected a number", least ? " above 0" : "");
    return number;
}

static void parse(struct check *check, const char **ret_target, char **argv)
{
    const char *file = NULL, *target = NULL, *retries = NULL, *timeout = NULL;
    const char *start_period = "0", *start_interval = "5000";
    const struct option options[] = {
        {"file", &file, NULL},
        {"target", &target, NULL},
        {"retries", &retries, NULL},
        {"timeout", &timeout, NULL},
        {"start-period", &start_period, NULL},
        {"start-interval", &start_interval, NULL},
    };

    check->argv = program_options(argv, options, ELEMENTS(options));
    if (!file || file[0] != '/' || text_of(file).length > FILE_PATH_MAX - 8)
        program_fail(STATUS_FAILED, "--file: expected an absolute path");
    if (!target || target[0] != '/')
        program_fail(STATUS_FAILED, "--target: expected a cgroup");
    check->file = file;
    check->retries = parse_number("retries", retries, 1);
    check->timeout = parse_number("timeout", timeout, 1);
    check->start_period = parse_number("start-period", start_period, 0);
    check->start_interval = parse_number("start-interval", start_interval, 1);
    *ret_target = target;
}

/* What the file says, which is nothing if it isn't ours. */
static bool load(const char *path, struct state *ret_state)
{
    char buffer[LINE_MAX];
    struct text rest, name, failures, start;
    struct state state = {STARTING, 0, 0};
    int fd = sys_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    long length = fd < 0 ? 0 : sys_read(fd, buffer, sizeof buffer);

    if (fd >= 0)
        sys_close(fd);
    if (length <= 0)
        return false;
    rest = (struct text){buffer, (size_t) length};
    if (!text_cut(&rest, ' ', &name) || !text_cut(&rest, ' ', &failures) ||
        !text_cut(&rest, ' ', &start))
        return false;
    for (size_t i = 0; i < ELEMENTS(names); i++)
        if (text_equal(name, text_of(names[i])))
            state.health = (enum health) i;
    if (!text_to_number(failures, NUMBER_MAX, &state.failures) ||
        !text_to_number(start, UINT64_MAX, &state.start))
        return false;
    *ret_state = state;
    return true;
}

static void save(const char *path, const struct state *state)
{
    const uint64_t numbers[] = {state->failures, state->start, sys_clock(CLOCK_MONOTONIC)};
    char unfinished[FILE_PATH_MAX], line[LINE_MAX], digits[21] = "";
    struct text text = text_of(names[state->health]);
    long code;
    int fd;

    text_join(line, "", text, "");
    for (size_t i = 0; i < ELEMENTS(numbers); i++) {
        struct text number = {digits, text_from_number(numbers[i], digits)};

        text_join(line + text.length, " ", number, "");
        text.length += 1 + number.length;
    }
    text_join(line + text.length, "\n", (struct text){"", 0}, "");
    text_join(unfinished, path, (struct text){".new", 4}, "");
    fd = sys_create(AT_FDCWD, unfinished);
    code = fd < 0 ? fd : sys_write(fd, line, text.length + 1);
    if (fd >= 0)
        sys_close(fd);
    if (code >= 0)
        code = CALL(NR_RENAMEAT2, AT_FDCWD, unfinished, AT_FDCWD, path, 0);
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, path);
}

/* Waits at most that long for signals. false if one of them is to end us. */
static bool await_signals(int signals, uint64_t limit)
{
    struct time_span span = {(int64_t) (limit / 1000), (int64_t) (limit % 1000) * 1000000};
    struct poll_entry entry = {.fd = signals, .events = POLLIN};
    struct signal_record record = {0};
    bool go_on = true;

    sys_poll(&entry, 1, &span);
    while (sys_read(signals, &record, sizeof record) == (long) sizeof record)
        go_on &= record.number == SIGCHLD;
    return go_on;
}

static uint64_t left_until(uint64_t deadline)
{
    uint64_t now = sys_clock(CLOCK_MONOTONIC);

    return now < deadline ? deadline - now : 0;
}

static bool sleep_for(int signals, uint64_t duration)
{
    uint64_t deadline = sys_clock(CLOCK_MONOTONIC) + duration, left;

    while ((left = left_until(deadline)) > 0)
        if (!await_signals(signals, left))
            return false;
    return true;
}

/* All that the check has started goes with it, unless that has taken care not to. */
static void end_check(int child)
{
    sys_kill(-child, SIGKILL);
    sys_kill(child, SIGKILL);
    CALL(NR_WAIT4, child, NULL, 0, NULL);
}

static enum outcome run(const struct check *check)
{
    uint64_t deadline = sys_clock(CLOCK_MONOTONIC) + check->timeout, left;
    int child = sys_fork(0), status = 0;

    if (child < 0)
        program_fail_errno(STATUS_FAILED, child, "fork");
    if (child == 0) {
        CALL(NR_SETSID, 0);
        supervise_restore(check->mask, false);
        program_execute(check->argv, check->env);
    }
    while ((left = left_until(deadline)) > 0) {
        bool go_on = await_signals(check->signals, left);

        if (CALL(NR_WAIT4, child, &status, WNOHANG, NULL) == child)
            return status == 0 ? PASSED : FAILED;
        if (!go_on) {
            end_check(child);
            return STOPPED;
        }
    }
    end_check(child);
    return TIMED_OUT;
}

static bool is_in_start_period(const struct check *check, const struct state *state, uint64_t when)
{
    return state->health == STARTING && when < state->start * TICK + check->start_period;
}

/* As Docker counts: what has once been healthy, or unhealthy, isn't starting any more. */
static void judge(const struct check *check, struct state *state, bool passed, uint64_t begun)
{
    enum health before = state->health;
    char number[21];

    if (passed) {
        state->health = HEALTHY;
        state->failures = 0;
    } else if (!is_in_start_period(check, state, begun)) {
        state->failures += state->failures < NUMBER_MAX;
        if (state->failures >= check->retries)
            state->health = UNHEALTHY;
    }
    text_from_number(state->failures, number);
    if (state->health != before && passed)
        program_say("the application is healthy");
    else if (state->health != before)
        program_say("the application is unhealthy, failures in a row: ", number);
}

/* false if we are to end. */
static bool run_and_note(const struct check *check, struct state *state)
{
    uint64_t begun = sys_clock(CLOCK_BOOTTIME);
    enum outcome outcome = run(check);
    char number[21];

    if (outcome == STOPPED)
        return false;
    text_from_number(check->timeout, number);
    if (outcome == TIMED_OUT)
        program_say("the check hasn't ended within ", number, " ms");
    judge(check, state, outcome == PASSED, begun);
    save(check->file, state);
    return true;
}

static uint64_t application_start(const char *cgroup)
{
    struct process self = process_open((uint64_t) CALL(NR_GETPID, 0));
    uint64_t start = 0;

    process_of_cgroup(cgroup, &self, &start);
    sys_close(self.directory);
    return start;
}

int program_main(char **argv, char **env)
{
    struct check check = {.env = env};
    struct state state = {STARTING, 0, 0};
    const char *target;
    uint64_t start;

    parse(&check, &target, argv);
    start = application_start(target);
    if (start == 0)
        return 0; /* it doesn't run: its next start is told of by the file's START */
    check.signals = supervise_signals(&check.mask);
    if (load(check.file, &state) && state.start == start) {
        if (!run_and_note(&check, &state))
            return 0;
    } else {
        state = (struct state){STARTING, 0, start};
        save(check.file, &state);
    }
    while (is_in_start_period(&check, &state, sys_clock(CLOCK_BOOTTIME)))
        if (!sleep_for(check.signals, check.start_interval) || !run_and_note(&check, &state))
            return 0;
    return 0;
}
