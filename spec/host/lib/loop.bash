# shellcheck shell=bash
# Loop devices belong to the kernel, not to a namespace: one that was set up in a test host
# outlives it, and keeps its backing file, and with it the host's own image, busy.

# Detaches the loop devices whose backing file lies on a block device, innermost first.
loop_detach_on() { # MAJOR:MINOR
    local loop number backing
    losetup --noheadings --list --output NAME,MAJ:MIN,BACK-MAJ:MIN 2>/dev/null |
        while read -r loop number backing; do
            [ "$backing" = "$1" ] || continue
            loop_detach_on "$number"
            losetup --detach "$loop" 2>/dev/null || true
        done
}

# Detaches all that stands on an image, and the image itself.
loop_detach_image() { # IMAGE
    local loop number
    losetup --noheadings --list --output NAME,MAJ:MIN --associated "$1" 2>/dev/null |
        while read -r loop number; do
            loop_detach_on "$number"
            losetup --detach "$loop" 2>/dev/null || true
        done
}
