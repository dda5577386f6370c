#!/bin/bash
# Puts LEDs and button into the boards' device trees, in place: apply.sh FOLDER-OF-DTBS. Needs dtc and fdtoverlay
# (device-tree-compiler).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
apply() {
    local overlay=$1 tree
    shift
    dtc -q -@ -i "$here" -I dts -O dtb -o "$work/$overlay.dtbo" "$here/$overlay.dts"
    for tree in "$@"; do
        fdtoverlay -i "$tree" -o "$work/whole.dtb" "$work/$overlay.dtbo"
        mv "$work/whole.dtb" "$tree"
    done
}
apply rpi3 "$1"/bcm2837-rpi-3-b.dtb "$1"/bcm2837-rpi-3-b-plus.dtb
apply rpi4 "$1"/bcm2711-rpi-4-b.dtb "$1"/bcm2711-rpi-cm4-io.dtb
