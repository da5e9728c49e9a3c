/* SPDX-License-Identifier: MIT */
#include "capability.h"

#include "program.h"
#include "system.h"
#include "text.h"

#define BIT(number) (UINT64_C(1) << (number))

enum { CAP_KILL = 5, CAP_SETGID = 6, CAP_SETUID = 7, CAP_SYS_ADMIN = 21 };

const capability_set CAPABILITY_BECOME = BIT(CAP_SETGID) | BIT(CAP_SETUID);
const capability_set CAPABILITY_SIGNAL = BIT(CAP_KILL);

/* By number, without "CAP_" (include/uapi/linux/capability.h) */
static const char *const names[] = {
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
};

/* Kernels that are to come may have more. */
enum { CAPABILITIES_MAX = 64 };

static capability_set find(struct text name)
{
    if (name.length > 4 && text_equal((struct text){name.bytes, 4}, text_of("CAP_")))
        name = (struct text){name.bytes + 4, name.length - 4};
    for (size_t i = 0; i < ELEMENTS(names); i++)
        if (text_equal(name, text_of(names[i])))
            return BIT(i);
    return 0;
}

capability_set capability_parse(const char *list)
{
    struct text rest, name;
    capability_set set = 0;

    if (!list)
        return ~BIT(CAP_SYS_ADMIN);
    rest = text_of(list);
    while (text_cut(&rest, ',', &name)) {
        capability_set one = find(name);

        if (!one && name.length > 0)
            program_fail(STATUS_FAILED, "capabilities '", list,
                         "': expected names like CAP_CHOWN,CAP_KILL");
        set |= one;
    }
    return set;
}

/* Both halves of each set (capget(2), version 3) */
struct data {
    uint32_t effective;
    uint32_t permitted;
    uint32_t inheritable;
};

struct header {
    uint32_t version;
    int32_t pid;
};

static const struct header header = {.version = 0x20080522};

void capability_limit(capability_set kept)
{
    struct header request = header;
    struct data data[2] = {{0}};
    int code = (int) CALL(NR_CAPGET, &request, data);

    for (size_t i = 0; code == 0 && i < ELEMENTS(data); i++) {
        data[i].permitted &= (uint32_t) (kept >> (32 * i));
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    if (code == 0)
        code = (int) CALL(NR_CAPSET, &request, data);
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "capabilities");
}

void capability_bound(capability_set kept, capability_set own)
{
    for (int number = 0; number < CAPABILITIES_MAX; number++) {
        int code = sys_prctl(PR_CAPBSET_READ, (unsigned long) number, 0);

        if (code < 0)
            break;
        if (code == 0 || (kept & BIT(number)))
            continue;
        code = sys_prctl(PR_CAPBSET_DROP, (unsigned long) number, 0);
        if (code < 0)
            program_fail_errno(STATUS_FAILED, code, "bounding set of capabilities");
    }
    sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0);
    capability_limit(kept | own);
}
