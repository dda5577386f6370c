#!/bin/bash
# Builds the box's image, from nothing but this folder and Debian's packages (docs/box.md). Needs root
# only to install tools that are missing. Prints the folder that it is in:
#
#   trunkguard-VERSION.img.zst   for the memory card (and trunkguard-VERSION.img, not packed)
#   boot.ext4, root.squashfs     the slots by themselves
#   packages.txt, sbom.cdx.json, kernel.config   what they are made of
#   sizes.txt                    how large that is, by part
#   update/                      what an update directory holds: the signed bundle, and the pointer to it (bundle.sh)
#   test/boot.ext4               the same slot with the test kernel and a console (`make test-image`)
set -euo pipefail
# shellcheck source=image/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

need git git
need zstd zstd
have python3 e2fsprogs fdisk
version=${TRUNKGUARD_VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p;T;q' Cargo.toml)}
# Every file of the image bears the time of the last commit: the same source gives the same image.
time=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1767225600)}
out="${CARGO_TARGET_DIR:-$root/target}/image"

# First of all: a release ends here, and not after an hour, where its keys are anybody's.
keys=$(image/keys.sh)
daemon=$(image/cross.sh)
kernel=$(image/kernel/build.sh)
tree=$(image/rootfs/build.sh "$daemon" "$version" "$time" "$keys")
mkdir -p "$out/test"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The boards' device trees, with LEDs and button where the profile has them.
need fdtoverlay device-tree-compiler
mkdir "$work/dtb"
cp "$kernel"/dtb/*.dtb "$work/dtb/"
board/overlays/apply.sh "$work/dtb" >&2

image/disk/slot.sh "$out/boot.ext4" "$kernel/Image.gz" "$work/dtb" image/boot/slot.env "$time"
coded() { grep -v '^#' "$1" | base64 -w0; }
sed "s|@SHELL@|$(coded image/boot/test-shell.service)|
s|@SLOW-DEVICE@|$(coded image/boot/test-slow-device.conf)|
s|@SLOW-SERVICE@|$(coded image/boot/test-slow-service.conf)|" image/boot/slot-test.env >"$work/slot-test.env"
image/disk/slot.sh "$out/test/boot.ext4" "$kernel/Image-test.gz" "$work/dtb" "$work/slot-test.env" "$time"
# QEMU's model of a Pi 3 restarts at once when its watchdog is armed, has its console elsewhere, and has no port for a
# shell: what happens in it is told by the console.
sed -E 's/ systemd\.(mount-extra|wants|set_credential_binary=systemd\.extra-unit)[^ ]*//g
s/$/ console=ttyS1,115200 8250.nr_uarts=2 systemd.watchdog_sec=0 systemd.show_status=no printk.devkmsg=on systemd.journald.forward_to_kmsg=1 systemd.journald.max_level_kmsg=info/' \
    "$work/slot-test.env" >"$work/slot-pi.env"
image/disk/slot.sh "$out/test/boot-pi.ext4" "$kernel/Image-test.gz" "$work/dtb" "$work/slot-pi.env" "$time"
image/disk/firmware.sh "$work/firmware.fat" "$kernel/dtb" "$time"
cp "$work/firmware.fat" "$out/test/firmware.fat"
cp "$tree/root.squashfs" "$tree/packages.txt" "$out/"
cp "$kernel/config" "$out/kernel.config"
cargo metadata --locked --format-version 1 --filter-platform aarch64-unknown-linux-gnu |
    python3 image/disk/sbom.py "$version" "$time" "$out/packages.txt" "$kernel/source" >"$out/sbom.cdx.json"

disk="$out/trunkguard-$version.img"
image/disk/disk.sh "$disk" 512 "$work/firmware.fat" "$out/boot.ext4" "$out/root.squashfs" "$out/boot.ext4" "$out/root.squashfs"
rm -rf "$out/update"
bundle=$(image/bundle.sh "$out/update" "$version" "$out/boot.ext4" "$out/root.squashfs")
zstd -q -f -19 -T1 "$disk" -o "$disk.zst"
{
    echo "image, packed          $(stat -c %s "$disk.zst")"
    echo "image, on the card     $(stat -c %s "$disk")"
    echo "bundle                 $(stat -c %s "$bundle")"
    echo "root, packed           $(stat -c %s "$out/root.squashfs")"
    echo "root, unpacked         $(du -sb --apparent-size "$tree/tree" | cut -f1)"
    echo "kernel, packed         $(stat -c %s "$kernel/Image.gz")"
    echo "daemon                 $(stat -c %s "$tree/tree/usr/bin/trunkguard")"
    echo "largest of the root:"
    (cd "$tree/tree" && find . -type f -printf '%s %P\n' | sort -rn | awk 'NR <= 12')
} | tee "$out/sizes.txt" >&2
(cd "$out" && sha256sum "${disk##*/}" boot.ext4 root.squashfs sbom.cdx.json packages.txt) | tee "$out/SHA256SUMS" >&2
echo "$out"
