/* SPDX-License-Identifier: MIT */
#include "archive_unpack.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/xattr.h>

#include "archive_attribute.h"
#include "archive_child.h"
#include "directory.h"
#include "path.h"
#include "pool.h"
#include "process.h"
#include "util.h"

const struct sdme_archive_limits sdme_archive_limits_standard = {
    .size = 1ULL << 40,
    .entries = 10000000,
    .ratio = 1000,
    .window = 128 << 20,
    .path = PATH_MAX - 1,
    .depth = 1024,
};

enum {
    MESSAGES_AT_ONCE = 64, /* that a step works off, so that it doesn't take long */
    IMPLIED_MAX = 8 << 20, /* bytes of paths, which a child that means well stays below */
};

struct sdme_unpack {
    struct sdme_process process;
    int socket;
    int directory;
    struct sdme_unpack_counters *counters;
    char *implied; /* paths, each with a NUL */
    size_t implied_size;
    bool told;                          /* the message below is the child's last */
    struct sdme_unpack_message message; /* how it went */
    union {
        struct sdme_unpack_message message;
        char bytes[SDME_UNPACK_MESSAGE_MAX];
    } received;
};

static int require_empty(int directory, struct sdme_error *error)
{
    _cleanup_close_ int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sdme_names names;

    if (fd < 0)
        return sdme_fail(error, errno, "open the directory to unpack into");
    int code = sdme_names_read(fd, "the directory to unpack into", &names, error);
    if (code < 0)
        return code;
    size_t count = names.count;
    sdme_names_free(&names);
    return count == 0 ? 0 : sdme_fail(error, ENOTEMPTY, "unpack");
}

/* Forks with all signals blocked: no handler of ours may run in the child, which has its own. */
static int start_child(struct sdme_unpack *unpack, struct sdme_unpack_child *child,
                       struct sdme_error *error)
{
    sigset_t all, saved;

    child->parent = getpid();
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &saved);
    pid_t pid = fork();
    if (pid == 0)
        sdme_unpack_child_main(child);
    int code = pid < 0 ? sdme_fail(error, errno, "start a process to unpack in") : 0;
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    if (code < 0)
        return code;
    unpack->process.pid = pid;
    unpack->process.pidfd = pidfd_open(pid, 0);
    if (unpack->process.pidfd >= 0)
        return 0;
    code = sdme_fail(error, errno, "start a process to unpack in");
    kill(pid, SIGKILL);
    return code;
}

/* All that would have to be loaded in the child is loaded and made here. */
static int prepare_child(struct sdme_unpack *unpack, const struct sdme_unpack_options *options,
                         struct sdme_unpack_child *child, struct sdme_error *error)
{
    unsigned int threads = options->threads ? options->threads : sdme_pool_threads() + 1;

    unpack->counters = mmap(NULL, sizeof *unpack->counters, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (unpack->counters == MAP_FAILED) {
        unpack->counters = NULL;
        return sdme_fail(error, errno, "unpack");
    }
    child->counters = unpack->counters;
    int code = sdme_archive_input_new(options->input, options->compression, options->limits.ratio,
                                      options->limits.window, &unpack->counters->consumed,
                                      &child->input, error);
    if (code < 0)
        return code;
    if (options->undigested)
        sdme_archive_input_leave_undigested(child->input);
    return sdme_archive_pipeline_new(child->input, threads, &child->pipeline, error);
}

static int start(struct sdme_unpack *unpack, const struct sdme_unpack_options *options,
                 struct sdme_error *error)
{
    struct sdme_unpack_child child = {.options = options, .socket = -1};
    int sockets[2];

    int code = require_empty(options->directory, error);
    if (code < 0)
        return code;
    unpack->directory = fcntl(options->directory, F_DUPFD_CLOEXEC, 0);
    if (unpack->directory < 0)
        return sdme_fail(error, errno, "unpack");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        return sdme_fail(error, errno, "unpack");
    unpack->socket = sockets[0];
    child.socket = sockets[1];
    code = prepare_child(unpack, options, &child, error);
    if (code >= 0)
        code = start_child(unpack, &child, error);
    sdme_close(child.socket);
    sdme_archive_pipeline_free(child.pipeline);
    sdme_archive_input_free(child.input);
    return code;
}

int sdme_unpack_start(const struct sdme_unpack_options *options, struct sdme_unpack **ret_unpack,
                      struct sdme_error *error)
{
    struct sdme_unpack *unpack = calloc(1, sizeof *unpack);

    if (!unpack)
        return sdme_fail(error, ENOMEM, "unpack");
    unpack->process = (struct sdme_process){.pidfd = -1, .streams = {-1, -1, -1}};
    unpack->socket = unpack->directory = -1;
    int code = start(unpack, options, error);
    if (code < 0) {
        sdme_unpack_free(unpack);
        return code;
    }
    *ret_unpack = unpack;
    return 0;
}

void sdme_unpack_free(struct sdme_unpack *unpack)
{
    if (!unpack)
        return;
    sdme_process_close(&unpack->process);
    sdme_close(unpack->socket);
    sdme_close(unpack->directory);
    if (unpack->counters)
        munmap(unpack->counters, sizeof *unpack->counters);
    free(unpack->implied);
    free(unpack);
}

int sdme_unpack_descriptor(const struct sdme_unpack *unpack)
{
    return unpack->told ? unpack->process.pidfd : unpack->socket;
}

void sdme_unpack_progress(const struct sdme_unpack *unpack, uint64_t *ret_consumed,
                          uint64_t *ret_entries)
{
    *ret_consumed = atomic_load_explicit(&unpack->counters->consumed, memory_order_relaxed);
    *ret_entries = atomic_load_explicit(&unpack->counters->entries, memory_order_relaxed);
}

/* What overlayfs is told with may only be that a directory is opaque. */
static bool may_set(const char *name, const char *value, size_t size, bool is_directory)
{
    if (!strcmp(name, "trusted.overlay.opaque"))
        return is_directory && size == 1 && *value == 'y';
    return sdme_archive_attribute(name) == SDME_ATTRIBUTE_TRUSTED;
}

static int set_trusted(const struct sdme_unpack *unpack, const char *path, const char *name,
                       const char *value, size_t size, struct sdme_error *error)
{
    _cleanup_close_ int fd = -1;
    struct stat file;

    int code = sdme_path_open(unpack->directory, path, O_PATH | O_NOFOLLOW, 0, &fd, error);
    if (code < 0)
        return code;
    if (fstat(fd, &file) < 0)
        return sdme_fail(error, errno, "stat");
    if (!may_set(name, value, size, S_ISDIR(file.st_mode)))
        return sdme_fail(error, EPERM, "set %s", name);
    if (setxattr(sdme_path_of_fd(fd).text, name, value, size, 0) < 0)
        return sdme_fail(error, errno, "set %s", name);
    return 0;
}

static int answer(struct sdme_unpack *unpack, size_t received, struct sdme_error *error)
{
    const struct sdme_unpack_message *message = &unpack->received.message;
    const char *bytes = unpack->received.bytes + sizeof *message;
    char path[PATH_MAX], name[SDME_UNPACK_ATTRIBUTE_NAME + 1];
    size_t path_size = message->trusted.path_size, name_size = message->trusted.name_size;
    size_t value_size = message->trusted.value_size;
    struct sdme_unpack_answer reply = {{0}};

    if (path_size >= sizeof path || name_size >= sizeof name ||
        sizeof *message + path_size + name_size + value_size != received)
        return sdme_fail_as(error, EPROTO, "the process that unpacks asks for nonsense");
    memcpy(path, bytes, path_size);
    path[path_size] = '\0';
    memcpy(name, bytes + path_size, name_size);
    name[name_size] = '\0';
    set_trusted(unpack, path, name, bytes + path_size + name_size, value_size, &reply.error);
    /* A child that doesn't read its answers doesn't make us wait. */
    if (send(unpack->socket, &reply, sizeof reply, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
        errno != EPIPE && errno != ECONNRESET)
        return sdme_fail(error, errno, "answer the process that unpacks");
    return 0;
}

static int add_implied(struct sdme_unpack *unpack, size_t received, struct sdme_error *error)
{
    const struct sdme_unpack_message *message = &unpack->received.message;
    const char *path = unpack->received.bytes + sizeof *message;
    size_t size = message->trusted.path_size;

    if (size == 0 || size >= PATH_MAX || sizeof *message + size != received ||
        memchr(path, '\0', size) || unpack->implied_size > IMPLIED_MAX)
        return sdme_fail_as(error, EPROTO, "the process that unpacks says nonsense");
    char *implied = realloc(unpack->implied, unpack->implied_size + size + 1);
    if (!implied)
        return sdme_fail(error, ENOMEM, "unpack");
    memcpy(implied + unpack->implied_size, path, size);
    unpack->implied = implied;
    unpack->implied_size += size + 1;
    implied[unpack->implied_size - 1] = '\0';
    return 0;
}

/* One message: 1 if it was the last, 0 if there are none now, 2 if there may be more. */
static int receive(struct sdme_unpack *unpack, struct sdme_error *error)
{
    ssize_t received =
        recv(unpack->socket, &unpack->received, sizeof unpack->received, MSG_DONTWAIT | MSG_TRUNC);

    if (received < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (received <= 0) { /* it is gone */
        unpack->message.kind = SDME_UNPACK_FAILED;
        return 1;
    }
    if ((size_t) received < sizeof unpack->message || (size_t) received > sizeof unpack->received)
        return sdme_fail_as(error, EPROTO, "the process that unpacks says nonsense");
    if (unpack->received.message.kind == SDME_UNPACK_TRUSTED) {
        int code = answer(unpack, (size_t) received, error);
        return code < 0 ? code : 2;
    }
    if (unpack->received.message.kind == SDME_UNPACK_IMPLIED) {
        int code = add_implied(unpack, (size_t) received, error);
        return code < 0 ? code : 2;
    }
    unpack->message = unpack->received.message;
    return 1;
}

static int copy_failure(const struct sdme_unpack *unpack, struct sdme_error *error)
{
    const struct sdme_error *failed = &unpack->message.failed;
    const struct sdme_process *process = &unpack->process;

    if (failed->code > 0)
        return sdme_fail_as(error, failed->code, "%.*s", (int) sizeof failed->message - 1,
                            failed->message);
    if (process->signal)
        return sdme_fail_as(error, EIO, "the process that unpacks was killed by signal %d",
                            process->signal);
    return sdme_fail_as(error, EIO, "the process that unpacks ended with status %d", process->code);
}

/* Nothing that the child says is taken for a string without a look. */
static int copy_result(const struct sdme_unpack *unpack, struct sdme_unpack_result *ret_result,
                       struct sdme_error *error)
{
    const struct sdme_unpack_message *message = &unpack->message;
    const char *compression = sdme_archive_compression(message->done.compression);

    if (message->kind != SDME_UNPACK_DONE || !compression ||
        (message->done.digest[0] && strnlen(message->done.digest, SDME_DIGEST_HEX) != 64) ||
        strnlen(message->done.diff_id, SDME_DIGEST_HEX) != 64)
        return sdme_fail_as(error, EPROTO, "the process that unpacks says nonsense");
    *ret_result = (struct sdme_unpack_result){
        .compression = compression,
        .consumed = message->done.consumed,
        .size = message->done.size,
        .entries = message->done.entries,
        .whiteouts = message->done.whiteouts,
        .implied = unpack->implied,
        .implied_size = unpack->implied_size,
    };
    memcpy(ret_result->digest, message->done.digest, SDME_DIGEST_HEX);
    memcpy(ret_result->diff_id, message->done.diff_id, SDME_DIGEST_HEX);
    return 1;
}

int sdme_unpack_step(struct sdme_unpack *unpack, struct sdme_unpack_result *ret_result,
                     struct sdme_error *error)
{
    int code = 2;

    for (int i = 0; !unpack->told && code == 2 && i < MESSAGES_AT_ONCE; i++)
        code = receive(unpack, error);
    if (code < 0)
        return code;
    unpack->told |= code == 1;
    if (!unpack->told)
        return 0;
    code = sdme_process_wait(&unpack->process, false, error);
    if (code <= 0)
        return code;
    return unpack->message.kind == SDME_UNPACK_FAILED ? copy_failure(unpack, error)
                                                      : copy_result(unpack, ret_result, error);
}
