/* SPDX-License-Identifier: MIT */
#include "redirect.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "util.h"

static const char control_groups[] = "/sys/fs/cgroup";

/* As many as a forwarder may have listeners. */
enum { ENTRIES_MAX = 2048 };

struct sdme_redirect {
    int map;
    int link; /* between the program and the control groups */
};

/* An entry of the map, both sides, as the program sees them: numbers in network order. */
struct endpoint {
    uint32_t address;
    uint32_t port;
};

static int bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
    return (int) syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static int make_map(void)
{
    union bpf_attr attributes = {
        .map_type = BPF_MAP_TYPE_HASH,
        .key_size = sizeof(struct endpoint),
        .value_size = sizeof(struct endpoint),
        .max_entries = ENTRIES_MAX,
        .map_flags = BPF_F_NO_PREALLOC,
        .map_name = "sdme_redirect",
    };

    return bpf(BPF_MAP_CREATE, &attributes);
}

/* What tells the network namespaces of this host apart (socket(7), SO_NETNS_COOKIE). */
static int own_cookie(uint64_t *ret_cookie)
{
    _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof *ret_cookie;

    return fd < 0 ? -1 : getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret_cookie, &size);
}

#define INSTRUCTION(c, dst, src, offset, immediate)                                                \
    {.code = (c), .dst_reg = (dst), .src_reg = (src), .off = (offset), .imm = (immediate)}
#define LOAD(size, dst, src, offset)                                                               \
    INSTRUCTION(BPF_LDX | BPF_MEM | (size), dst, src, (int16_t) (offset), 0)
#define STORE(dst, offset, src) INSTRUCTION(BPF_STX | BPF_MEM | BPF_W, dst, src, (offset), 0)
#define MOVE(dst, src) INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define ADD(dst, number) INSTRUCTION(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, number)
#define SET(dst, number) INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, number)
#define SET_64(dst, kind, number)                                                                  \
    INSTRUCTION(BPF_LD | BPF_DW | BPF_IMM, dst, kind, 0, (int32_t) (uint32_t) (number)),           \
        INSTRUCTION(0, 0, 0, 0, (int32_t) (uint32_t) ((uint64_t) (number) >> 32))
#define CALL(function) INSTRUCTION(BPF_JMP | BPF_CALL, 0, 0, 0, function)
#define UNLESS_NUMBER(dst, number, skip)                                                           \
    INSTRUCTION(BPF_JMP | BPF_JNE | BPF_K, dst, 0, skip, number)
#define IF_NUMBER(dst, number, skip)                                                               \
    INSTRUCTION(BPF_JMP | BPF_JEQ | BPF_K, dst, 0, skip, number)
#define UNLESS_SAME(dst, src, skip) INSTRUCTION(BPF_JMP | BPF_JNE | BPF_X, dst, src, skip, 0)
#define EXIT INSTRUCTION(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

#define CONTEXT(size, dst, field) LOAD(size, dst, BPF_REG_6, offsetof(struct bpf_sock_addr, field))
#define CONTEXT_SET(field, src) STORE(BPF_REG_6, offsetof(struct bpf_sock_addr, field), src)

/*
 * Looks for where the connection is meant to go in the map, and has it go where that says. The
 * numbers of the jumps lead to the last two instructions, which let it go on.
 */
static int load_program(int map, uint64_t cookie)
{
    const struct bpf_insn program[] = {
        MOVE(BPF_REG_6, BPF_REG_1),
        CONTEXT(BPF_W, BPF_REG_0, type),
        UNLESS_NUMBER(BPF_REG_0, SOCK_STREAM, 26),
        CONTEXT(BPF_W, BPF_REG_0, user_ip4),
        STORE(BPF_REG_10, -8, BPF_REG_0),
        CONTEXT(BPF_W, BPF_REG_0, user_port),
        STORE(BPF_REG_10, -4, BPF_REG_0),
        SET_64(BPF_REG_1, BPF_PSEUDO_MAP_FD, map),
        MOVE(BPF_REG_2, BPF_REG_10),
        ADD(BPF_REG_2, -8),
        CALL(BPF_FUNC_map_lookup_elem),
        IF_NUMBER(BPF_REG_0, 0, 16),
        MOVE(BPF_REG_7, BPF_REG_0),
        MOVE(BPF_REG_1, BPF_REG_6),
        CALL(BPF_FUNC_get_netns_cookie),
        SET_64(BPF_REG_1, 0, cookie),
        UNLESS_SAME(BPF_REG_0, BPF_REG_1, 10),
        CONTEXT(BPF_DW, BPF_REG_1, sk),
        LOAD(BPF_W, BPF_REG_0, BPF_REG_1, offsetof(struct bpf_sock, src_ip4)),
        UNLESS_NUMBER(BPF_REG_0, 0, 7),
        CONTEXT(BPF_DW, BPF_REG_1, sk),
        LOAD(BPF_W, BPF_REG_0, BPF_REG_1, offsetof(struct bpf_sock, bound_dev_if)),
        UNLESS_NUMBER(BPF_REG_0, 0, 4),
        LOAD(BPF_W, BPF_REG_0, BPF_REG_7, offsetof(struct endpoint, address)),
        CONTEXT_SET(user_ip4, BPF_REG_0),
        LOAD(BPF_W, BPF_REG_0, BPF_REG_7, offsetof(struct endpoint, port)),
        CONTEXT_SET(user_port, BPF_REG_0),
        SET(BPF_REG_0, 1),
        EXIT,
    };
    union bpf_attr attributes = {
        .prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
        .expected_attach_type = BPF_CGROUP_INET4_CONNECT,
        .insns = (uint64_t) (uintptr_t) program,
        .insn_cnt = ELEMENTS(program),
        .license = (uint64_t) (uintptr_t) "MIT",
        .prog_name = "sdme_redirect",
    };

    return bpf(BPF_PROG_LOAD, &attributes);
}

/* The root that we see is that of the control groups of all that runs on this host. */
static int attach(int program)
{
    _cleanup_close_ int root = open(control_groups, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    union bpf_attr attributes = {
        .link_create.prog_fd = (uint32_t) program,
        .link_create.target_fd = (uint32_t) root,
        .link_create.attach_type = BPF_CGROUP_INET4_CONNECT,
    };

    return root < 0 ? -1 : bpf(BPF_LINK_CREATE, &attributes);
}

static int fail(struct sdme_error *error, int code)
{
    if (code == EBADF)
        return sdme_fail_as(error, SDME_EUNSUPPORTED, "%s is no control group of version 2",
                            control_groups);
    if (code == ENOSYS || code == EINVAL || code == ENOPROTOOPT)
        return sdme_fail_as(error, SDME_EUNSUPPORTED,
                            "the kernel has no programs that redirect connections");
    return sdme_fail(error, code, "redirect connections");
}

static int start(struct sdme_redirect *redirect)
{
    _cleanup_close_ int program = -1;
    uint64_t cookie;

    redirect->link = -1;
    redirect->map = make_map();
    if (redirect->map < 0 || own_cookie(&cookie) < 0)
        return -errno;
    program = load_program(redirect->map, cookie);
    if (program < 0)
        return -errno;
    redirect->link = attach(program);
    return redirect->link < 0 ? -errno : 0;
}

static void redirect_closep(struct sdme_redirect **redirect)
{
    sdme_redirect_close(*redirect);
}

int sdme_redirect_open(struct sdme_redirect **ret_redirect, struct sdme_error *error)
{
    _cleanup_(redirect_closep) struct sdme_redirect *redirect = calloc(1, sizeof *redirect);

    if (!redirect)
        return sdme_fail(error, ENOMEM, "redirect connections");
    int code = start(redirect);
    if (code < 0)
        return fail(error, -code);
    *ret_redirect = SDME_TAKE(redirect);
    return 0;
}

static struct endpoint endpoint_of(const struct sockaddr_in *address)
{
    return (struct endpoint){.address = address->sin_addr.s_addr, .port = address->sin_port};
}

int sdme_redirect_add(struct sdme_redirect *redirect, const struct sockaddr_in *from,
                      const struct sockaddr_in *to, struct sdme_error *error)
{
    const struct endpoint key = endpoint_of(from), value = endpoint_of(to);
    union bpf_attr attributes = {
        .map_fd = (uint32_t) redirect->map,
        .key = (uint64_t) (uintptr_t) &key,
        .value = (uint64_t) (uintptr_t) &value,
    };

    return bpf(BPF_MAP_UPDATE_ELEM, &attributes) < 0 ? fail(error, errno) : 0;
}

int sdme_redirect_remove(struct sdme_redirect *redirect, const struct sockaddr_in *from,
                         struct sdme_error *error)
{
    const struct endpoint key = endpoint_of(from);
    union bpf_attr attributes = {
        .map_fd = (uint32_t) redirect->map,
        .key = (uint64_t) (uintptr_t) &key,
    };

    if (bpf(BPF_MAP_DELETE_ELEM, &attributes) < 0 && errno != ENOENT)
        return fail(error, errno);
    return 0;
}

void sdme_redirect_close(struct sdme_redirect *redirect)
{
    if (!redirect)
        return;
    sdme_close(redirect->link);
    sdme_close(redirect->map);
    free(redirect);
}
