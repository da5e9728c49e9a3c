# shellcheck shell=bash
# Trees for container images: what packages add to a minimal Debian, each as the tar of one layer
# with the whiteouts of the image specification (layer.md).

readonly OCI_SUITE_PACKAGES=(nginx:nginx-light redis:redis-server postgresql:postgresql)

# Turns an overlay's upper layer into what a layer's tar holds.
oci_whiteouts() { # UPPER
    local path
    find "$1" -type c -print0 | while IFS= read -r -d '' path; do
        [ "$(stat -c %t:%T "$path")" = 0:0 ] || continue
        rm "$path"
        : >"${path%/*}/.wh.${path##*/}"
    done
    find "$1" -type d -print0 | while IFS= read -r -d '' path; do
        [ "$(getfattr --only-values -n trusted.overlay.opaque "$path" 2>/dev/null)" != y ] ||
            : >"$path/.wh..wh..opq"
    done
}

# What each application has besides its packages, as the well-known images do.
oci_finish_nginx() { # ROOT
    ln -sf /dev/stdout "$1/var/log/nginx/access.log"
    ln -sf /dev/stderr "$1/var/log/nginx/error.log"
}

oci_finish_redis() { # ROOT
    mkdir "$1/data"
    chroot "$1" chown redis:redis /data
}

oci_finish_postgresql() { # ROOT
    rm -rf "$1/var/lib/postgresql"
    mkdir -p "$1/var/lib/postgresql/data"
    chroot "$1" chown -R postgres:postgres /var/lib/postgresql
    chmod 700 "$1/var/lib/postgresql/data"
    cat >"$1/usr/local/bin/docker-entrypoint.sh" <<'SCRIPT'
#!/bin/sh
# Makes the database on the first start, then runs the command.
set -e
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --no-sync --auth=trust --username=postgres --pgdata="$PGDATA"
    echo 'host all all all trust' >>"$PGDATA/pg_hba.conf"
fi
exec "$@"
SCRIPT
    chmod 755 "$1/usr/local/bin/docker-entrypoint.sh"
}

# Makes ROOT an overlay whose upper layer is FOLDER/NAME.
oci_mount() { # FOLDER NAME LOWERS ROOT
    mkdir -p "$1/$2" "$1/$2.work" "$4"
    mount -t overlay -o "lowerdir=$3,upperdir=$1/$2,workdir=$1/$2.work" overlay "$4"
    mount -t proc proc "$4/proc"
}

oci_apt() { # ROOT ARGUMENTS...
    local option options=()
    for option in "${APT_OPTIONS[@]}"; do
        options+=(-o "$option")
    done
    for option in "${DPKG_OPTIONS[@]}" force-confold; do
        options+=(-o "DPkg::Options::=--$option")
    done
    DEBIAN_FRONTEND=noninteractive chroot "$1" apt-get -q -y "${options[@]}" "${@:2}"
}

# Makes one application's layer over the common tree and what apt needs, which isn't in the image.
oci_application() { # FOLDER NAME PACKAGE TAR
    local root="$1/root"
    oci_mount "$1" "$2" "$1/apt:$1/bare" "$root"
    oci_apt "$root" install "$3"
    oci_apt "$root" clean
    umount "$root/proc"
    rm -rf "$root/var/log/apt" "$root"/var/log/*.log "$root/var/cache/debconf"/*-old
    "oci_finish_$2" "$root"
    umount "$root"
    oci_whiteouts "$1/$2"
    tar --create --file="$4" --directory="$1/$2" --sort=name --numeric-owner .
    rm -rf "${1:?}/$2" "$1/$2.work"
}

# Called in a mount namespace of its own.
oci_trees() { # BARE.TAR FOLDER-FOR-TARS
    local folder entry
    folder=$(mktemp -d /dev/shm/sdme-images.XXXXXX)
    mount -t tmpfs tmpfs "$folder"
    mkdir "$folder/bare"
    tar --extract --file="$1" --directory="$folder/bare" --numeric-owner
    oci_mount "$folder" apt "$folder/bare" "$folder/root"
    cp -L /etc/resolv.conf "$folder/root/etc/resolv.conf"
    printf '#!/bin/sh\nexit 101\n' >"$folder/root/usr/sbin/policy-rc.d"
    chmod 755 "$folder/root/usr/sbin/policy-rc.d"
    mkdir -p "$folder/root/etc/postgresql-common"
    echo 'create_main_cluster = false' >"$folder/root/etc/postgresql-common/createcluster.conf"
    oci_apt "$folder/root" update
    umount "$folder/root/proc" "$folder/root"
    for entry in "${OCI_SUITE_PACKAGES[@]}"; do
        oci_application "$folder" "${entry%%:*}" "${entry#*:}" "$2/${entry%%:*}.tar"
    done
    umount "$folder"
    rmdir "$folder"
}
