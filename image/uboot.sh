#!/usr/bin/env bash
# uboot.sh TARGET: where Debian's U-Boot for qemu_arm64 or rpi_arm64 is, the box's release of it; fetched once.
# It is only unpacked, not installed.
set -euo pipefail
# shellcheck source=image/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case "${1:-}" in
qemu_arm64) package=u-boot-qemu ;;
rpi_arm64) package=u-boot-rpi ;;
*) die "say which: uboot.sh qemu_arm64, or uboot.sh rpi_arm64" ;;
esac

# Each in a folder of its own, made whole before it gets its name.
dir="$cache/uboot-$suite-$1"
binary="$dir/usr/lib/u-boot/$1/u-boot.bin"
if [ ! -e "$binary" ]; then
    box_lists
    new=$(mktemp -d "$cache/uboot.XXXXXX")
    trap 'rm -rf "$new"' EXIT
    (cd "$new" && box_apt download "$package") >&2
    dpkg-deb -x "$new"/"$package"_*.deb "$new/unpacked"
    mv -T "$new/unpacked" "$dir"
fi
echo "$binary"
