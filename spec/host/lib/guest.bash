# shellcheck shell=bash
# The base that a virtual machine boots: a test host's root with a kernel and an SSH server. Beside
# the image lie the kernel, the initrd and the key that opens it.

guest_fill() { # SUITE ROOT PREFIX
    # The initrd holds just what finds the disk; the hook runs before the kernel makes it.
    # shellcheck disable=SC2016 # mmdebstrap's shell expands it
    base_fill_suite "$1" "$2" 'host guest' --essential-hook='
        mkdir -p "$1/etc/initramfs-tools/conf.d"
        echo MODULES=list >"$1/etc/initramfs-tools/conf.d/modules"
        printf "%s\n" virtio_pci virtio_blk ext4 >"$1/etc/initramfs-tools/modules"'
    base_configure "$2"
    guest_configure "$2" "$3.key"
    cp "$2/vmlinuz" "$3.kernel"
    cp "$2/initrd.img" "$3.initrd"
}

guest_configure() { # ROOT KEY
    rm -f "$2"
    ssh-keygen -q -t ed25519 -N '' -C testhost -f "$2"
    install -D -m 600 "$2.pub" "$1/root/.ssh/authorized_keys"
    # The address that QEMU's own network gives a guest.
    printf '[Match]\nName=en*\n[Network]\nAddress=10.0.2.15/24\n' \
        >"$1/etc/systemd/network/guest.network"
    echo vmhost >"$1/etc/hostname"
}
