#!/bin/bash
# Puts hawkBit's client into a root (docs/updates.md, hawkBit): Debian's rauc-hawkbit-updater, the library that the root does not have
# for it, its unit, and what it is told.
#
# install.sh TREE CONF: the root, unpacked; the client's configuration (hawkbit.conf here is an example). Prints what packages.txt says of
# what was added: name, version, SHA-256, a line each.
set -euo pipefail
# shellcheck source=image/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
tree=$1 conf=$2
grep -q '^\[client\]' "$conf" || die "$conf is no configuration of rauc-hawkbit-updater: it has no group [client]"

# From Debian 14 on there is a package; it asks for nothing that Debian 13 is too old for.
debs="$(suite=forky box_debs rauc-hawkbit-updater) $(box_debs libcurl4t64)"
for deb in $debs; do
    # Its own unit and configuration stay out: ours have fewer rights, and know which box it is.
    dpkg-deb --fsys-tarfile "$deb" | tar -x --no-same-owner -C "$tree" -X <(grep '^\./' "$image/rootfs/leave-out") --exclude ./etc --exclude ./usr/lib/systemd
    echo "$(dpkg-deb -f "$deb" Package) $(dpkg-deb -f "$deb" Version) $(basename "$deb" .deb)"
done
[ -x "$tree/usr/bin/rauc-hawkbit-updater" ] || die "Debian's package has no usr/bin/rauc-hawkbit-updater any more"

units="$tree/usr/lib/systemd/system"
install -Dm644 "$image/hawkbit/trunkguard-hawkbit.service" "$units/trunkguard-hawkbit.service"
mkdir -p "$units/multi-user.target.wants"
ln -sf ../trunkguard-hawkbit.service "$units/multi-user.target.wants/trunkguard-hawkbit.service"
# A token may be in it: for root, who hands it to the unit.
install -Dm600 "$conf" "$tree/usr/lib/trunkguard/update/hawkbit.conf"
