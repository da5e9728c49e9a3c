/* SPDX-License-Identifier: MIT */
#include "terminal.h"

#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>

#include "util.h"

int sdme_terminal_size(int fd, unsigned int *ret_rows, unsigned int *ret_columns,
                       struct sdme_error *error)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) < 0)
        return sdme_fail(error, errno, "get the window size of descriptor %d", fd);
    *ret_rows = size.ws_row;
    *ret_columns = size.ws_col;
    return 0;
}

int sdme_terminal_set_size(int fd, unsigned int rows, unsigned int columns,
                           struct sdme_error *error)
{
    struct winsize size = {
        .ws_row = (unsigned short) rows,
        .ws_col = (unsigned short) columns,
    };

    if (rows > USHRT_MAX || columns > USHRT_MAX)
        return sdme_fail(error, ERANGE, "set the window size of descriptor %d", fd);
    if (ioctl(fd, TIOCSWINSZ, &size) < 0)
        return sdme_fail(error, errno, "set the window size of descriptor %d", fd);
    return 0;
}

bool sdme_terminal_in_background(int fd)
{
    /* Fails if it isn't our controlling terminal; 0 if its group is in another PID namespace. */
    pid_t foreground = tcgetpgrp(fd);

    return foreground > 0 && foreground != getpgrp();
}

/* Should we lose the foreground just now, the SIGTTOU that would stop us is withheld. */
static int set_attributes(int fd, const struct termios *attributes)
{
    sigset_t stop, saved;

    sigemptyset(&stop);
    sigaddset(&stop, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &stop, &saved);
    /* Not TCSADRAIN: output that was stopped by ^S would make us wait. */
    int code = tcsetattr(fd, TCSANOW, attributes) < 0 ? -errno : 0;
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    return code;
}

static struct termios make_wanted(const struct termios *from, unsigned int sides)
{
    struct termios raw = *from, wanted = *from;

    cfmakeraw(&raw);
    if (sides & SDME_TERMINAL_INPUT) {
        wanted.c_iflag = raw.c_iflag;
        wanted.c_lflag = raw.c_lflag;
        wanted.c_cflag = raw.c_cflag;
        wanted.c_cc[VMIN] = raw.c_cc[VMIN];
        wanted.c_cc[VTIME] = raw.c_cc[VTIME];
    }
    if (sides & SDME_TERMINAL_OUTPUT)
        wanted.c_oflag = raw.c_oflag;
    if (sides & SDME_TERMINAL_ECHO)
        wanted.c_lflag = (wanted.c_lflag & ~(tcflag_t) ECHO) | ECHONL;
    return wanted;
}

static bool is_equal(const struct termios *a, const struct termios *b)
{
    return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
           a->c_lflag == b->c_lflag && !memcmp(a->c_cc, b->c_cc, sizeof a->c_cc);
}

int sdme_terminal_make_raw(struct sdme_terminal *terminal, struct sdme_error *error)
{
    struct termios now, wanted;
    int code = 0;

    if (terminal->fd < 0 || sdme_terminal_in_background(terminal->fd))
        return 0;
    if (tcgetattr(terminal->fd, &now) < 0)
        return sdme_fail(error, errno, "get the terminal mode of descriptor %d", terminal->fd);
    wanted = make_wanted(&now, terminal->sides);
    if (!is_equal(&now, &wanted))
        code = set_attributes(terminal->fd, &wanted);
    if (code < 0)
        return sdme_fail(error, code, "set the terminal mode of descriptor %d", terminal->fd);
    if (!terminal->saved)
        terminal->before = now;
    terminal->raw = terminal->saved = true;
    return 0;
}

void sdme_terminal_restore(struct sdme_terminal *terminal)
{
    if (terminal->fd < 0 || !terminal->raw)
        return;
    if (!sdme_terminal_in_background(terminal->fd))
        set_attributes(terminal->fd, &terminal->before);
    terminal->raw = false;
}
