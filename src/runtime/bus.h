/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_BUS_H
#define SDME_RUNTIME_BUS_H

#include <poll.h>
#include <stdbool.h>

#include "error.h"
#include "systemd.h"

/*
 * A D-Bus connection on which nothing blocks: calls are sent at once, and their replies are picked
 * up by whoever steps any of them. Calls and matches hold a reference to their connection. One
 * thread at a time, and only in the process that opened it (sd-bus(3)).
 */
struct sdme_bus;
struct sdme_bus_call;
struct sdme_bus_match;

/* The system bus of this host. Returns before the bus has answered: a refusal shows in a call. */
int sdme_bus_open_system(struct sdme_bus **ret_bus, struct sdme_error *error);

/*
 * The system bus of the container that machined knows as @machine. A child process enters it to
 * connect, which takes a few milliseconds (sd_bus_open_system_machine in sd_bus_default(3)).
 */
int sdme_bus_open_machine(const char *machine, struct sdme_bus **ret_bus, struct sdme_error *error);

/* The bus at a D-Bus address ("unix:path=/run/x"). */
int sdme_bus_open_address(const char *address, struct sdme_bus **ret_bus, struct sdme_error *error);

struct sdme_bus *sdme_bus_ref(struct sdme_bus *bus);
struct sdme_bus *sdme_bus_unref(struct sdme_bus *bus);

/* Ends the connection; all that is in flight on it fails with -ECONNRESET. May be called twice. */
void sdme_bus_close(struct sdme_bus *bus);

/* "the system bus", "the bus of web": for messages. */
const char *sdme_bus_name(const struct sdme_bus *bus);

/* Our name on the bus, NULL while the connection is being made; it lives as long as the bus. */
const char *sdme_bus_unique_name(struct sdme_bus *bus);

/* For making messages, and nothing else. */
sd_bus *sdme_bus_connection(struct sdme_bus *bus);

/* What handles its messages, for as long as there is a reference to it. */
const struct sdme_sd_bus *sdme_bus_library(const struct sdme_bus *bus);

/* Sends a message that has no reply. */
int sdme_bus_send(struct sdme_bus *bus, sd_bus_message *message, struct sdme_error *error);

/*
 * Sends a method call. @timeout in seconds counts from now, connecting included; negative: none.
 * @message is not needed any longer afterwards. A failure to send is one of the call, too, so that
 * there is one place to look for it: only -ENOMEM is returned.
 */
int sdme_bus_call_start(struct sdme_bus *bus, sd_bus_message *message, double timeout,
                        struct sdme_bus_call **ret_call, struct sdme_error *error);
struct sdme_bus_call *sdme_bus_call_free(struct sdme_bus_call *call);

/*
 * Handles what has arrived on the connection. 0: no reply yet; 1: it is in @ret_reply (borrowed).
 * An error of D-Bus becomes the errno that sd_bus_error_get_errno(3) or a table of ours gives.
 */
int sdme_bus_call_step(struct sdme_bus_call *call, sd_bus_message **ret_reply,
                       struct sdme_error *error);

/* What to poll for before the next step, and the longest time to do so in seconds (-1: any). */
void sdme_bus_call_poll(struct sdme_bus_call *call, struct pollfd *ret_entry, double *ret_timeout);

/* The D-Bus name of the error that the call ended with, or NULL. */
const char *sdme_bus_call_error_name(const struct sdme_bus_call *call);

/*
 * Collects the signals that match @rule: the D-Bus specification, "Match Rules", with
 * type='signal' added; of argN sd-bus looks only at those with nothing but strings before them.
 * It holds for what is sent after this, in the order of all that is started on a connection.
 *
 * Only broadcasts count, for which the bus has checked the rule's sender: a signal addressed to us
 * may be anybody's, unless @sender (NULL if the rule has none) is a unique name or the bus itself.
 */
int sdme_bus_match_start(struct sdme_bus *bus, const char *rule, const char *sender,
                         struct sdme_bus_match **ret_match, struct sdme_error *error);
struct sdme_bus_match *sdme_bus_match_free(struct sdme_bus_match *match);

/* Its connection; no reference of the caller's. */
struct sdme_bus *sdme_bus_match_bus(const struct sdme_bus_match *match);

/*
 * As sdme_bus_call_step(), for the next signal; the caller unrefs it. -EOVERFLOW, once, when
 * SDME_BUS_MATCH_MAX signals were waiting already and further ones have been dropped.
 */
#define SDME_BUS_MATCH_MAX 1024
int sdme_bus_match_next(struct sdme_bus_match *match, sd_bus_message **ret_signal,
                        struct sdme_error *error);
void sdme_bus_match_poll(struct sdme_bus_match *match, struct pollfd *ret_entry,
                         double *ret_timeout);

#endif
