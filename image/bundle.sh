#!/bin/bash
# Makes what an update directory holds (docs/updates.md): the signed bundle of two slots, and the signed pointer to it.
# Prints the bundle's path.
#
# bundle.sh OUT-DIR VERSION BOOT.ext4 ROOT.squashfs [OPTION…]: options are those of pointer.py (--share 10, --notes …).
# Keys are those of keys.sh; TRUNKGUARD_SIGNER=signer-2 signs with another certificate of that folder.
set -euo pipefail
# shellcheck source=image/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
out=$1 version=$2 boot=$3 root_image=$4
shift 4
# Which kind of box it is for; boxes of another kind refuse it.
compatible=${TRUNKGUARD_COMPATIBLE:-trunkguard-arm64}
need unsquashfs squashfs-tools
have python3
keys=$("$image/keys.sh")
signer="$keys/${TRUNKGUARD_SIGNER:-signer}"
for file in "$signer.crt" "$signer.key"; do [ -s "$file" ] || die "$file is missing: it signs bundles (docs/updates.md)"; done

# What the new system says of its own data, so that a box can refuse what cannot read today's.
said=$(unsquashfs -cat "$root_image" usr/lib/trunkguard/update/data) || die "$root_image has no usr/lib/trunkguard/update/data"
number() { sed -n "s/^$1=\([0-9]\{1,6\}\)$/\1/p" <<<"$said" | grep . || die "usr/lib/trunkguard/update/data of $root_image has no number for $1"; }
data=$(number data)
oldest=$(number oldest)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/content"
cp "$boot" "$work/content/boot.ext4"
cp "$root_image" "$work/content/root.squashfs"
cat >"$work/content/manifest.raucm" <<MANIFEST
[update]
compatible=$compatible
version=$version

[bundle]
format=verity

[image.boot]
filename=boot.ext4

[image.root]
filename=root.squashfs

[meta.trunkguard]
data=$data
data-oldest=$oldest
MANIFEST
cat >"$work/system.conf" <<CONF
[system]
compatible=$compatible
bootloader=noop
bundle-formats=-plain
data-directory=$work
[keyring]
path=$keys/keyring.pem
check-purpose=codesign-rauc
CONF
# The slots are packed already.
quietly() { "$@" >"$work/said" 2>&1 || { cat "$work/said" >&2; die "RAUC does not make this bundle (above)"; }; }
quietly "$image/rauc.sh" --conf="$work/system.conf" --cert="$signer.crt" --key="$signer.key" --mksquashfs-args="-comp zstd -Xcompression-level 1 -quiet -no-progress" \
    bundle "$work/content" "$work/bundle.raucb"
# Read once more, as a box that has this keyring does.
quietly "$image/rauc.sh" --conf="$work/system.conf" info "$work/bundle.raucb"
mkdir -p "$out"
bundle="$out/trunkguard-$version.raucb"
mv "$work/bundle.raucb" "$bundle"
"$image/pointer.py" --keys "$keys" --version "$version" --data "$data" --data-oldest "$oldest" --compatible "$compatible" "$@" "$bundle" >"$work/latest.json"
chmod 644 "$bundle" "$work/latest.json"
# The pointer last: who sees it finds the bundle.
mv "$work/latest.json" "$out/latest.json"
echo "$bundle"
