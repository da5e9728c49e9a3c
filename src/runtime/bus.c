/* SPDX-License-Identifier: MIT */
#include "bus.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "poll.h"
#include "util.h"

/* So that a peer which talks without pause can't keep us in one step. */
#define MESSAGES_PER_STEP 512

#define _unused_ __attribute__((unused))

struct sdme_bus {
    unsigned int references;
    struct sdme_sd_bus lib;
    sd_bus *connection;
    char *name;
    int failure; /* an errno once the connection is of no more use */
};

struct sdme_bus_call {
    struct sdme_bus *bus;
    sd_bus_slot *slot;
    sd_bus_message *reply;
    char *destination;
    char *member;
    double deadline;
    bool lost; /* the connection went away before the reply came */
    int failure;
};

struct sdme_bus_match {
    struct sdme_bus *bus;
    sd_bus_slot *slot;
    char *rule;
    char *sender;
    sd_bus_message *queue[SDME_BUS_MATCH_MAX];
    unsigned int first;
    unsigned int count;
    unsigned int dropped;
    struct sdme_error refused;
};

/*
 * Names that sd_bus_error_get_errno(3) doesn't know outside of systemd's own programs, from
 * org.freedesktop.systemd1(5), org.freedesktop.machine1(5) and the D-Bus specification.
 */
static const struct {
    const char *name;
    int code;
} error_codes[] = {
    {"org.freedesktop.DBus.Error.NoReply", ECONNRESET},
    {"org.freedesktop.DBus.Error.ServiceUnknown", EHOSTUNREACH},
    {"org.freedesktop.DBus.Error.NameHasNoOwner", ENXIO},
    {"org.freedesktop.DBus.Error.UnknownMethod", SDME_EUNSUPPORTED},
    {"org.freedesktop.DBus.Error.UnknownInterface", SDME_EUNSUPPORTED},
    {"org.freedesktop.DBus.Error.UnknownProperty", SDME_EUNSUPPORTED},
    {"org.freedesktop.DBus.Error.UnknownObject", ENOENT},
    {"org.freedesktop.machine1.NoSuchMachine", ENOENT},
    {"org.freedesktop.machine1.NoSuchImage", ENOENT},
    {"org.freedesktop.machine1.NoMachineForPID", ESRCH},
    {"org.freedesktop.machine1.MachineExists", EEXIST},
    {"org.freedesktop.machine1.NoPrivateNetworking", SDME_EUNSUPPORTED},
    {"org.freedesktop.systemd1.NoSuchUnit", ENOENT},
    {"org.freedesktop.systemd1.NoSuchJob", ENOENT},
    {"org.freedesktop.systemd1.NoUnitForPID", ESRCH},
    {"org.freedesktop.systemd1.NoSuchProcess", ESRCH},
    {"org.freedesktop.systemd1.UnitExists", EEXIST},
    {"org.freedesktop.systemd1.LoadFailed", EIO},
    {"org.freedesktop.systemd1.BadUnitSetting", ENOEXEC},
    {"org.freedesktop.systemd1.JobFailed", EREMOTEIO},
    {"org.freedesktop.systemd1.NotSubscribed", ENOTCONN},
    {"org.freedesktop.systemd1.AlreadySubscribed", EALREADY},
    {"org.freedesktop.systemd1.OnlyByDependency", EINVAL},
    {"org.freedesktop.systemd1.TransactionIsDestructive", EDEADLK},
    {"org.freedesktop.systemd1.TransactionOrderIsCyclic", EDEADLK},
    {"org.freedesktop.systemd1.TransactionJobsConflicting", EDEADLK},
    {"org.freedesktop.systemd1.JobTypeNotApplicable", EINVAL},
    {"org.freedesktop.systemd1.UnitMasked", EPERM},
    {"org.freedesktop.systemd1.UnitGenerated", EADDRNOTAVAIL},
    {"org.freedesktop.systemd1.UnitLinked", ELOOP},
    {"org.freedesktop.systemd1.ShuttingDown", ESHUTDOWN},
};

static int error_code(const struct sdme_bus *bus, const sd_bus_error *reply)
{
    for (size_t i = 0; i < ELEMENTS(error_codes); i++)
        if (!strcmp(error_codes[i].name, reply->name))
            return error_codes[i].code;
    return bus->lib.sd_bus_error_get_errno(reply);
}

struct sdme_bus *sdme_bus_ref(struct sdme_bus *bus)
{
    bus->references++;
    return bus;
}

struct sdme_bus *sdme_bus_unref(struct sdme_bus *bus)
{
    if (!bus || --bus->references > 0)
        return NULL;
    if (bus->connection)
        bus->lib.sd_bus_close_unref(bus->connection);
    free(bus->name);
    free(bus);
    return NULL;
}

void sdme_bus_close(struct sdme_bus *bus)
{
    bus->lib.sd_bus_close(bus->connection);
}

const char *sdme_bus_name(const struct sdme_bus *bus)
{
    return bus->name;
}

const char *sdme_bus_unique_name(struct sdme_bus *bus)
{
    const char *name;

    /* It would wait for the bus otherwise. */
    if (bus->failure || bus->lib.sd_bus_is_ready(bus->connection) <= 0 ||
        bus->lib.sd_bus_get_unique_name(bus->connection, &name) < 0)
        return NULL;
    return name;
}

sd_bus *sdme_bus_connection(struct sdme_bus *bus)
{
    return bus->connection;
}

const struct sdme_sd_bus *sdme_bus_library(const struct sdme_bus *bus)
{
    return &bus->lib;
}

/* Takes over @name, which may be NULL for want of memory. */
static int bus_new(char *name, struct sdme_bus **ret_bus, struct sdme_error *error)
{
    struct sdme_bus *bus = calloc(1, sizeof *bus);
    int code;

    if (!bus || !name) {
        free(name);
        free(bus);
        return sdme_fail(error, ENOMEM, "connect to a bus");
    }
    bus->references = 1;
    bus->name = name;
    code = sdme_sd_bus_load(&bus->lib, error);
    if (code < 0) {
        sdme_bus_unref(bus);
        return code;
    }
    *ret_bus = bus;
    return 0;
}

/* Takes over @bus, whose connection is there, or failed as @r says. */
static int bus_opened(struct sdme_bus *bus, int r, struct sdme_bus **ret_bus,
                      struct sdme_error *error)
{
    if (r < 0) {
        r = sdme_fail(error, r, "connect to %s", bus->name);
        sdme_bus_unref(bus);
        return r;
    }
    *ret_bus = bus;
    return 0;
}

int sdme_bus_open_system(struct sdme_bus **ret_bus, struct sdme_error *error)
{
    struct sdme_bus *bus;
    int code = bus_new(strdup("the system bus"), &bus, error);

    if (code < 0)
        return code;
    return bus_opened(bus, bus->lib.sd_bus_open_system(&bus->connection), ret_bus, error);
}

static char *bus_name(const char *format, const char *what)
{
    char *name;

    return asprintf(&name, format, what) < 0 ? NULL : name;
}

int sdme_bus_open_machine(const char *machine, struct sdme_bus **ret_bus, struct sdme_error *error)
{
    struct sdme_bus *bus;
    int code = bus_new(bus_name("the bus of %s", machine), &bus, error);

    if (code < 0)
        return code;
    return bus_opened(bus, bus->lib.sd_bus_open_system_machine(&bus->connection, machine), ret_bus,
                      error);
}

static int start_at(struct sdme_bus *bus, const char *address)
{
    int r = bus->lib.sd_bus_new(&bus->connection);

    if (r < 0 || (r = bus->lib.sd_bus_set_address(bus->connection, address)) < 0 ||
        (r = bus->lib.sd_bus_set_bus_client(bus->connection, true)) < 0 ||
        (r = bus->lib.sd_bus_negotiate_fds(bus->connection, true)) < 0)
        return r;
    return bus->lib.sd_bus_start(bus->connection);
}

int sdme_bus_open_address(const char *address, struct sdme_bus **ret_bus, struct sdme_error *error)
{
    struct sdme_bus *bus;
    int code = bus_new(bus_name("the bus at %s", address), &bus, error);

    if (code < 0)
        return code;
    return bus_opened(bus, start_at(bus, address), ret_bus, error);
}

static void bus_process(struct sdme_bus *bus)
{
    for (int i = 0; i < MESSAGES_PER_STEP && !bus->failure; i++) {
        int r = bus->lib.sd_bus_process(bus->connection, NULL);

        if (r == 0)
            return;
        if (r < 0)
            bus->failure = -r;
    }
}

static void bus_poll(struct sdme_bus *bus, double deadline, struct pollfd *ret_entry,
                     double *ret_timeout)
{
    struct pollfd entry = {.fd = bus->lib.sd_bus_get_fd(bus->connection)};
    double left = deadline - sdme_now();
    uint64_t usec;
    int events = bus->lib.sd_bus_get_events(bus->connection);

    if (bus->failure || entry.fd < 0 || events < 0 ||
        bus->lib.sd_bus_get_timeout(bus->connection, &usec) < 0) {
        ret_entry->fd = -1;
        *ret_timeout = 0; /* the next step says why */
        return;
    }
    if (usec != UINT64_MAX && (double) usec / 1e6 - sdme_now() < left)
        left = (double) usec / 1e6 - sdme_now();
    entry.events = (short) events;
    *ret_entry = entry;
    *ret_timeout = isinf(left) ? -1 : left > 0 ? left : 0;
}

static int bus_failed(const struct sdme_bus *bus, struct sdme_error *error)
{
    if (bus->failure == ECONNRESET || bus->failure == ENOTCONN || bus->failure == EPIPE)
        return sdme_fail_as(error, ECONNRESET, "the connection to %s is closed", bus->name);
    return sdme_fail(error, bus->failure, "%s", bus->name);
}

int sdme_bus_send(struct sdme_bus *bus, sd_bus_message *message, struct sdme_error *error)
{
    int r;

    if (bus->failure)
        return bus_failed(bus, error);
    r = bus->lib.sd_bus_send(bus->connection, message, NULL);
    if (r < 0)
        return sdme_fail(error, r, "send to %s", bus->name);
    return 0;
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error _unused_)
{
    struct sdme_bus_call *call = userdata;

    call->reply = call->bus->lib.sd_bus_message_ref(reply);
    /* sd-bus makes an error reply for each call that a lost connection leaves behind. */
    call->lost = call->bus->lib.sd_bus_is_open(call->bus->connection) <= 0;
    return 0;
}

struct sdme_bus_call *sdme_bus_call_free(struct sdme_bus_call *call)
{
    if (!call)
        return NULL;
    call->bus->lib.sd_bus_slot_unref(call->slot);
    call->bus->lib.sd_bus_message_unref(call->reply);
    sdme_bus_unref(call->bus);
    free(call->destination);
    free(call->member);
    free(call);
    return NULL;
}

int sdme_bus_call_start(struct sdme_bus *bus, sd_bus_message *message, double timeout,
                        struct sdme_bus_call **ret_call, struct sdme_error *error)
{
    const char *destination = bus->lib.sd_bus_message_get_destination(message);
    struct sdme_bus_call *call = calloc(1, sizeof *call);
    int r;

    if (!call)
        return sdme_fail(error, ENOMEM, "call a method");
    call->bus = sdme_bus_ref(bus);
    call->deadline = timeout < 0 ? INFINITY : sdme_now() + timeout;
    call->member = strdup(bus->lib.sd_bus_message_get_member(message));
    call->destination = strdup(destination ? destination : "its peer");
    if (!call->member || !call->destination) {
        sdme_bus_call_free(call);
        return sdme_fail(error, ENOMEM, "call a method");
    }
    if (!bus->failure) {
        /* The time-outs of sd-bus begin only when it is connected: ours count at once. */
        r = bus->lib.sd_bus_call_async(bus->connection, &call->slot, message, on_reply, call,
                                       UINT64_MAX);
        call->failure = r < 0 ? -r : 0;
    }
    *ret_call = call;
    return 0;
}

static bool has_prefix(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

/*
 * What a service says of its own errors names what went wrong. What libraries and buses say for
 * all services alike ("Access denied") says more with the method in front.
 */
static int reply_failed(const struct sdme_bus_call *call, const sd_bus_error *reply,
                        struct sdme_error *error)
{
    const char *text = reply->message && *reply->message ? reply->message : reply->name;
    int code = error_code(call->bus, reply);

    if (code == 0)
        code = EIO;
    if (reply->message && *reply->message && !has_prefix(reply->name, "org.freedesktop.DBus.") &&
        !has_prefix(reply->name, "System.Error."))
        return sdme_fail_as(error, code, "%s", text);
    return sdme_fail_as(error, code, "%s of %s: %s", call->member, call->destination, text);
}

int sdme_bus_call_step(struct sdme_bus_call *call, sd_bus_message **ret_reply,
                       struct sdme_error *error)
{
    const sd_bus_error *reply_error;

    if (!call->reply && !call->failure)
        bus_process(call->bus);
    if (call->failure)
        return sdme_fail(error, call->failure, "%s of %s, over %s", call->member, call->destination,
                         call->bus->name);
    if (!call->reply && call->bus->failure) {
        bus_failed(call->bus, error);
        return sdme_fail_in(error, error->code, "%s", call->member);
    }
    if (!call->reply) {
        if (sdme_now() < call->deadline)
            return 0;
        call->slot = call->bus->lib.sd_bus_slot_unref(call->slot);
        call->failure = ETIMEDOUT;
        return sdme_fail_as(error, ETIMEDOUT, "%s of %s: no answer over %s in time", call->member,
                            call->destination, call->bus->name);
    }
    if (call->lost)
        return sdme_fail_as(error, ECONNRESET, "%s: the connection to %s was lost", call->member,
                            call->bus->name);
    reply_error = call->bus->lib.sd_bus_message_get_error(call->reply);
    if (reply_error)
        return reply_failed(call, reply_error, error);
    *ret_reply = call->reply;
    return 1;
}

void sdme_bus_call_poll(struct sdme_bus_call *call, struct pollfd *ret_entry, double *ret_timeout)
{
    if (call->reply || call->failure) {
        ret_entry->fd = -1;
        *ret_timeout = 0;
        return;
    }
    bus_poll(call->bus, call->deadline, ret_entry, ret_timeout);
}

const char *sdme_bus_call_error_name(const struct sdme_bus_call *call)
{
    const sd_bus_error *error =
        call->reply ? call->bus->lib.sd_bus_message_get_error(call->reply) : NULL;

    return error ? error->name : NULL;
}

static int on_signal(sd_bus_message *signal, void *userdata, sd_bus_error *ret_error _unused_)
{
    struct sdme_bus_match *match = userdata;
    const char *sender = match->bus->lib.sd_bus_message_get_sender(signal);

    if (match->bus->lib.sd_bus_message_get_destination(signal) &&
        (!match->sender || !sender || strcmp(match->sender, sender) != 0))
        return 0;
    /* Nothing is taken after a gap until the reader knows of it. */
    if (match->count == SDME_BUS_MATCH_MAX || match->dropped) {
        match->dropped++;
        return 0;
    }
    match->queue[(match->first + match->count++) % SDME_BUS_MATCH_MAX] =
        match->bus->lib.sd_bus_message_ref(signal);
    return 0;
}

static int on_installed(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error _unused_)
{
    struct sdme_bus_match *match = userdata;
    const sd_bus_error *error = match->bus->lib.sd_bus_message_get_error(reply);

    if (error && match->bus->lib.sd_bus_is_open(match->bus->connection) > 0)
        sdme_fail_as(&match->refused, error_code(match->bus, error), "match signals on %s: %s",
                     match->bus->name, error->message ? error->message : error->name);
    return 0;
}

struct sdme_bus *sdme_bus_match_bus(const struct sdme_bus_match *match)
{
    return match->bus;
}

struct sdme_bus_match *sdme_bus_match_free(struct sdme_bus_match *match)
{
    if (!match)
        return NULL;
    match->bus->lib.sd_bus_slot_unref(match->slot);
    for (unsigned int i = 0; i < match->count; i++)
        match->bus->lib.sd_bus_message_unref(match->queue[(match->first + i) % SDME_BUS_MATCH_MAX]);
    sdme_bus_unref(match->bus);
    free(match->rule);
    free(match->sender);
    free(match);
    return NULL;
}

int sdme_bus_match_start(struct sdme_bus *bus, const char *rule, const char *sender,
                         struct sdme_bus_match **ret_match, struct sdme_error *error)
{
    struct sdme_bus_match *match;
    int r;

    if (bus->failure)
        return bus_failed(bus, error);
    match = calloc(1, sizeof *match);
    if (!match)
        return sdme_fail(error, ENOMEM, "match signals");
    match->bus = sdme_bus_ref(bus);
    if (asprintf(&match->rule, "type='signal'%s%s", *rule ? "," : "", rule) < 0)
        match->rule = NULL;
    match->sender = sender ? strdup(sender) : NULL;
    if (!match->rule || (sender && !match->sender))
        r = -ENOMEM;
    else
        r = bus->lib.sd_bus_add_match_async(bus->connection, &match->slot, match->rule, on_signal,
                                            on_installed, match);
    if (r < 0) {
        sdme_bus_match_free(match);
        return sdme_fail(error, r, "match %s on %s", rule, bus->name);
    }
    *ret_match = match;
    return 0;
}

int sdme_bus_match_next(struct sdme_bus_match *match, sd_bus_message **ret_signal,
                        struct sdme_error *error)
{
    if (match->count == 0 && !match->dropped && !match->refused.code)
        bus_process(match->bus);
    if (match->count > 0) {
        *ret_signal = match->queue[match->first];
        match->first = (match->first + 1) % SDME_BUS_MATCH_MAX;
        match->count--;
        return 1;
    }
    if (match->dropped) {
        unsigned int dropped = match->dropped;

        match->dropped = 0;
        return sdme_fail_as(error, EOVERFLOW, "%u signals of %s were lost: they came too quickly",
                            dropped, match->bus->name);
    }
    if (match->refused.code) {
        *error = match->refused;
        return -error->code;
    }
    return match->bus->failure ? bus_failed(match->bus, error) : 0;
}

void sdme_bus_match_poll(struct sdme_bus_match *match, struct pollfd *ret_entry,
                         double *ret_timeout)
{
    if (match->count > 0 || match->dropped || match->refused.code) {
        ret_entry->fd = -1;
        *ret_timeout = 0;
        return;
    }
    bus_poll(match->bus, INFINITY, ret_entry, ret_timeout);
}
