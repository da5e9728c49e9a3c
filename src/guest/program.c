/* SPDX-License-Identifier: MIT */
#include "program.h"

#include "system.h"
#include "text.h"

static const char DEFAULT_PATH[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

enum { PATH_MAX = 4096 };

DEFINE_ENTRY;

void start(long *stack);

__attribute__((used)) void start(long *stack)
{
    char **argv = (char **) (stack + 1);
    char **env = argv + stack[0] + 1;

    if (stack[0] == 0)
        sys_exit(STATUS_FAILED);
    program_end(program_main(argv, env));
}

static bool controlled;

void program_take_control(void)
{
    const char begun = CONTROL_BEGUN;

    controlled = true;
    CALL(NR_SENDTO, PROGRAM_CONTROL, &begun, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void program_leave_control(void)
{
    if (controlled)
        sys_close(PROGRAM_CONTROL);
    controlled = false;
}

int program_control(void)
{
    return controlled ? PROGRAM_CONTROL : -1;
}

void program_end(int status)
{
    const char ended[] = {CONTROL_ENDED, (char) status};

    if (controlled)
        CALL(NR_SENDTO, PROGRAM_CONTROL, ended, sizeof ended, MSG_NOSIGNAL | MSG_DONTWAIT);
    sys_exit(status);
}

static const struct {
    int number;
    const char *text;
} errors[] = {
    {EPERM, "operation not permitted"},
    {ENOENT, "no such file or directory"},
    {ESRCH, "no such process"},
    {EIO, "input/output error"},
    {ENXIO, "no such device or address"},
    {E2BIG, "argument list too long"},
    {ENOEXEC, "not a program that this machine can execute"},
    {EAGAIN, "not now: a limit on processes, perhaps"},
    {ENOMEM, "out of memory"},
    {EACCES, "permission denied"},
    {EBUSY, "busy"},
    {ENODEV, "not supported by this kernel"},
    {ENOTDIR, "not a directory"},
    {EISDIR, "is a directory"},
    {EINVAL, "invalid argument"},
    {ENFILE, "too many open files"},
    {EMFILE, "too many open files"},
    {ETXTBSY, "being written to"},
    {ENOSPC, "no space left"},
    {ENAMETOOLONG, "name too long"},
    {ENOSYS, "no such system call, or a seccomp filter forbids it"},
    {ELOOP, "is a symbolic link, or too many of them"},
};

const char *program_error(int negative_errno)
{
    static char unknown[32] = "error ";

    for (size_t i = 0; i < ELEMENTS(errors); i++)
        if (errors[i].number == -negative_errno)
            return errors[i].text;
    text_from_number((uint64_t) -negative_errno, unknown + 6);
    return unknown;
}

/* A line that is written at once, so that lines of several processes don't mix. */
struct line {
    size_t length;
    char bytes[1024];
};

static void line_add(struct line *line, const char *part)
{
    static const char hex[] = "0123456789abcdef";

    for (; *part && line->length < sizeof line->bytes - 8; part++) {
        unsigned char byte = (unsigned char) *part;

        if (byte >= ' ' && byte < 0x7f) {
            line->bytes[line->length++] = *part;
            continue;
        }
        line->bytes[line->length++] = '\\';
        line->bytes[line->length++] = 'x';
        line->bytes[line->length++] = hex[byte >> 4];
        line->bytes[line->length++] = hex[byte & 15];
    }
}

void program_say_(const char *const *parts)
{
    struct line line = {.length = 0};

    line_add(&line, program_name);
    line_add(&line, ": ");
    for (; *parts; parts++)
        line_add(&line, *parts);
    line.bytes[line.length++] = '\n';
    sys_write(2, line.bytes, line.length);
}

void program_fail_(int status, const char *const *parts)
{
    program_say_(parts);
    program_end(status);
}

static const struct option *find_option(struct text name, const struct option *options,
                                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(name, text_of(options[i].name)))
            return &options[i];
    return NULL;
}

char **program_options(char **argv, const struct option *options, size_t count)
{
    char **word = argv + 1;

    for (; *word && (*word)[0] == '-' && (*word)[1] == '-'; word++) {
        struct text rest = text_of(*word + 2), name;
        const struct option *option;

        if (rest.length == 0) {
            word++;
            break;
        }
        text_cut(&rest, '=', &name);
        option = find_option(name, options, count);
        if (!option)
            program_fail(STATUS_FAILED, "unknown option ", *word);
        else if (option->flag && rest.bytes)
            program_fail(STATUS_FAILED, "--", option->name, " takes no value");
        else if (option->flag)
            *option->flag = true;
        else if (rest.bytes)
            *option->value = rest.bytes;
        else if (word[1])
            *option->value = *++word;
        else
            program_fail(STATUS_FAILED, "--", option->name, " needs a value");
    }
    if (!*word || !**word)
        program_fail(STATUS_FAILED, "there is no command to run");
    return word;
}

void program_close_others(void)
{
    int code = (int) CALL(NR_CLOSE_RANGE, controlled ? PROGRAM_CONTROL + 1 : 3, UINT32_MAX, 0);

    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "close_range");
}

const char *program_variable(char *const *env, const char *name)
{
    struct text wanted = text_of(name);

    for (; *env; env++) {
        struct text value = text_of(*env), found;

        text_cut(&value, '=', &found);
        if (value.bytes && text_equal(found, wanted))
            return value.bytes;
    }
    return NULL;
}

/* Says why @path, which execve(2) refused, is no command. */
_Noreturn static void refuse(const char *path, int result)
{
    if (result == -ENOENT && CALL(NR_FACCESSAT, AT_FDCWD, path, F_OK) == 0)
        program_fail(STATUS_NOT_EXECUTABLE, path, ": its interpreter is missing");
    if (result == -ENOENT || result == -ENOTDIR)
        program_fail(STATUS_NOT_FOUND, path, ": not found");
    program_fail_errno(STATUS_NOT_EXECUTABLE, result, path);
}

/* "DIRECTORY/NAME"; false if that is too long for a path. */
static bool join(char *path, struct text directory, struct text name)
{
    size_t length = 0;

    if (directory.length + name.length + 2 > PATH_MAX)
        return false;
    for (size_t i = 0; i < directory.length; i++)
        path[length++] = directory.bytes[i];
    path[length++] = '/';
    for (size_t i = 0; i < name.length; i++)
        path[length++] = name.bytes[i];
    path[length] = '\0';
    return true;
}

static bool has_slash(const char *name)
{
    struct text rest = text_of(name), first;

    text_cut(&rest, '/', &first);
    return rest.bytes != NULL;
}

_Noreturn void program_execute(char *const *argv, char *const *env)
{
    const char *search = program_variable(env, "PATH");
    struct text rest = text_of(search && *search ? search : DEFAULT_PATH), directory;
    static char path[PATH_MAX], refused[PATH_MAX];
    int result = 0;

    if (has_slash(argv[0]))
        refuse(argv[0], (int) CALL(NR_EXECVE, argv[0], argv, env));
    while (text_cut(&rest, ':', &directory)) {
        int code;

        if (directory.length == 0 || directory.bytes[0] != '/')
            continue;
        if (!join(path, directory, text_of(argv[0])))
            continue;
        code = (int) CALL(NR_EXECVE, path, argv, env);
        if (code == -ENOTDIR || (code == -ENOENT && CALL(NR_FACCESSAT, AT_FDCWD, path, F_OK) != 0))
            continue;
        if (code != -EACCES)
            refuse(path, code);
        if (result == 0)
            join(refused, directory, text_of(argv[0]));
        result = code;
    }
    if (result != 0)
        refuse(refused, result);
    program_fail(STATUS_NOT_FOUND, argv[0], ": not found in ", search ? search : DEFAULT_PATH);
}
