/* SPDX-License-Identifier: MIT */
#include "terminal.h"

#include "system.h"

bool terminal_give(void)
{
    int group;

    if (CALL(NR_GETSID, 0) != CALL(NR_GETPID, 0) || CALL(NR_IOCTL, 0, TIOCGPGRP, &group) < 0)
        return false;
    return CALL(NR_IOCTL, 0, TIOCNOTTY) == 0;
}

void terminal_take(void)
{
    CALL(NR_SETSID, 0);
    CALL(NR_IOCTL, 0, TIOCSCTTY, 0);
}
