/* SPDX-License-Identifier: MIT */
/* What differs on aarch64: system call numbers, their convention, and how a program begins. */
#ifndef SDME_GUEST_AARCH64_H
#define SDME_GUEST_AARCH64_H

/* include/uapi/asm-generic/unistd.h in the kernel's sources */
enum system_call_number {
    NR_DUP3 = 24,
    NR_FCNTL = 25,
    NR_IOCTL = 29,
    NR_UMOUNT2 = 39,
    NR_MOUNT = 40,
    NR_FACCESSAT = 48,
    NR_CHDIR = 49,
    NR_FCHDIR = 50,
    NR_CHROOT = 51,
    NR_FCHOWN = 55,
    NR_OPENAT = 56,
    NR_CLOSE = 57,
    NR_PIPE2 = 59,
    NR_READ = 63,
    NR_WRITE = 64,
    NR_PPOLL = 73,
    NR_SIGNALFD4 = 74,
    NR_CAPGET = 90,
    NR_CAPSET = 91,
    NR_EXIT_GROUP = 94,
    NR_CLOCK_GETTIME = 113,
    NR_KILL = 129,
    NR_RT_SIGACTION = 134,
    NR_RT_SIGPROCMASK = 135,
    NR_SETRESUID = 147,
    NR_SETRESGID = 149,
    NR_GETSID = 156,
    NR_SETSID = 157,
    NR_SETGROUPS = 159,
    NR_PRCTL = 167,
    NR_GETPID = 172,
    NR_SOCKET = 198,
    NR_CONNECT = 203,
    NR_SENDTO = 206,
    NR_SENDMSG = 211,
    NR_CLONE = 220,
    NR_EXECVE = 221,
    NR_WAIT4 = 260,
    NR_SETNS = 268,
    NR_RENAMEAT2 = 276,
    NR_STATX = 291,
};

enum {
    O_DIRECTORY = 040000,
    O_NOFOLLOW = 0100000,
};

static inline long system_call(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;

    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory", "cc");
    return x0;
}

/* The kernel leaves argc, argv and envp on the stack; start() takes their address. */
#define DEFINE_ENTRY                                                                               \
    __asm__(".globl _start\n"                                                                      \
            "_start:\n"                                                                            \
            "    mov x29, #0\n"                                                                    \
            "    mov x30, #0\n"                                                                    \
            "    mov x0, sp\n"                                                                     \
            "    and sp, x0, #-16\n"                                                               \
            "    b start\n")

#endif
