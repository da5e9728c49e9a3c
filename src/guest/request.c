/* SPDX-License-Identifier: MIT */
/*
 * request --socket PATH -- PROGRAM...
 *
 * Asks the broker of the container's host (src/runtime/broker.h) to run a program of ours in a
 * network that only the host can enter, as it would run here: with our standard descriptors and
 * environment. The program is told by --controlled that it is run so. Signals are passed on to it,
 * and we end as it does.
 */
#include "program.h"
#include "supervise.h"
#include "system.h"
#include "terminal.h"
#include "text.h"

const char program_name[] = "request";

enum { REQUEST_MAX = 1 << 17, STATUS_KILLED = 128 + SIGKILL, REASON_MAX = 900 };

/* struct sdme_broker_head, and the strings behind it */
static struct request {
    uint32_t arguments;
    uint32_t variables;
    char strings[REQUEST_MAX - 8];
} request;

static uint32_t add_strings(char *const *strings, size_t *length)
{
    uint32_t count = 0;

    for (; strings[count]; count++) {
        struct text one = text_of(strings[count]);

        if (one.length + 1 > sizeof request.strings - *length)
            program_fail(STATUS_FAILED, "the command and its environment are longer than 131064 "
                                        "bytes");
        for (size_t i = 0; i <= one.length; i++)
            request.strings[(*length)++] = one.bytes[i];
    }
    return count;
}

static int connect_to(const char *path)
{
    struct unix_address address = {.family = AF_UNIX};
    struct text name = text_of(path);
    int fd, code;

    if (name.length >= sizeof address.path)
        program_fail(STATUS_FAILED, "--socket: the path is too long");
    for (size_t i = 0; i < name.length; i++)
        address.path[i] = name.bytes[i];
    fd = (int) CALL(NR_SOCKET, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    code = fd < 0 ? fd : (int) CALL(NR_CONNECT, fd, &address, sizeof address);
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "connect to the host's broker at ", path);
    return fd;
}

/* A message, of which a reason follows its first byte; ends the program where the broker has
 * refused. 0 at the end. */
static long receive(int connection, char *message, size_t size)
{
    long count;

    do
        count = sys_read(connection, message, size - 1);
    while (count == -EINTR);
    if (count <= 0)
        return 0;
    message[count] = '\0';
    if (message[0] == CONTROL_REFUSED)
        program_fail(STATUS_FAILED, "the host's broker: ", message + 1);
    return count;
}

static void send_request(int connection, char *const *argv, char *const *env)
{
    struct descriptor_message streams = {.length = 28, /* CMSG_LEN(12) */
                                         .level = SOL_SOCKET,
                                         .type = SCM_RIGHTS,
                                         .descriptors = {0, 1, 2}};
    struct io_vector vector = {.base = &request};
    struct message_header header = {.vectors = &vector,
                                    .vector_count = 1,
                                    .control = &streams,
                                    .control_length = sizeof streams};
    char message[REASON_MAX];
    size_t length = 0;
    long code;

    request.arguments = add_strings(argv, &length);
    request.variables = add_strings(env, &length);
    vector.length = length + 8;
    /* It has to know who asks before we do. */
    if (receive(connection, message, sizeof message) == 0)
        program_fail(STATUS_FAILED, "the host's broker hasn't answered");
    code = CALL(NR_SENDMSG, connection, &header, MSG_NOSIGNAL);
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "send a request to the host's broker");
}

static void pass_signals(int signals, int connection)
{
    int number;

    while ((number = supervise_signal(signals)) != 0) {
        unsigned char byte = (unsigned char) number;

        if (number != SIGCHLD)
            CALL(NR_SENDTO, connection, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

/* Until the program has ended; returns its exit status. */
static int await(int connection, int signals)
{
    struct poll_entry entries[] = {{.fd = signals, .events = POLLIN},
                                   {.fd = connection, .events = POLLIN}};
    char message[REASON_MAX];
    bool begun = false;

    for (;;) {
        entries[1].returned = 0;
        sys_poll(entries, ELEMENTS(entries), NULL);
        pass_signals(signals, connection);
        if (!entries[1].returned)
            continue;
        switch (receive(connection, message, sizeof message) ? message[0] : 0) {
        case CONTROL_BEGUN:
            begun = true;
            break;
        case CONTROL_ENDED:
            return (unsigned char) message[1];
        default:
            if (!begun)
                program_fail(STATUS_FAILED, "the host's broker has ended");
            return STATUS_KILLED;
        }
    }
}

int program_main(char **argv, char **env)
{
    const char *path = NULL;
    const struct option options[] = {{"socket", &path, NULL}};
    char **command = program_options(argv, options, ELEMENTS(options));
    signal_set mask;
    int signals, connection;

    if (!path)
        program_fail(STATUS_FAILED, "--socket: expected the path of a socket");
    program_close_others();
    connection = connect_to(path);
    signals = supervise_signals(&mask);
    terminal_give();
    send_request(connection, command, env);
    return await(connection, signals);
}
