/* A kernel without nftables, for whoever loads this before. */
#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int socket(int family, int type, int protocol)
{
    if (family == AF_NETLINK && protocol == NETLINK_NETFILTER) {
        errno = EPROTONOSUPPORT;
        return -1;
    }
    return (int) syscall(SYS_socket, family, type, protocol);
}
