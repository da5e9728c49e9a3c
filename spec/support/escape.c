/* SPDX-License-Identifier: MIT */
/*
 * escape [ATTEMPT...] <VALUES
 *
 * Tries what a process in a container should not get away with, and prints a line for each attempt:
 * its name, and "yes" if it succeeded, else "no" and why. Each attempt is made by a child of its
 * own, and none changes anything of a host that lets it. The values, a line NAME=VALUE each, say
 * what belongs to the host; without names of attempts all are made but those that end their
 * container.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/quota.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* What the spec says of the host, see read_values(). */
static struct {
    const char *marker;  /* a path that only what is outside has */
    const char *command; /* a word of the command line of a process outside */
    const char *socket;  /* the name of an abstract socket outside */
    const char *bind;    /* a directory of the host that is bound, with a "secret" beside it */
    const char *bus;     /* DEVICE:INODE of the host's bus */
    const char *mount_namespace, *pid_namespace; /* as readlink(1) shows them */
} host;

/* Where a child may make what it needs. */
static char scratch[] = "/tmp/escape.XXXXXX";

/* 0: it succeeded; an errno: it didn't. */
typedef int attempt_fn(void);

static int result(long code)
{
    return code < 0 ? errno : 0;
}

/* A kernel that finds the arguments wrong has already let us. */
static int permitted(long code)
{
    if (code >= 0)
        return 0;
    return errno == EPERM || errno == EACCES || errno == ENOSYS || errno == EROFS ? errno : 0;
}

static int open_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);

    return result(fd);
}

static int read_path(const char *path)
{
    char byte;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return errno;
    return read(fd, &byte, 1) == 1 ? 0 : EIO;
}

static int mount_on_scratch(const char *type, const char *data)
{
    return result(mount(type, scratch, type, 0, data));
}

/* A file of /proc, as it is, made writable, and in one that is mounted anew. */
static int reach(const char *mounted, const char *type, const char *path, int flags)
{
    char full[256];
    int code;

    snprintf(full, sizeof full, "%s/%s", mounted, path);
    code = open_path(full, flags);
    if (code == 0)
        return 0;
    if (unshare(CLONE_NEWNS) == 0) {
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
        mount(NULL, mounted, NULL, MS_REMOUNT | MS_BIND, NULL);
        snprintf(full, sizeof full, "%s/sys", mounted);
        mount(NULL, full, NULL, MS_REMOUNT | MS_BIND, NULL);
        umount2(full, MNT_DETACH);
        snprintf(full, sizeof full, "%s/%s", mounted, path);
        umount2(full, MNT_DETACH);
        if (open_path(full, flags) == 0)
            return 0;
        if (mount_on_scratch(type, NULL) == 0) {
            snprintf(full, sizeof full, "%s/%s", scratch, path);
            return open_path(full, flags);
        }
    }
    return code;
}

static int write_proc(const char *path)
{
    return reach("/proc", "proc", path, O_WRONLY);
}

static int core_pattern(void) { return write_proc("sys/kernel/core_pattern"); }
static int modprobe_path(void) { return write_proc("sys/kernel/modprobe"); }
static int sysctl_vm(void) { return write_proc("sys/vm/panic_on_oom"); }
static int sysrq(void) { return write_proc("sysrq-trigger"); }
static int kcore(void) { return reach("/proc", "proc", "kcore", O_RDONLY); }
static int uevent_helper(void) { return reach("/sys", "sysfs", "kernel/uevent_helper", O_WRONLY); }
static int power_state(void) { return reach("/sys", "sysfs", "power/state", O_WRONLY); }

static int sysfs_write(void)
{
    return reach("/sys", "sysfs", "module/kernel/parameters/panic", O_WRONLY);
}

static int mount_tmpfs(void) { return mount_on_scratch("tmpfs", NULL); }
static int mount_bind(void) { return result(mount("/usr", scratch, NULL, MS_BIND, NULL)); }
static int mount_debugfs(void) { return mount_on_scratch("debugfs", NULL); }
static int mount_tracefs(void) { return mount_on_scratch("tracefs", NULL); }
static int mount_securityfs(void) { return mount_on_scratch("securityfs", NULL); }
static int mount_bpffs(void) { return mount_on_scratch("bpf", NULL); }
static int mount_devtmpfs(void) { return mount_on_scratch("devtmpfs", NULL); }

/* Its filesystem, which with a user namespace isn't ours. */
static int remount_root(void) { return result(mount(NULL, "/", NULL, MS_REMOUNT, "")); }

static int cgroup_v1(void)
{
    int code = mount_on_scratch("cgroup", "none,name=escape");

    if (code == 0)
        umount(scratch);
    return code;
}

static int release_agent(void)
{
    char path[128];
    int code = mount_on_scratch("cgroup", "none,name=escape");

    if (code)
        return code;
    snprintf(path, sizeof path, "%s/release_agent", scratch);
    code = open_path(path, O_WRONLY);
    umount(scratch);
    return code;
}

static int use_node(mode_t type, unsigned major, unsigned minor)
{
    char path[128];

    snprintf(path, sizeof path, "%s/node", scratch);
    if (mknod(path, type | 0600, makedev(major, minor)) < 0)
        return errno;
    return open_path(path, O_RDONLY);
}

static int device_mem(void) { return use_node(S_IFCHR, 1, 1); }
static int device_kmsg(void) { return use_node(S_IFCHR, 1, 11); }
static int device_disk(void) { return use_node(S_IFBLK, 8, 0); }
static int device_loop(void) { return use_node(S_IFBLK, 7, 0); }

static int make_node(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/null", scratch);
    return result(mknod(path, S_IFCHR | 0666, makedev(1, 3)));
}

static int mount_disk(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/disk", scratch);
    if (mknod(path, S_IFBLK | 0600, makedev(7, 0)) < 0)
        return errno;
    return permitted(mount(path, "/mnt", "ext4", MS_RDONLY, NULL));
}

static int raw_socket(void) { return result(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); }
static int packet_socket(void) { return result(socket(AF_PACKET, SOCK_RAW, 0)); }

static int network_admin(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        return errno;
    return result(ioctl(fd, SIOCSIFFLAGS, &request));
}

static int add_key(void)
{
    return result(syscall(SYS_add_key, "user", "escape", "x", (size_t) 1, -2));
}

static int search_key(void)
{
    return result(syscall(SYS_keyctl, 10L, -4L, "user", "sdme-escape", 0L));
}

static int read_keys(void) { return read_path("/proc/keys"); }

static int trace_child(void)
{
    int child = fork(), code;

    if (child == 0) {
        pause();
        _exit(0);
    }
    code = result(ptrace(PTRACE_ATTACH, child, NULL, NULL));
    kill(child, SIGKILL);
    return code;
}

static int kexec(void) { return permitted(syscall(SYS_kexec_load, 0L, 17L, NULL, 0L)); }
static int load_module(void) { return permitted(syscall(SYS_init_module, "", 0L, "")); }
static int load_module_file(void) { return permitted(syscall(SYS_finit_module, -1, "", 0)); }

static int unload_module(void)
{
    return permitted(syscall(SYS_delete_module, "no_such_module", O_NONBLOCK));
}

/* Whether a path below /proc/PID says what it shouldn't. */
static int search_processes(bool (*says)(int directory))
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    int code = ENOENT;

    if (!proc)
        return errno;
    while (code && (entry = readdir(proc))) {
        int directory;

        if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || atoi(entry->d_name) == getpid())
            continue;
        directory = openat(dirfd(proc), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory >= 0 && says(directory))
            code = 0;
        if (directory >= 0)
            close(directory);
    }
    closedir(proc);
    return code;
}

static bool is_command(int directory)
{
    char line[4096];
    int fd = openat(directory, "cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, line, sizeof line);

    if (fd >= 0)
        close(fd);
    return length > 0 && memmem(line, (size_t) length, host.command, strlen(host.command));
}

static bool links_to(int directory, const char *link, const char *wanted)
{
    char target[128];
    ssize_t length = readlinkat(directory, link, target, sizeof target - 1);

    if (length < 0)
        return false;
    target[length] = '\0';
    return strcmp(target, wanted) == 0;
}

static bool has_namespace(int directory)
{
    return links_to(directory, "ns/mnt", host.mount_namespace)
           || links_to(directory, "ns/pid", host.pid_namespace);
}

static int see_processes(void) { return search_processes(is_command); }
static int host_namespaces(void) { return search_processes(has_namespace); }

static int join_namespace(void)
{
    int fd = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return errno;
    if (setns(fd, CLONE_NEWNS) < 0)
        return errno;
    return access(host.marker, F_OK) == 0 ? 0 : ENOENT;
}

static int bind_dots(void)
{
    static const char *const ways[] = {"../secret", "../../secret", "./../secret"};

    for (size_t i = 0; i < ELEMENTS(ways); i++) {
        char path[256];

        snprintf(path, sizeof path, "%s/%s", host.bind, ways[i]);
        if (access(path, F_OK) == 0)
            return 0;
    }
    return ENOENT;
}

/* A handle of the inode 2, which is the root of most filesystems of the host. */
static int handle(void)
{
    struct {
        struct file_handle head;
        unsigned char bytes[128];
    } known;
    int mount_id, directory = open(host.bind, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

    if (directory < 0)
        return errno;
    known.head.handle_bytes = sizeof known.bytes;
    if (name_to_handle_at(directory, "", &known.head, &mount_id, AT_EMPTY_PATH) < 0)
        return errno;
    fd = open_by_handle_at(directory, &known.head, O_RDONLY | O_DIRECTORY);
    return result(fd);
}

static int bpf_map(void)
{
    union bpf_attr attr = {
        .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};

    return result(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr));
}

static int perf_event(void)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_SOFTWARE, .size = sizeof attr, .config = PERF_COUNT_SW_CPU_CLOCK};

    return result(syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0));
}

static int io_uring(void)
{
    char parameters[256] = {0};

    return result(syscall(SYS_io_uring_setup, 1, parameters));
}

static int user_faults(void) { return result(syscall(SYS_userfaultfd, O_CLOEXEC)); }
static int nested_users(void) { return result(unshare(CLONE_NEWUSER)); }
/* With all capabilities, over a namespace of our own. */
static int nested_core_pattern(void)
{
    if (unshare(CLONE_NEWUSER) < 0)
        return errno;
    return core_pattern();
}

static int nested_debugfs(void)
{
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        return errno;
    return mount_debugfs();
}

static int kernel_log(void) { return result(klogctl(3, (char[16]){0}, 16)); }

static int set_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return result(clock_settime(CLOCK_REALTIME, &now));
}

static int adjust_clock(void)
{
    struct timex change = {0};

    if (adjtimex(&change) < 0)
        return errno;
    change.modes = ADJ_FREQUENCY;
    return result(adjtimex(&change));
}

static int leave_chroot(void)
{
    char path[128];
    int outside = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    snprintf(path, sizeof path, "%s/root", scratch);
    if (outside < 0 || mkdir(path, 0700) < 0 || chroot(path) < 0 || fchdir(outside) < 0)
        return errno;
    for (int i = 0; i < 64; i++)
        if (chdir("..") < 0)
            return errno;
    if (chroot(".") < 0)
        return errno;
    return access(host.marker, F_OK) == 0 ? 0 : ENOENT;
}

static int abstract_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(host.socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path + 1, host.socket, length);
    return result(connect(fd, (struct sockaddr *) &address,
                          (socklen_t) (sizeof address.sun_family + 1 + length)));
}

static int host_bus(void)
{
    static const char *const paths[] = {
        "/run/dbus/system_bus_socket", "/run/systemd/private", "/var/run/dbus/system_bus_socket"};

    for (size_t i = 0; i < ELEMENTS(paths); i++) {
        struct stat status;
        char found[64];

        if (stat(paths[i], &status) < 0)
            continue;
        snprintf(found, sizeof found, "%ju:%ju", (uintmax_t) status.st_dev,
                 (uintmax_t) status.st_ino);
        if (strcmp(found, host.bus) == 0)
            return 0;
    }
    return ENOENT;
}

static int swap(void) { return permitted(swapon("/no-such-file", 0)); }
static int io_ports(void) { return result(ioperm(0x80, 1, 1)); }
static int accounting(void) { return permitted(syscall(SYS_acct, "/no-such-file")); }
static int quota(void) { return permitted(quotactl(QCMD(Q_SYNC, USRQUOTA), NULL, 0, NULL)); }
static int priority(void) { return result(setpriority(PRIO_PROCESS, 0, -20)); }

static int real_time(void)
{
    struct sched_param parameters = {.sched_priority = 1};

    return result(sched_setscheduler(0, SCHED_FIFO, &parameters));
}

/* Descriptors beside those of the standard streams that we were begun with. */
static int open_descriptors(void)
{
    for (int fd = 3; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0 && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
            return 0;
    return ENOENT;
}

static int reboot_system(void) { return result(reboot(RB_AUTOBOOT)); }

static const struct {
    const char *name;
    attempt_fn *attempt;
    const char *const *needs;
    bool last; /* only by its name */
} attempts[] = {
    {"mount-tmpfs", mount_tmpfs, NULL, false},
    {"mount-bind", mount_bind, NULL, false},
    {"mount-debugfs", mount_debugfs, NULL, false},
    {"mount-tracefs", mount_tracefs, NULL, false},
    {"mount-securityfs", mount_securityfs, NULL, false},
    {"mount-bpffs", mount_bpffs, NULL, false},
    {"mount-devtmpfs", mount_devtmpfs, NULL, false},
    {"mount-disk", mount_disk, NULL, false},
    {"remount-root", remount_root, NULL, false},
    {"cgroup-v1", cgroup_v1, NULL, false},
    {"release-agent", release_agent, NULL, false},
    {"make-node", make_node, NULL, false},
    {"device-mem", device_mem, NULL, false},
    {"device-kmsg", device_kmsg, NULL, false},
    {"device-disk", device_disk, NULL, false},
    {"device-loop", device_loop, NULL, false},
    {"raw-socket", raw_socket, NULL, false},
    {"packet-socket", packet_socket, NULL, false},
    {"network-admin", network_admin, NULL, false},
    {"add-key", add_key, NULL, false},
    {"search-key", search_key, NULL, false},
    {"read-keys", read_keys, NULL, false},
    {"ptrace", trace_child, NULL, false},
    {"kexec", kexec, NULL, false},
    {"init-module", load_module, NULL, false},
    {"finit-module", load_module_file, NULL, false},
    {"delete-module", unload_module, NULL, false},
    {"core-pattern", core_pattern, NULL, false},
    {"modprobe-path", modprobe_path, NULL, false},
    {"sysctl-vm", sysctl_vm, NULL, false},
    {"sysrq", sysrq, NULL, false},
    {"kcore", kcore, NULL, false},
    {"uevent-helper", uevent_helper, NULL, false},
    {"power-state", power_state, NULL, false},
    {"module-parameter", sysfs_write, NULL, false},
    {"see-processes", see_processes, &host.command, false},
    {"host-namespaces", host_namespaces, &host.mount_namespace, false},
    {"join-namespace", join_namespace, &host.marker, false},
    {"bind-dots", bind_dots, &host.bind, false},
    {"open-by-handle", handle, &host.bind, false},
    {"bpf", bpf_map, NULL, false},
    {"perf-event", perf_event, NULL, false},
    {"io-uring", io_uring, NULL, false},
    {"userfaultfd", user_faults, NULL, false},
    {"nested-userns", nested_users, NULL, false},
    {"nested-core-pattern", nested_core_pattern, NULL, false},
    {"nested-debugfs", nested_debugfs, NULL, false},
    {"kernel-log", kernel_log, NULL, false},
    {"set-clock", set_clock, NULL, false},
    {"adjust-clock", adjust_clock, NULL, false},
    {"leave-chroot", leave_chroot, &host.marker, false},
    {"abstract-socket", abstract_socket, &host.socket, false},
    {"host-bus", host_bus, &host.bus, false},
    {"swapon", swap, NULL, false},
    {"io-ports", io_ports, NULL, false},
    {"accounting", accounting, NULL, false},
    {"quota", quota, NULL, false},
    {"priority", priority, NULL, false},
    {"real-time", real_time, NULL, false},
    {"descriptors", open_descriptors, NULL, false},
    {"reboot", reboot_system, NULL, true},
};

/* The child has a mount namespace of its own if it may, so that its mounts go with it. */
_Noreturn static void run_child(attempt_fn *attempt)
{
    if (unshare(CLONE_NEWNS) == 0)
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    _exit(attempt());
}

static void run(size_t index)
{
    int status, child;

    if (attempts[index].needs && !*attempts[index].needs)
        return;
    fflush(stdout);
    child = fork();
    if (child == 0)
        run_child(attempts[index].attempt);
    if (child < 0 || waitpid(child, &status, 0) < 0)
        printf("%s no (%s)\n", attempts[index].name, strerror(errno));
    else if (WIFSIGNALED(status))
        printf("%s no (%s)\n", attempts[index].name, strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == 0)
        printf("%s yes\n", attempts[index].name);
    else
        printf("%s no (%s)\n", attempts[index].name, strerror(WEXITSTATUS(status)));
}

/* On the standard input: in our command line they would be found by ourselves. */
static void read_values(void)
{
    static const struct {
        const char *name;
        const char **value;
    } values[] = {
        {"marker=", &host.marker}, {"command=", &host.command},        {"socket=", &host.socket},
        {"bind=", &host.bind},     {"mnt=", &host.mount_namespace}, {"pid=", &host.pid_namespace},
        {"bus=", &host.bus},
    };
    char line[512];

    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        for (size_t i = 0; i < ELEMENTS(values); i++)
            if (strncmp(line, values[i].name, strlen(values[i].name)) == 0)
                *values[i].value = strdup(line + strlen(values[i].name));
    }
}

static void remove_scratch(void)
{
    static const char *const made[] = {"/node", "/null", "/disk", "/root"};
    char path[128];

    for (size_t i = 0; i < ELEMENTS(made); i++) {
        snprintf(path, sizeof path, "%s%s", scratch, made[i]);
        remove(path);
    }
    rmdir(scratch);
}

int main(int argc, char **argv)
{
    read_values();
    if (!mkdtemp(scratch)) {
        perror(scratch);
        return 1;
    }
    for (size_t j = 0; j < ELEMENTS(attempts); j++) {
        bool wanted = argc == 1 && !attempts[j].last;

        for (int i = 1; i < argc; i++)
            wanted = wanted || strcmp(attempts[j].name, argv[i]) == 0;
        if (wanted)
            run(j);
    }
    remove_scratch();
    return 0;
}
