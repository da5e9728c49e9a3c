# shellcheck shell=bash
# The bases of test hosts: an ext4 image for each suite; for the base "machine", one that holds a
# layer over the machine's own root; and for vm-SUITE one that a virtual machine boots. An image is made once, in a mount namespace of its own: an
# interrupted build leaves no mount and no loop device, only a file that the next build removes.
# Building inside the image is what makes it quick where the machine's own disk is slow at inodes.

readonly IMAGE_SIZE=16G

# Options of apt and dpkg for a root that is thrown away.
readonly APT_OPTIONS=(
    APT::Install-Recommends=false
    Acquire::Languages=none
    Acquire::Check-Valid-Until=false # suites that are still being made are often out of date
)
readonly DPKG_OPTIONS=(
    'force-unsafe-io'
    'path-exclude=/usr/share/doc/*'
    'path-exclude=/usr/share/locale/*'
    'path-exclude=/usr/share/man/*'
)

# Units that a test host has no use for.
readonly MASKED_UNITS=(
    apt-daily.timer apt-daily-upgrade.timer console-getty.service docker-registry.service
    dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer getty@tty1.service
    man-db.timer nftables.service podman-auto-update.timer podman-restart.service podman.service
    podman.socket systemd-networkd-wait-online.service systemd-pstore.service
    systemd-timesyncd.service
)

# The mirror that the machine itself uses.
debian_mirror() {
    local mirror
    # shellcheck disable=SC2016 # apt's own variables
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
        'Origin: Debian' 'Label: Debian' 2>/dev/null | sort -u | head -n 1)
    echo "${TESTHOST_MIRROR:-${mirror:-http://deb.debian.org/debian}}"
}

# The same settings in every base.
base_configure() { # ROOT
    local root=$1 units="$1/etc/systemd/system" unit
    mkdir -p "$units" "$root/etc/systemd/system.conf.d" "$root/etc/systemd/journald.conf.d"
    for unit in "${MASKED_UNITS[@]}"; do
        ln -sfn /dev/null "$units/$unit"
    done
    chroot "$root" systemctl --quiet enable systemd-networkd systemd-resolved 2>/dev/null
    sed -i 's/^hosts:.*/hosts: mymachines files resolve [!UNAVAIL=return] myhostname dns/' \
        "$root/etc/nsswitch.conf"
    ln -sfn ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
    rm -f "$root/var/lib/dbus/machine-id"
    : >"$root/etc/machine-id"
    : >"$root/etc/fstab"
    echo testhost >"$root/etc/hostname"
    printf '127.0.0.1 localhost testhost\n::1 localhost\n' >"$root/etc/hosts"
    printf '[Manager]\nDefaultTimeoutStopSec=10s\n' \
        >"$root/etc/systemd/system.conf.d/testhost.conf"
    printf '[Journal]\nStorage=volatile\nReadKMsg=no\n' \
        >"$root/etc/systemd/journald.conf.d/testhost.conf"
}

# Fills an empty root with the packages of some groups.
base_fill_suite() { # SUITE ROOT GROUPS [OPTIONS OF MMDEBSTRAP...]
    local packages option options=()
    # shellcheck disable=SC2086 # a word for each group
    packages=$(packages_of "$1" $3 | paste -sd,)
    for option in "${APT_OPTIONS[@]}"; do
        options+=(--aptopt="${option/=/ \"}\"")
    done
    mmdebstrap --quiet --variant=minbase --mode=root --include="$packages" "${@:4}" \
        "${options[@]}" "${DPKG_OPTIONS[@]/#/--dpkgopt=}" "$1" "$2" "$(debian_mirror)"
}

# Installs in the machine's root under a layer what a test host needs and the machine lacks.
base_fill_layer() { # ROOT
    local root=$1 missing option options=()
    mapfile -t missing < <(packages_of "$(suite_of_machine)" host | packages_missing)
    for option in "${APT_OPTIONS[@]}"; do
        options+=(-o "$option")
    done
    cp --remove-destination -L /etc/resolv.conf "$root/etc/resolv.conf"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/run"
    mount -t tmpfs tmpfs "$root/tmp"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    export DEBIAN_FRONTEND=noninteractive
    # systemd-resolved takes over resolv.conf when it is configured: all is fetched before that.
    chroot "$root" apt-get -q -y "${options[@]}" --download-only install "${missing[@]}"
    chroot "$root" apt-get -q -y "${options[@]}" --no-download install "${missing[@]}"
    chroot "$root" apt-get clean
    rm "$root/usr/sbin/policy-rc.d"
    umount -R "$root/proc" "$root/dev" "$root/run" "$root/tmp"
}

# None of the machine's own services starts in a test host.
base_disable_services() { # ROOT
    local unit
    for unit in "$1"/etc/systemd/system/*.wants/*; do
        case ${unit##*/} in
            systemd-* | dbus* | machines.target | remote-fs.target) ;;
            *) rm -f "$unit" ;;
        esac
    done
}

# Makes the machine's layer in a folder: what the overlay's upper gets is the base.
base_fill_machine() { # FOLDER
    mkdir "$1/upper" "$1/work" "$1/root"
    mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work,xino=off" overlay "$1/root"
    base_fill_layer "$1/root"
    base_disable_services "$1/root"
    base_configure "$1/root"
    umount "$1/root"
    rmdir "$1/root"
}

# With a journal: without one ext4 gives out no inode that was freed in the last minute, and passes
# over all of those to find another (recently_deleted() in fs/ext4/ialloc.c), up to 1 ms for each.
image_make() { # FILE SIZE
    rm -f "$1"
    truncate -s "$2" "$1"
    mke2fs -q -F -t ext4 -m 0 -J size=16 -E lazy_itable_init=1,nodiscard "$1"
}

# Builds a base's image; called in a mount namespace of its own, under the base's lock.
base_build() { # BASE IMAGE
    local folder="$2.mount"
    mkdir -p "$folder"
    image_make "$2.new" "$IMAGE_SIZE"
    mount -o loop "$2.new" "$folder"
    case $1 in
        machine) base_fill_machine "$folder" ;;
        vm-*) guest_fill "${1#vm-}" "$folder" "${2%.ext4}" ;;
        *)
            base_fill_suite "$1" "$folder" host
            base_configure "$folder"
            ;;
    esac
    umount "$folder"
    rmdir "$folder"
    mv "$2.new" "$2"
}

# Names a base's content: the packages, how it is put together, and the machine's packages where it
# lies over them. A base is made again when any of these changes.
base_key() { # BASE
    {
        declare -f image_make base_configure base_fill_suite
        declare -p APT_OPTIONS DPKG_OPTIONS MASKED_UNITS
        case $1 in
            machine)
                packages_of "$(suite_of_machine)" host
                declare -f base_fill_layer base_disable_services
                cat /var/lib/dpkg/status
                ;;
            vm-*)
                packages_of "${1#vm-}" host guest
                declare -f guest_fill guest_configure
                ;;
            *) packages_of "$1" host ;;
        esac
    } | sha256sum | cut -c 1-12
}

# Prints the path of a base's image, which it makes if there is none.
base_image() { # BASE
    local base=$1 image lock old
    case $base in
        '' | *[!a-z-]*) fail "'$base' is no base: a suite of Debian's, vm-SUITE, or machine" ;;
    esac
    need mke2fs e2fsprogs losetup mount unshare util-linux
    image="$TESTHOST_HOME/base/$base-$(base_key "$base").ext4"
    mkdir -p "$TESTHOST_HOME/base"
    exec {lock}>"$TESTHOST_HOME/base/$base.lock"
    flock "$lock"
    if [ ! -e "$image" ]; then
        [ "$base" = machine ] || need mmdebstrap mmdebstrap
        echo "testhost: making the base $base, once, which takes up to a minute" >&2
        base_build_log "$base" "$image"
        for old in "$TESTHOST_HOME/base/$base-"????????????.*; do
            [[ $old = "${image%.ext4}".* ]] || rm -rf --one-file-system "$old"
        done
    fi
    exec {lock}>&-
    echo "$image"
}

# The build's own messages are of interest only when it fails.
base_build_log() { # BASE IMAGE
    local log="$TESTHOST_HOME/base/$1.log"
    if ! unshare --mount --propagation private "$TESTHOST" _build "$1" "$2" >"$log" 2>&1; then
        rm -rf --one-file-system "$2.new" "$2.mount"
        tail -n 20 "$log" >&2
        fail "the base $1 could not be made; all of the messages: $log"
    fi
    rm "$log"
}
