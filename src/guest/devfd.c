/* SPDX-License-Identifier: MIT */
/*
 * devfd [--owner USER[:GROUP]] -- COMMAND...
 *
 * Runs a command that can open /dev/stdout and /dev/stderr. Those of a service are sockets to the
 * journal, which open(2) refuses (ENXIO). The command gets pipes instead, which belong to the user
 * that it is going to be, and what it writes is copied. What is no socket stays as it is.
 *
 * Ends with the status of the command, once all that it has written is out.
 */
#include "program.h"
#include "supervise.h"
#include "user.h"

const char program_name[] = "devfd";

enum { BUFFER_SIZE = 1 << 16 };

/* A pipe, and the socket that what comes through it goes to. */
struct stream {
    int source; /* -1 after its end */
    int target; /* 1 or 2; -1 when nobody listens any more: the command shall not suffer for it */
    size_t begin;
    size_t end;
    char buffer[BUFFER_SIZE];
};

struct streams {
    struct stream all[2];
    size_t count;
    int pipes[3]; /* the command's end for each of our descriptors, or 0 */
};

static struct streams streams;

static void add_stream(int target, const struct account *owner)
{
    struct stream *stream = &streams.all[streams.count++];
    int ends[2] = {-1, -1}, code;

    code = (int) CALL(NR_PIPE2, ends, O_CLOEXEC);
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "pipe");
    code = (int) CALL(NR_FCHOWN, ends[1], owner->uid, owner->gid);
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "owner of a pipe");
    CALL(NR_FCNTL, ends[0], F_SETFL, O_NONBLOCK);
    stream->source = ends[0];
    stream->target = target;
    streams.pipes[target] = ends[1];
}

/* Both streams are one pipe if they are one socket, so that their lines stay in order. */
static void add_streams(const struct account *owner)
{
    struct file_status output = {0}, error = {0};
    bool has_output = sys_status(1, "", &output) == 0 && (output.mode & S_IFMT) == S_IFSOCK;
    bool has_error = sys_status(2, "", &error) == 0 && (error.mode & S_IFMT) == S_IFSOCK;

    if (has_output)
        add_stream(1, owner);
    if (has_output && has_error && output.inode == error.inode &&
        output.dev_major == error.dev_major && output.dev_minor == error.dev_minor)
        streams.pipes[2] = streams.pipes[1];
    else if (has_error)
        add_stream(2, owner);
}

/* Standard input is the command's alone: whoever writes to it must learn when it is closed. */
static void keep_own_ends(void)
{
    sys_close(0);
    for (int fd = 1; fd <= 2; fd++)
        if (streams.pipes[fd] > 2)
            sys_close(streams.pipes[fd]);
}

_Noreturn static void run_command(char **argv, char **env, signal_set mask)
{
    for (int fd = 1; fd <= 2; fd++)
        if (streams.pipes[fd] > 0)
            CALL(NR_DUP3, streams.pipes[fd], fd, 0);
    supervise_restore(mask, false);
    program_execute(argv, env);
}

static void send_some(struct stream *stream)
{
    long count = CALL(NR_SENDTO, stream->target, stream->buffer + stream->begin,
                      stream->end - stream->begin, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (count >= 0)
        stream->begin += (size_t) count;
    else if (count != -EAGAIN && count != -EINTR)
        stream->target = -1;
    if (stream->target < 0)
        stream->begin = stream->end;
}

/* false if there is nothing to be had now. */
static bool receive_some(struct stream *stream)
{
    long count = sys_read(stream->source, stream->buffer, sizeof stream->buffer);

    if (count == -EAGAIN || count == -EINTR)
        return count == -EINTR;
    stream->begin = 0;
    stream->end = count > 0 ? (size_t) count : 0;
    if (count <= 0) {
        sys_close(stream->source);
        stream->source = -1;
    }
    return true;
}

/* Copies what can be copied without waiting. false if all that was in the pipe is out. */
static bool copy(struct stream *stream)
{
    for (;;) {
        if (stream->begin < stream->end) {
            size_t begin = stream->begin;

            send_some(stream);
            if (stream->begin == begin)
                return true;
        } else if (stream->source < 0 || !receive_some(stream)) {
            return false;
        }
    }
}

static void wait_for_more(int signals)
{
    struct poll_entry entries[3] = {{.fd = signals, .events = POLLIN}};

    for (size_t i = 0; i < streams.count; i++) {
        const struct stream *stream = &streams.all[i];
        bool full = stream->begin < stream->end;

        entries[1 + i].fd = full ? stream->target : stream->source;
        entries[1 + i].events = full ? POLLOUT : POLLIN;
    }
    sys_poll(entries, 1 + streams.count, NULL);
}

/* What the command leaves running may keep a pipe: then its end is when the pipe is empty. */
static int pump(int signals, int child)
{
    bool ended = false;
    int status = 0;

    for (;;) {
        bool busy = false;

        if (!ended)
            ended = supervise_step(signals, child, &status);
        for (size_t i = 0; i < streams.count; i++)
            busy |= copy(&streams.all[i]);
        if (ended && !busy)
            return status;
        wait_for_more(signals);
    }
}

int program_main(char **argv, char **env)
{
    const char *owner = NULL;
    const struct option options[] = {{"owner", &owner, NULL}};
    char **command = program_options(argv, options, ELEMENTS(options));
    signal_set mask;
    int signals, child;

    add_streams(user_find(owner));
    if (streams.count == 0)
        program_execute(command, env);
    signals = supervise_signals(&mask);
    child = sys_fork(0);
    if (child < 0)
        program_fail_errno(STATUS_FAILED, child, "fork");
    if (child == 0)
        run_command(command, env, mask);
    keep_own_ends();
    return pump(signals, child);
}
