/* SPDX-License-Identifier: MIT */
/* Handing the terminal that is our standard input on to what we run (ioctl_tty(2)). */
#ifndef SDME_GUEST_TERMINAL_H
#define SDME_GUEST_TERMINAL_H

#include <stdbool.h>

/* Gives it up, if it is ours to give: we lead its session. */
bool terminal_give(void);

/* Makes it that of a session of our own, if it is a terminal that nobody has. */
void terminal_take(void);

#endif
