#!/bin/bash
# Makes the firmware partition (docs/box.md B1): the Pi's firmware, U-Boot and its script; and the place
# for what came of provisioning (B13).
#
# disk/firmware.sh OUT DTB-FOLDER TIME
set -euo pipefail
# shellcheck source=image/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
out=$1 dtbs=$2 time=$3
export LC_ALL=C TZ=UTC
need mcopy mtools
need mkfs.vfat dosfstools
need mkimage u-boot-tools
need faketime faketime
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
debs=$(box_debs raspi-firmware u-boot-rpi)
mkdir "$work/from" "$work/fat"
for deb in $debs; do dpkg-deb -x "$deb" "$work/from"; done
firmware="$work/from/usr/lib/raspi-firmware"
cp "$firmware"/{bootcode.bin,start.elf,fixup.dat,start4.elf,fixup4.dat} "$work/fat/"
cp "$work/from/usr/share/doc/raspi-firmware/copyright" "$work/fat/LICENCE.txt"
cp "$work/from/usr/lib/u-boot/rpi_arm64/u-boot.bin" "$work/fat/"
# The names that the Pi's firmware looks for with upstream_kernel=1 are the kernel's own.
cp "$dtbs"/*.dtb "$work/fat/"
cp "$image/boot/config.txt" "$work/fat/"
SOURCE_DATE_EPOCH=$time mkimage -q -A arm64 -T script -C none -n trunkguard -d "$image/boot/boot.cmd" "$work/fat/boot.scr" >&2
mkenvimage -s 0x4000 -o "$work/fat/uboot.env" <(grep -v '^#' "$image/boot/uboot.env.txt")
# Of a fixed size from the beginning: writing into it takes no cluster.
printf '%-4096s' $'Nothing was provisioned yet.\r\nPut a policy file named trunkguard.toml beside this one.\r\n' >"$work/fat/trunkguard-result.txt"
find "$work/fat" -exec touch -h -d "@$time" {} +
truncate -s 64M "$work/fat.img"
PATH="$PATH:/usr/sbin:/sbin" mkfs.vfat --invariant -i 54475244 -F 32 -n FIRMWARE "$work/fat.img" >/dev/null
# One by one in a fixed order, so that each lies in the same clusters each time.
for file in $(cd "$work/fat" && printf '%s\n' * | sort); do
    faketime -f "$(date -ud "@$time" '+%Y-%m-%d %H:%M:%S')" mcopy -m -i "$work/fat.img" "$work/fat/$file" "::$file"
done
mv "$work/fat.img" "$out"
