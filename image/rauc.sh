#!/bin/bash
# Runs the box's own RAUC on this machine, under qemu-user: `image/rauc.sh info BUNDLE`. Debian 12's is older, and forgets what
# it does not know of a manifest.
set -euo pipefail
# shellcheck source=image/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need qemu-aarch64-static qemu-user-static
need mksquashfs squashfs-tools
readarray -t names < <(echo rauc libc6 libgcc-s1 base-files libidn2-0 libunistring5 | tr ' ' '\n' && sed '1,/^# libraries of these/d' "$image/rootfs/packages" | grep -v '^#' | grep .)
debs=$(box_debs "${names[@]}")
tree="$cache/rauc/$(key "$debs")"
if [ ! -e "$tree" ]; then
    (
        alone rauc
        [ ! -e "$tree" ] || exit 0
        rm -rf "$tree.new"
        mkdir -p "$tree.new"
        for deb in $debs; do dpkg-deb --fsys-tarfile "$deb" | tar -x --no-same-owner -C "$tree.new" --exclude './usr/share/*' --exclude './var' --exclude './etc' --exclude './home'; done
        mv "$tree.new" "$tree"
    )
fi
exec qemu-aarch64-static -L "$tree" "$tree/usr/bin/rauc" "$@"
