/* SPDX-License-Identifier: MIT */
#include "pty.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "poll.h"
#include "util.h"

/* Transfers in one step, so that a stream that is never empty leaves others their turn. */
#define ROUNDS 32

#define ESCAPE_CHARACTER 0x1D
#define ESCAPE_SECONDS 1.0
#define SETTLING_SECONDS 1.0

/* Nothing tells that a terminal which was hung up is opened again. */
#define HANGUP_INTERVAL 0.02

int sdme_pty_open(int *ret_master, int *ret_slave, char ret_path[static PATH_MAX],
                  struct sdme_error *error)
{
    _cleanup_close_ int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    _cleanup_close_ int slave = -1;
    char path[PATH_MAX];

    if (master < 0)
        return sdme_fail(error, errno, "open /dev/ptmx");
    if (unlockpt(master) < 0)
        return sdme_fail(error, errno, "unlock a pty");
    int code = ptsname_r(master, path, sizeof path);
    if (code)
        return sdme_fail(error, code, "name a pty");
    /* By descriptor: the path may mean another pty in this mount namespace. */
    slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return sdme_fail(error, errno, "open the slave of pty %s", path);
    snprintf(ret_path, PATH_MAX, "%s", path);
    *ret_master = sdme_take_fd(&master);
    *ret_slave = sdme_take_fd(&slave);
    return 0;
}

static bool is_same_terminal(const struct sdme_stream *a, const struct sdme_stream *b)
{
    struct stat first, second;

    return a->terminal && b->terminal && fstat(a->fd, &first) == 0 && fstat(b->fd, &second) == 0 &&
           first.st_rdev == second.st_rdev;
}

/* One terminal for both ways is made raw once, or it would be put back to half of it. */
static void find_terminals(struct sdme_forward *forward)
{
    bool same = is_same_terminal(&forward->input, &forward->output);

    forward->typing = (struct sdme_terminal){
        .fd = forward->input.terminal ? forward->input.fd : -1,
        .sides = SDME_TERMINAL_INPUT | (same ? SDME_TERMINAL_OUTPUT : 0),
    };
    forward->showing = (struct sdme_terminal){
        .fd = forward->output.terminal && !same ? forward->output.fd : -1,
        .sides = SDME_TERMINAL_OUTPUT,
    };
}

static int open_streams(struct sdme_forward *forward, const struct sdme_forward_options *options,
                        struct sdme_error *error)
{
    int code = sdme_stream_open(options->master, O_RDWR, &forward->master, error);

    if (code < 0)
        return sdme_fail_in(error, code, "pty master");
    code = sdme_stream_open(options->input, O_RDONLY, &forward->input, error);
    if (code < 0)
        return sdme_fail_in(error, code, "input");
    code = sdme_stream_open(options->output, O_WRONLY, &forward->output, error);
    if (code < 0)
        return sdme_fail_in(error, code, "output");
    if (options->resize < 0)
        return 0;
    code = sdme_stream_open(options->resize, O_RDONLY, &forward->resize, error);
    if (code < 0)
        return sdme_fail_in(error, code, "resize");
    return sdme_stream_watch(&forward->resize, forward->epoll, EPOLLIN, error);
}

static int make_raw(struct sdme_forward *forward, struct sdme_error *error)
{
    int code = sdme_terminal_make_raw(&forward->typing, error);

    return code < 0 ? code : sdme_terminal_make_raw(&forward->showing, error);
}

int sdme_forward_open(const struct sdme_forward_options *options, struct sdme_forward *ret_forward,
                      struct sdme_error *error)
{
    int code = 0;

    *ret_forward = (struct sdme_forward){
        .master = SDME_STREAM_CLOSED,
        .input = SDME_STREAM_CLOSED,
        .output = SDME_STREAM_CLOSED,
        .resize = SDME_STREAM_CLOSED,
        .typing = {.fd = -1},
        .showing = {.fd = -1},
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .escape = options->escape,
        .until_drained = options->until_drained,
        .last = '\n',
        .escaping = SDME_ESCAPE_NONE,
        .background = -INFINITY,
    };
    if (ret_forward->epoll < 0)
        return sdme_fail(error, errno, "make an epoll set");
    code = open_streams(ret_forward, options, error);
    if (code == 0) {
        find_terminals(ret_forward);
        code = make_raw(ret_forward, error);
    }
    if (code < 0)
        sdme_forward_close(ret_forward);
    return code;
}

static int forget_resize(struct sdme_forward *forward, struct sdme_error *error)
{
    char buffer[1024];
    ssize_t count;

    if (forward->resize.fd < 0)
        return 0;
    do
        count = sdme_stream_read(&forward->resize, buffer, sizeof buffer);
    while (count > 0);
    /* Its end, or an error, would be ready for ever. */
    if (count == -EAGAIN)
        return 0;
    return sdme_stream_watch(&forward->resize, forward->epoll, SDME_STREAM_UNWATCHED, error);
}

static int pass_size(struct sdme_forward *forward, struct sdme_error *error)
{
    const struct sdme_stream *shown_on =
        forward->output.terminal ? &forward->output : &forward->input;
    unsigned int rows, columns;

    if (!shown_on->terminal || sdme_terminal_size(shown_on->fd, &rows, &columns, NULL) < 0)
        return 0;
    if (!rows || !columns || (rows == forward->rows && columns == forward->columns))
        return 0;
    forward->rows = rows;
    forward->columns = columns;
    return sdme_terminal_set_size(forward->master.fd, rows, columns, error);
}

bool sdme_escape_scan(struct sdme_escape *escape, const char *typed, size_t count, double now)
{
    for (size_t i = 0; i < count; i++) {
        if (typed[i] != ESCAPE_CHARACTER) {
            *escape = SDME_ESCAPE_NONE;
            continue;
        }
        if (now - escape->before_last <= ESCAPE_SECONDS)
            return true;
        escape->before_last = escape->last;
        escape->last = now;
    }
    return false;
}

static bool is_escape(struct sdme_forward *forward, const char *typed, size_t count)
{
    return forward->escape && forward->input.terminal &&
           sdme_escape_scan(&forward->escaping, typed, count, sdme_now());
}

/*
 * Types what ends the input of a program that reads the pty. In the middle of a line the first
 * one only hands over what there is of it, so it takes two.
 */
static void type_end_of_file(struct sdme_forward *forward)
{
    struct termios attributes;
    char character = 'D' & 0x1F;

    forward->input_ended = true;
    if (tcgetattr(forward->master.fd, &attributes) == 0)
        character = (char) attributes.c_cc[VEOF];
    if (character == _POSIX_VDISABLE)
        return;
    for (int times = forward->last == '\n' ? 1 : 2; times > 0; times--)
        forward->typed.data[forward->typed.end++] = character;
}

/* Room for what ends the input is always kept. */
static bool wants_input(const struct sdme_forward *forward)
{
    return !forward->input_ended && sdme_buffer_room(&forward->typed) > 2;
}

/* What is typed waits while nobody has the pty open. */
static int type_input(struct sdme_forward *forward, struct sdme_error *error)
{
    if (forward->hung_up)
        return 0;
    int code = sdme_buffer_flush(&forward->typed, &forward->master);
    if (code == -EIO)
        forward->hung_up = true;
    return code < 0 && code != -EIO && code != -EAGAIN ? sdme_fail(error, code, "write to the pty")
                                                       : 0;
}

/*
 * 0, SDME_FORWARD_ESCAPED, or an error. Input is read even while nobody takes it: otherwise there
 * would be no escape from a program that hangs.
 */
static int forward_input(struct sdme_forward *forward, struct sdme_error *error)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct sdme_buffer *typed = &forward->typed;
        int code = type_input(forward, error);

        if (code < 0 || !wants_input(forward))
            return code;
        ssize_t count = sdme_buffer_fill(typed, &forward->input);
        if (count == -EAGAIN)
            return 0;
        if (count == 0 || count == -EIO) {
            type_end_of_file(forward);
            continue;
        }
        if (count < 0)
            return sdme_fail(error, (int) count, "read from the input");
        if (is_escape(forward, typed->data + typed->end - count, (size_t) count))
            return SDME_FORWARD_ESCAPED;
        forward->last = typed->data[typed->end - 1];
    }
    return 0;
}

/* Nothing more to show for now. */
static int pause_output(struct sdme_forward *forward, struct sdme_error *error)
{
    if (forward->draining || (forward->hung_up && !forward->until_drained))
        return SDME_FORWARD_HANGUP;
    if (sdme_stream_is_broken(&forward->output))
        return sdme_fail(error, EPIPE, "write to the output");
    return 0;
}

/* 0, SDME_FORWARD_HANGUP, or an error. */
static int forward_output(struct sdme_forward *forward, struct sdme_error *error)
{
    for (int round = 0; round < ROUNDS; round++) {
        int code = sdme_buffer_flush(&forward->shown, &forward->output);

        if (code == -EAGAIN)
            return 0;
        if (code < 0)
            return sdme_fail(error, code, "write to the output");
        ssize_t count = sdme_buffer_fill(&forward->shown, &forward->master);
        forward->hung_up = count == 0 || count == -EIO;
        if (forward->hung_up || count == -EAGAIN)
            return pause_output(forward, error);
        if (count < 0)
            return sdme_fail(error, (int) count, "read from the pty");
    }
    return 0;
}

/* A stream that nothing is wanted from is taken out: its hang-up would be ready for ever. */
static int watch(struct sdme_forward *forward, struct sdme_error *error)
{
    bool typing = !sdme_buffer_is_empty(&forward->typed);
    bool showing = !sdme_buffer_is_empty(&forward->shown);
    bool reading = wants_input(forward) && !sdme_stream_in_background(&forward->input);
    uint32_t master = (typing ? EPOLLOUT : 0) | (showing ? 0 : EPOLLIN);

    if (forward->hung_up)
        master = 0;
    int code = sdme_stream_watch(&forward->input, forward->epoll,
                                 reading ? EPOLLIN : SDME_STREAM_UNWATCHED, error);
    if (code < 0)
        return code;
    code = sdme_stream_watch(&forward->output, forward->epoll, showing ? EPOLLOUT : 0, error);
    if (code < 0)
        return code;
    return sdme_stream_watch(&forward->master, forward->epoll,
                             master ? master : SDME_STREAM_UNWATCHED, error);
}

static bool is_in_background(const struct sdme_forward *forward)
{
    return sdme_stream_in_background(&forward->input) ||
           sdme_stream_in_background(&forward->output);
}

/*
 * In the background the terminal's mode is its new owner's. A shell hands over the terminal first
 * and sets its mode then, so it is looked at for a while even when we have it back.
 */
static int keep_raw(struct sdme_forward *forward, struct sdme_error *error)
{
    if (is_in_background(forward)) {
        forward->typing.raw = forward->showing.raw = false;
        forward->background = sdme_now();
        return 0;
    }
    return make_raw(forward, error);
}

int sdme_forward_step(struct sdme_forward *forward, struct sdme_error *error)
{
    int code = forget_resize(forward, error);

    if (code == 0)
        code = keep_raw(forward, error);
    if (code == 0)
        code = pass_size(forward, error);
    if (code == 0)
        code = forward_output(forward, error);
    if (code == 0)
        code = forward_input(forward, error);
    return code ? code : watch(forward, error);
}

double sdme_forward_timeout(const struct sdme_forward *forward)
{
    if (wants_input(forward) && forward->input.always_ready)
        return 0;
    if (!sdme_buffer_is_empty(&forward->shown) && forward->output.always_ready)
        return 0;
    if (forward->draining && sdme_buffer_is_empty(&forward->shown))
        return 0;
    if (forward->hung_up && sdme_buffer_is_empty(&forward->shown))
        return HANGUP_INTERVAL;
    if (is_in_background(forward) || sdme_now() - forward->background < SETTLING_SECONDS)
        return SDME_STREAM_BACKGROUND_INTERVAL;
    return -1;
}

void sdme_forward_drain(struct sdme_forward *forward)
{
    forward->draining = true;
}

void sdme_forward_close(struct sdme_forward *forward)
{
    sdme_terminal_restore(&forward->showing);
    sdme_terminal_restore(&forward->typing);
    sdme_stream_close(&forward->master);
    sdme_stream_close(&forward->input);
    sdme_stream_close(&forward->output);
    sdme_stream_close(&forward->resize);
    forward->typing.fd = forward->showing.fd = -1;
    forward->epoll = sdme_close(forward->epoll);
}
