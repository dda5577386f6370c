#!/bin/bash
# Puts what the tests need beside the image (folder `test` of the folder given): QEMU's U-Boot, the Pi's,
# and a disk of tools that the guest's shell has. Nothing of it is in the image.
set -euo pipefail
# shellcheck source=image/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
out=$1/test
mkdir -p "$out"
need qemu-system-aarch64 qemu-system-arm
need mksquashfs squashfs-tools
need mcopy mtools
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
debs=$(box_debs u-boot-qemu u-boot-rpi busybox-static)
for deb in $debs; do dpkg-deb -x "$deb" "$work"; done
cp "$work/usr/lib/u-boot/qemu_arm64/u-boot.bin" "$out/u-boot-qemu.bin"
cp "$work/usr/lib/u-boot/rpi_arm64/u-boot.bin" "$out/u-boot-rpi.bin"
mkdir "$work/tools"
cp "$work"/usr/bin/busybox "$work/tools/"
for name in sh ash awk base64 basename cat chmod chown cmp cp cut date dd df dirname dmesg du echo env false find free grep head hexdump hostname \
    id ip kill killall ln ls md5sum mkdir mknod mv nc netstat nslookup od pgrep pidof ping ps pwd readlink realpath rm rmdir sed seq sha256sum sleep sort stat \
    strings su sync tail tee test timeout touch tr true tty udhcpc uname uniq uptime vi watch wc wget which xargs yes '['; do
    ln -s busybox "$work/tools/$name"
done
mksquashfs "$work/tools" "$out/tools.squashfs" -comp zstd -noappend -quiet -no-progress -all-root >&2
