/* SPDX-License-Identifier: MIT */
#include "process.h"

#include "file.h"
#include "program.h"
#include "system.h"

enum {
    CGROUP_PROCS_MAX = 1 << 22,
    CGROUP_MAX = 4096,
    STAT_START = 19, /* the field, from the one behind the name on */
};

void process_fail(const struct process *process, const char *reason)
{
    char number[21];

    text_from_number(process->pid, number);
    program_fail(STATUS_FAILED, "process ", number, ": ", reason);
}

static void number_path(char path[static 64], const char *prefix, uint64_t number,
                        const char *suffix)
{
    char digits[21];

    text_join(path, prefix, (struct text){digits, text_from_number(number, digits)}, suffix);
}

struct process process_open(uint64_t pid)
{
    struct process process = {.pid = pid};
    char path[64];

    number_path(path, "/proc/", pid, "");
    process.directory = sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    if (process.directory < 0)
        process_fail(&process, "no such process");
    return process;
}

struct text process_read(const struct process *process, const char *name, char *buffer)
{
    struct text content = {NULL, 0};
    int code = sys_open(process->directory, name, O_RDONLY);

    if (code >= 0)
        code = file_load(code, buffer, PROCESS_FILE, &content);
    if (code < 0)
        process_fail(process, program_error(code));
    return content;
}

uint64_t process_first_child(const struct process *process)
{
    char buffer[PROCESS_FILE], path[64];
    struct text rest, number;
    uint64_t child;

    number_path(path, "task/", process->pid, "/children");
    rest = process_read(process, path, buffer);
    text_cut(&rest, ' ', &number);
    return text_to_number(number, PROCESS_MAX, &child) ? child : 0;
}

static uint64_t namespace_of(const struct process *process, const char *link)
{
    struct file_status status;
    int fd = sys_open(process->directory, link, O_RDONLY);

    if (fd < 0)
        process_fail(process, program_error(fd));
    sys_status(fd, "", &status);
    sys_close(fd);
    return status.inode;
}

bool process_shares_namespace(const struct process *a, const struct process *b, const char *link)
{
    return namespace_of(a, link) == namespace_of(b, link);
}

int process_open_cgroup(struct text cgroup, int flags)
{
    static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    char path[CGROUP_MAX + 64];
    int fd = -ENOENT;

    if (cgroup.length > CGROUP_MAX)
        return -ENAMETOOLONG;
    for (size_t i = 0; fd < 0 && i < ELEMENTS(roots); i++) {
        text_join(path, roots[i], cgroup, "/cgroup.procs");
        fd = sys_open(AT_FDCWD, path, flags | O_NOFOLLOW);
    }
    return fd;
}

/* Unlike others a process of a cgroup may be gone at any time. */
static bool is_in_namespace(uint64_t pid, uint64_t namespace)
{
    struct file_status status;
    char path[64];
    int fd;

    number_path(path, "/proc/", pid, "/ns/pid");
    fd = sys_open(AT_FDCWD, path, O_RDONLY);
    if (fd < 0)
        return false;
    sys_status(fd, "", &status);
    sys_close(fd);
    return status.inode == namespace;
}

/* When a process began; false if it is gone. Its name is whatever it likes, with parentheses too.
 */
static bool start_of(uint64_t pid, uint64_t *ret_start)
{
    char path[64], buffer[PROCESS_FILE];
    struct text rest, field = {NULL, 0};
    size_t name_end = 0;
    int fd;

    number_path(path, "/proc/", pid, "/stat");
    fd = sys_open(AT_FDCWD, path, O_RDONLY);
    if (fd < 0 || file_load(fd, buffer, sizeof buffer, &rest) < 0)
        return false;
    for (size_t i = 0; i < rest.length; i++)
        if (rest.bytes[i] == ')')
            name_end = i;
    if (name_end + 2 > rest.length)
        return false;
    rest = (struct text){rest.bytes + name_end + 2, rest.length - name_end - 2};
    for (int i = 0; i <= STAT_START; i++)
        if (!text_cut(&rest, ' ', &field))
            return false;
    return text_to_number(field, UINT64_MAX, ret_start);
}

/* What cgroup.procs says, in memory that the next call takes for its own. */
static int load_members(struct text cgroup, struct text *ret_members)
{
    static char buffer[CGROUP_PROCS_MAX];
    int code = process_open_cgroup(cgroup, O_RDONLY);

    return code < 0 ? code : file_load(code, buffer, sizeof buffer, ret_members);
}

/* The next that is in the PID namespace; 0 behind the last. */
static uint64_t next_member(struct text *members, uint64_t namespace)
{
    struct text line;
    uint64_t pid;

    while (text_cut(members, '\n', &line))
        if (text_to_number(line, PROCESS_MAX, &pid) && pid != 0 && is_in_namespace(pid, namespace))
            return pid;
    return 0;
}

uint64_t process_of_cgroup(const char *cgroup, const struct process *self, uint64_t *ret_start)
{
    uint64_t pid, start, oldest = 0, oldest_start = UINT64_MAX, own = namespace_of(self, "ns/pid");
    struct text members;
    int code = load_members(text_of(cgroup), &members);

    if (code == -ENOENT || code == -ENODEV)
        return 0;
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "cgroup ", cgroup);
    while ((pid = next_member(&members, own)) != 0) {
        if (!start_of(pid, &start) || start >= oldest_start)
            continue;
        oldest = pid;
        oldest_start = start;
    }
    if (oldest != 0 && ret_start)
        *ret_start = oldest_start;
    return oldest;
}

uint64_t process_init_of_cgroup(struct text cgroup, const struct process *self)
{
    uint64_t pid, child, own = namespace_of(self, "ns/pid");
    struct text members;

    if (load_members(cgroup, &members) < 0)
        return 0;
    while ((pid = next_member(&members, own)) != 0) {
        struct process process = process_open(pid);

        child = process_first_child(&process);
        sys_close(process.directory);
        if (child != 0 && !is_in_namespace(child, own))
            return child;
    }
    return 0;
}
