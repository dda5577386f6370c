#!/bin/bash
# Builds the roots that the PBX tests run Asterisk in, and prints their paths, one a line.
#
#   tests/roots/build.sh asterisk16 asterisk22
#
# A root is kept as ROOTS/KEY (the directory) and ROOTS/KEY.tar (what it was made from), where ROOTS
# is ${XDG_CACHE_HOME:-~/.cache}/trunkguard/roots and KEY is the hash of everything that the recipe
# says. sid moves: the archive, not the recipe, is what makes the next run see the same Asterisk.
set -euo pipefail

roots="${XDG_CACHE_HOME:-$HOME/.cache}/trunkguard/roots"

die() {
    echo "roots/build.sh: $*" >&2
    exit 2
}

recipe() {
    case "$1" in
        # The last Debian with chan_sip.
        asterisk16) suite=bullseye packages=asterisk,asterisk-core-sounds-en-gsm ;;
        # chan_pjsip only, as in FreePBX 17.
        asterisk22) suite=sid packages=asterisk,asterisk-core-sounds-en-gsm ;;
        *) die "no root named '$1'; there are asterisk16 and asterisk22" ;;
    esac
}

# The Debian mirror that this machine's own apt uses.
mirror() {
    local uri
    uri=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/*.sources 2>/dev/null || true)
    if [ -z "$uri" ]; then
        uri=$(awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } }' \
            /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true)
    fi
    [ -n "$uri" ] || die "no Debian mirror in /etc/apt/sources.list.d; set one up for apt first"
    echo "$uri"
}

build() {
    local name=$1 key dir
    recipe "$name"
    key="$name-$({ echo "$suite $packages"; cat "${BASH_SOURCE[0]}"; } | sha256sum | cut -c1-16)"
    dir="$roots/$key"
    if [ ! -d "$dir" ]; then
        if [ ! -f "$dir.tar" ]; then
            echo "roots/build.sh: making $name from $suite (about a minute)" >&2
            # Old releases: their Release files are past their date. Manuals and translations go.
            mmdebstrap --quiet --variant=minbase --architectures=amd64 --include="$packages" \
                --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"' \
                --aptopt='APT::Install-Recommends "false"' \
                --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
                --dpkgopt='path-exclude=/usr/share/doc/*' \
                "$suite" "$dir.tar.new" "$(mirror)" --format=tar >&2
            mv "$dir.tar.new" "$dir.tar"
        fi
        rm -rf "$dir.new"
        mkdir "$dir.new"
        # No device files: Asterisk gets the machine's /dev.
        tar -C "$dir.new" --exclude='./dev/*' -xf "$dir.tar"
        mkdir "$dir.new/pbx"
        mv "$dir.new" "$dir"
    fi
    echo "$dir"
}

[ $# -gt 0 ] || die "say which roots: asterisk16, asterisk22"
[ "$(id -u)" = 0 ] || die "run it as root: it makes file systems with other owners"
command -v mmdebstrap >/dev/null || die "mmdebstrap is missing; run tests/setup.sh"
mkdir -p "$roots"
exec 9>"$roots/lock"
flock 9
for name in "$@"; do
    build "$name"
done
