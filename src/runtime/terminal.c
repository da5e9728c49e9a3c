/* SPDX-License-Identifier: MIT */
#include "terminal.h"

#include <limits.h>
#include <signal.h>
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

static void copy_input(struct termios *to, const struct termios *from)
{
    to->c_iflag = from->c_iflag;
    to->c_lflag = from->c_lflag;
    to->c_cflag = from->c_cflag;
    to->c_cc[VMIN] = from->c_cc[VMIN];
    to->c_cc[VTIME] = from->c_cc[VTIME];
}

int sdme_terminal_make_raw(struct sdme_terminal *terminal, struct sdme_error *error)
{
    struct termios raw, wanted;
    int code;

    if (terminal->fd < 0 || terminal->raw || sdme_terminal_in_background(terminal->fd))
        return 0;
    if (tcgetattr(terminal->fd, &terminal->saved) < 0)
        return sdme_fail(error, errno, "get the terminal mode of descriptor %d", terminal->fd);
    raw = wanted = terminal->saved;
    cfmakeraw(&raw);
    if (terminal->sides & SDME_TERMINAL_INPUT)
        copy_input(&wanted, &raw);
    if (terminal->sides & SDME_TERMINAL_OUTPUT)
        wanted.c_oflag = raw.c_oflag;
    code = set_attributes(terminal->fd, &wanted);
    if (code < 0)
        return sdme_fail(error, code, "set the terminal mode of descriptor %d", terminal->fd);
    terminal->raw = true;
    return 0;
}

void sdme_terminal_restore(struct sdme_terminal *terminal)
{
    if (terminal->fd < 0 || !terminal->raw)
        return;
    if (!sdme_terminal_in_background(terminal->fd))
        set_attributes(terminal->fd, &terminal->saved);
    terminal->raw = false;
}
