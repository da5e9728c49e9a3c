/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_SIGNAL_H
#define SDME_RUNTIME_SIGNAL_H

/* Enough for the longest name: "RTMAX-2147483648" and its NUL. */
#define SDME_SIGNAL_NAME_SIZE 24

/*
 * The number of "TERM", "SIGTERM", "RTMIN+3", "RTMAX-1" or "15" (upper case, as signal(7) has
 * them); 0 if there is no such signal.
 */
int sdme_signal_number(const char *name);

/*
 * "TERM", "RTMIN+3": the name without "SIG", in @buffer, which has SDME_SIGNAL_NAME_SIZE bytes;
 * NULL if no signal has that number.
 */
const char *sdme_signal_name(int number, char *buffer);

#endif
