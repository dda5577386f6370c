#!/bin/bash
# Builds the box's kernel from Debian's own source, the newest of the release with its security fixes,
# and prints the folder with Image.gz, Image-test.gz, the device trees and what it was made of.
#
# About 20 minutes of one core, once for each source and configuration: the result is kept.
set -euo pipefail
# shellcheck source=image/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
here="$image/kernel"
line=6.12 # the long-term kernel of Debian trixie

have make gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross flex bison bc libssl-dev xz-utils cpio rsync
box_lists
# The deb's own name and hash, so that a new one is a new kernel.
read -r deb size hash < <(box_apt --print-uris download "linux-source-$line" | awk '/_all\.deb/ && !found++ { print $2, $3, $4 }')
[ -n "${hash:-}" ] || die "Debian $suite has no linux-source-$line today"
version=${deb#*_}
version=${version%_all.deb}
out="$cache/kernel/$version-$(key "$hash" "$here"/*.config "${BASH_SOURCE[0]}")"
alone kernel
if [ -e "$out/done" ]; then
    echo "$out"
    exit
fi
say "building Linux $version (source of $size octets): about 20 minutes of one core"

# In memory where there is enough of it: 1.5 GB of source, 0.5 GB of objects.
work=$(mktemp -d -p "$([ "$(df --output=avail /dev/shm 2>/dev/null | tail -n 1 || echo 0)" -gt 4000000 ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")" trunkguard-kernel.XXXXXX)
trap 'rm -rf "$work"' EXIT
rm -rf "$out" "$out.new"
mkdir -p "$out.new"
(cd "$work" && box_apt download "linux-source-$line")
echo "${hash#SHA256:}  $work/$deb" | sha256sum -c --quiet || die "$deb is not what the release's index says"
dpkg-deb --fsys-tarfile "$work/$deb" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' | tar -xJ -C "$work"
rm "$work/$deb"

# The same source gives the same kernel, whoever builds it, wherever and when.
SOURCE_DATE_EPOCH=$(stat -c %Y "$work/linux-source-$line/Makefile")
export ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- KBUILD_BUILD_USER=trunkguard KBUILD_BUILD_HOST=trunkguard
KBUILD_BUILD_TIMESTAMP=$(date -ud "@$SOURCE_DATE_EPOCH")
export KBUILD_BUILD_TIMESTAMP KBUILD_BUILD_VERSION=1
kbuild() { make -s -C "$work/linux-source-$line" O="$work/objects" -j"$(nproc)" "$@" >&2; }

# configure FRAGMENT…: every option as the fragments say and as little else as there can be. One that
# did not take (renamed, or lacking what it rests on) ends the build by its name.
configure() {
    cat "$@" >"$work/wanted.config"
    kbuild KCONFIG_ALLCONFIG="$work/wanted.config" allnoconfig
    local wanted lost=0
    while read -r wanted; do
        case $wanted in
            CONFIG_*=n) ! grep -q "^${wanted%=n}=" "$work/objects/.config" || { say "did not take: $wanted" && lost=1; } ;;
            CONFIG_*) grep -qxF "$wanted" "$work/objects/.config" || { say "did not take: $wanted" && lost=1; } ;;
        esac
    done <"$work/wanted.config"
    [ $lost = 0 ] || die "the configuration asks for what this kernel does not have (above)"
}

configure "$here/box.config"
cp "$work/objects/.config" "$out.new/config"
kbuild Image.gz broadcom/bcm2837-rpi-3-b.dtb broadcom/bcm2837-rpi-3-b-plus.dtb \
    broadcom/bcm2711-rpi-4-b.dtb broadcom/bcm2711-rpi-cm4-io.dtb
mkdir "$out.new/dtb"
cp "$work/objects"/arch/arm64/boot/dts/broadcom/*.dtb "$out.new/dtb/"
cp "$work/objects/arch/arm64/boot/Image.gz" "$out.new/"
configure "$here/box.config" "$here/test.config"
kbuild Image.gz
cp "$work/objects/arch/arm64/boot/Image.gz" "$out.new/Image-test.gz"
printf 'linux-source-%s %s %s\n' "$line" "$version" "$hash" >"$out.new/source"
touch "$out.new/done"
mv "$out.new" "$out"
say "$(stat -c %s "$out/Image.gz") octets"
echo "$out"
