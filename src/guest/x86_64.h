/* SPDX-License-Identifier: MIT */
/* What differs on x86_64: system call numbers, their convention, and how a program begins. */
#ifndef SDME_GUEST_X86_64_H
#define SDME_GUEST_X86_64_H

/* arch/x86/entry/syscalls/syscall_64.tbl in the kernel's sources */
enum system_call_number {
    NR_READ = 0,
    NR_WRITE = 1,
    NR_CLOSE = 3,
    NR_RT_SIGACTION = 13,
    NR_RT_SIGPROCMASK = 14,
    NR_IOCTL = 16,
    NR_GETPID = 39,
    NR_SOCKET = 41,
    NR_CONNECT = 42,
    NR_SENDTO = 44,
    NR_SENDMSG = 46,
    NR_CLONE = 56,
    NR_EXECVE = 59,
    NR_WAIT4 = 61,
    NR_KILL = 62,
    NR_FCNTL = 72,
    NR_CHDIR = 80,
    NR_FCHDIR = 81,
    NR_FCHOWN = 93,
    NR_SETSID = 112,
    NR_SETGROUPS = 116,
    NR_SETRESUID = 117,
    NR_SETRESGID = 119,
    NR_GETSID = 124,
    NR_CAPGET = 125,
    NR_CAPSET = 126,
    NR_PRCTL = 157,
    NR_CHROOT = 161,
    NR_MOUNT = 165,
    NR_UMOUNT2 = 166,
    NR_CLOCK_GETTIME = 228,
    NR_EXIT_GROUP = 231,
    NR_OPENAT = 257,
    NR_FACCESSAT = 269,
    NR_PPOLL = 271,
    NR_SIGNALFD4 = 289,
    NR_DUP3 = 292,
    NR_PIPE2 = 293,
    NR_SETNS = 308,
    NR_RENAMEAT2 = 316,
    NR_STATX = 332,
};

enum {
    O_DIRECTORY = 0200000,
    O_NOFOLLOW = 0400000,
};

static inline long system_call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* The kernel leaves argc, argv and envp on the stack; start() takes their address. */
#define DEFINE_ENTRY                                                                               \
    __asm__(".globl _start\n"                                                                      \
            "_start:\n"                                                                            \
            "    xor %ebp, %ebp\n"                                                                 \
            "    mov %rsp, %rdi\n"                                                                 \
            "    and $-16, %rsp\n"                                                                 \
            "    call start\n"                                                                     \
            "    hlt\n")

#endif
