# shellcheck shell=bash
# What PID 1 of a test host does before it becomes systemd: it is alone in new mount, process,
# network, IPC, UTS and cgroup namespaces, and puts the root together. In the host's folder it finds
# the image root.ext4 and the list of binds.

# With a lower, a folder or an image, root.ext4 holds the upper of an overlay; else it is the root.
mount_root() { # FOLDER [LOWER]
    local root="$1/root" layer="$1/layer" lower=${2:-}
    if [ -z "$lower" ]; then
        mount -o loop "$1/root.ext4" "$root"
        return
    fi
    mkdir -p "$layer" "$1/lower"
    mount -o loop "$1/root.ext4" "$layer"
    mkdir -p "$layer/upper" "$layer/work"
    if [ -f "$lower" ]; then
        mount -o loop,ro "$lower" "$1/lower"
        lower="$1/lower"
    fi
    mount -t overlay -o "lowerdir=$lower,upperdir=$layer/upper,workdir=$layer/work,xino=off" \
        overlay "$root"
}

mount_api_filesystems() { # ROOT
    mount -t proc -o nosuid,noexec,nodev proc "$1/proc"
    mount -t sysfs -o nosuid,noexec,nodev sysfs "$1/sys"
    mount -t cgroup2 -o nosuid,noexec,nodev,nsdelegate cgroup2 "$1/sys/fs/cgroup"
    mount -t tmpfs -o nosuid,mode=755 tmpfs "$1/dev"
    mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs "$1/run"
    mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$1/tmp"
    # A container with a user namespace may mount proc and sysfs only while the mount namespace has
    # one of each that nothing covers (mount_too_revealing() in the kernel).
    mkdir -p "$1"/run/testhost/{proc,sys,dev} "$1/run/host"
    chmod 700 "$1/run/testhost"
    mount -t proc proc "$1/run/testhost/proc"
    mount -t sysfs sysfs "$1/run/testhost/sys"
    mount -t devtmpfs devtmpfs "$1/run/testhost/dev"
}

# The kernel's global knobs stay the machine's; those of the network namespace are the host's own.
protect_sysctl() { # ROOT rw|ro
    mount --bind "$1/proc/sys" "$1/proc/sys"
    mount --bind "$1/proc/sys/net" "$1/proc/sys/net"
    mount -o remount,ro,bind "$1/proc/sys"
    [ "$2" = rw ] || mount -o remount,ro,bind "$1/sys"
}

character_device() { # ROOT NAME MODE [MAJOR MINOR]
    local node="$1/run/testhost/dev/$2" numbers=("${@:4}")
    if [ ${#numbers[@]} = 0 ]; then
        [ -c "$node" ] || return 0
        read -ra numbers <<<"$(stat -c '0x%t 0x%T' "$node")"
    fi
    mknod -m "$3" "$1/dev/$2" c "${numbers[@]}"
}

make_devices() { # ROOT
    local dev="$1/dev" node
    mkdir -p "$dev"/{pts,shm,mqueue,net,hugepages}
    character_device "$1" null 666 1 3
    character_device "$1" zero 666 1 5
    character_device "$1" full 666 1 7
    character_device "$1" random 666 1 8
    character_device "$1" urandom 666 1 9
    character_device "$1" tty 666 5 0
    for node in fuse net/tun; do
        character_device "$1" "$node" 666
    done
    for node in loop-control kvm btrfs-control vhost-net autofs; do
        character_device "$1" "$node" 660
    done
    ln -s /proc/self/fd "$dev/fd"
    ln -s /proc/self/fd/0 "$dev/stdin"
    ln -s /proc/self/fd/1 "$dev/stdout"
    ln -s /proc/self/fd/2 "$dev/stderr"
    ln -s pts/ptmx "$dev/ptmx"
    mount -t devpts -o nosuid,noexec,newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$dev/pts"
    mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$dev/shm"
}

# Loop devices are the kernel's: every host sees all; the nodes of partitions appear in devtmpfs.
make_loop_devices() { # ROOT
    local number partition
    for number in {0..63}; do
        mknod -m 660 "$1/dev/loop$number" b 7 "$number"
    done
    for partition in loop{0..15}p{1..4}; do
        echo "/run/testhost/dev/$partition"
    done | xargs ln -s -t "$1/dev"
}

# A folder of an overlay root that is not in the overlay, since no overlay can hold another's upper.
make_data_folder() { # FOLDER TARGET
    local data="$1/layer/data$2"
    mkdir -p "$data" "$1/root$2"
    chmod --reference="$1/root$2" "$data"
    mount --bind "$data" "$1/root$2"
}

bind_mount() { # ROOT rw|ro SOURCE TARGET
    if [ -d "$3" ]; then
        mkdir -p "$1$4"
    else
        mkdir -p "$1${4%/*}"
        [ -e "$1$4" ] || : >"$1$4"
    fi
    mount --rbind "$3" "$1$4"
    [ "$2" = rw ] || mount -o remount,ro,bind "$1$4"
}

# Each line of the list: rw, ro or data, the machine's path, the host's path, separated by tabs.
make_binds() { # FOLDER
    local mode source target
    while IFS=$'\t' read -r mode source target; do
        case $mode in
            data) make_data_folder "$1" "$target" ;;
            *) bind_mount "$1/root" "$mode" "$source" "$target" ;;
        esac
    done <"$1/binds"
}

become_systemd() { # ROOT
    cd "$1" || exit
    mkdir -p run/oldroot
    pivot_root . run/oldroot
    cd /
    umount -l /run/oldroot
    rmdir /run/oldroot
    # systemd does this by itself only where it is not in a container; `machinectl bind` needs it.
    mount --make-rshared /
    exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        container=testhost TERM=dumb \
        /lib/systemd/systemd --system --log-target=journal --show-status=0
}

# Never returns.
host_init() { # FOLDER SYSFS [LOWER]
    local pid
    # The inherited /proc is the machine's, and so is the id it gives.
    read -r pid _ </proc/self/stat
    process_record "$1/init" "$pid"
    mount_root "$1" "${3:-}"
    hostname testhost
    mount_api_filesystems "$1/root"
    protect_sysctl "$1/root" "$2"
    make_devices "$1/root"
    make_loop_devices "$1/root"
    echo testhost >"$1/root/run/host/container-manager"
    make_binds "$1"
    become_systemd "$1/root"
}
