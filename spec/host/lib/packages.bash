# shellcheck shell=bash
# Reads the table of packages.

readonly PACKAGE_TABLE=${BASH_SOURCE[0]%/lib/*}/packages

# The packages of one or more groups for a suite, sorted, one a line.
packages_of() { # SUITE GROUP...
    local suite=$1 group groups package suites
    shift
    while read -r groups package suites; do
        case $groups in '' | '#'*) continue ;; esac
        [ -z "$suites" ] || [[ " $suites " = *" $suite "* ]] || continue
        for group in "$@"; do
            [[ ",$groups," = *",$group,"* ]] || continue
            echo "$package"
            break
        done
    done <"$PACKAGE_TABLE" | sort -u
}

# Those of the packages named on stdin that the machine lacks.
packages_missing() {
    local package
    while read -r package; do
        # shellcheck disable=SC2016 # dpkg-query's own variable
        case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
            installed) ;;
            *) echo "$package" ;;
        esac
    done
}

# The machine's suite.
suite_of_machine() {
    # shellcheck source=/dev/null
    (. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
}
