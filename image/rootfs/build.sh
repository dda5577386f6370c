#!/bin/bash
# Makes the root: Debian's packages unpacked (no script of theirs runs), what is not needed taken out,
# our own files and the daemon put in, packed read-only. Needs no root. Prints the folder with
# root.squashfs, packages.txt (name, version, SHA-256 of each package) and usr/ and etc/ as they are in it.
#
# rootfs/build.sh DAEMON VERSION TIME KEYS: the daemon for aarch64; the version; seconds since 1970 that every file bears; the
# folder of what the box trusts (keys.sh). TRUNKGUARD_UPDATE_URL names where it looks for updates, if its owner says nothing else;
# TRUNKGUARD_HAWKBIT the configuration of hawkBit's client, which is put in as well then (docs/updates.md, hawkBit).
set -euo pipefail
# shellcheck source=image/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
here="$image/rootfs"
daemon=$1 version=$2 time=$3 keys=$4
url=${TRUNKGUARD_UPDATE_URL:-}
case $url in '' | https://*) ;; *) die "TRUNKGUARD_UPDATE_URL=$url does not begin with https://" ;; esac
hawkbit=${TRUNKGUARD_HAWKBIT:-}
[ -z "$hawkbit" ] || [ -s "$hawkbit" ] || die "TRUNKGUARD_HAWKBIT=$hawkbit is no file with anything in it"
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH="$time"

need mksquashfs squashfs-tools
need qemu-aarch64-static qemu-user-static
need aarch64-linux-gnu-strip binutils-aarch64-linux-gnu
readarray -t names < <(grep -v '^#' "$here/packages" | grep .)
debs=$(box_debs "${names[@]}")

out="$cache/rootfs/$(key "$debs" "$time" "$version" "$daemon" "${BASH_SOURCE[0]}" "$image/lib.sh" "$here"/packages "$here"/leave-out "$here"/programs \
    "$keys"/keyring.pem "$keys"/pointer-keys "$keys"/server-ca.pem "$url" "$hawkbit" "$image"/hawkbit/* \
    "$(cd "$root" && find image/rootfs/files systemd board docs/security.md docs/box.md docs/updates.md -type f -print0 | sort -z | xargs -0 sha256sum)")"
alone rootfs
if [ -e "$out/done" ]; then
    echo "$out"
    exit
fi
rm -rf "$out" "$out.new"
mkdir -p "$out.new/tree"
tree="$out.new/tree"

# 1. The packages.
for deb in $debs; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x --no-same-owner -C "$tree" -X <(grep '^\./' "$here/leave-out")
    echo "$(dpkg-deb -f "$deb" Package) $(dpkg-deb -f "$deb" Version) $(basename "$deb" .deb)"
done | sort >"$out.new/packages.txt"

# 2. Only the programs that are named.
find "$tree/usr/bin" "$tree/usr/sbin" \( -type f -o -type l \) -printf '%P\n' | while read -r name; do
    for folder in bin sbin; do
        if [ -e "$tree/usr/$folder/$name" ] || [ -L "$tree/usr/$folder/$name" ]; then
            grep -qxF "$folder/$name" "$here/programs" || rm -f "$tree/usr/$folder/$name"
        fi
    done
done
while read -r program; do
    [ -e "$tree/usr/$program" ] || [ -L "$tree/usr/$program" ] || die "rootfs/programs names $program, which no package has"
done < <(grep -v '^#' "$here/programs")
units="$tree/usr/lib/systemd/system"
# Nobody logs in, nothing hibernates, there is no TPM, no SysV script, no partition to be guessed.
rm -f "$tree"/usr/lib/systemd/system-generators/systemd-{getty,gpt-auto,hibernate-resume,rc-local,run,ssh,system-update,sysv,tpm2}-generator
rm -rf "$tree"/usr/lib/systemd/{user,user-generators,user-environment-generators,user-preset,system-preset/90-systemd.preset,network/*.network,network/*.example}
rm -f "$tree"/usr/lib/systemd/{systemd-logind,systemd-pcrlock,systemd-pcrextend,systemd-tpm2-setup,systemd-hostnamed,systemd-localed,systemd-timedated,systemd-hibernate-resume,systemd-storagetm,systemd-bsod,systemd-ssh-proxy,systemd-ssh-issue,systemd-sulogin-shell,systemd-battery-check,systemd-backlight,systemd-rfkill,systemd-quotacheck,systemd-user-runtime-dir,systemd-user-sessions,systemd-import,systemd-importd,systemd-pull,systemd-export,systemd-initctl,systemd-vconsole-setup,systemd-keyutil,systemd-validatefs}
rm -rf "$units"/*getty* "$units"/emergency.* "$units"/rescue.* "$units"/*@user* "$units"/user* "$units"/*tpm2* "$units"/*pcr* "$units"/*initrd* \
    "$units"/e2scrub* "$units"/systemd-{firstboot,logind,hostnamed,localed,timedated,creds,sysext,confext,hwdb-update,journal-catalog-update,update-done,userdbd,storagetm,rfkill,backlight,ask-password-console,ask-password-wall,initctl,battery-check,quotacheck,bsod,user-sessions,machine-id-commit,network-generator}* \
    "$units"/{cryptdisks,hwclock,rc-local,debug-shell,nftables,ldconfig,procps,kmod}*
find "$units" -xtype l -delete
find "$tree" -xtype l -path '*/zoneinfo/*' -delete
# No program of the box needs another's rights to run.
find "$tree" -type f -perm /6000 -exec chmod a-s {} +

# 3. Our own.
cp -r "$here/files/." "$tree/"
install -Dm755 "$daemon" "$tree/usr/bin/trunkguard"
aarch64-linux-gnu-strip "$tree/usr/bin/trunkguard"
for unit in "$root"/systemd/*.{service,socket,path,mount,timer}; do
    [ -e "$unit" ] && install -Dm644 "$unit" "$units/${unit##*/}"
done
install -Dm644 "$root/systemd/sysusers.conf" "$tree/usr/lib/sysusers.d/10-trunkguard.conf"
install -Dm644 "$root/systemd/tmpfiles.conf" "$tree/usr/lib/tmpfiles.d/trunkguard.conf"
install -Dm644 "$root/systemd/journald.conf" "$tree/usr/lib/systemd/journald.conf.d/trunkguard.conf"
install -Dm644 "$root/systemd/udev-panel.rules" "$tree/usr/lib/udev/rules.d/60-trunkguard-panel.rules"
install -Dm644 "$root/systemd/sysctl-box.conf" "$tree/usr/lib/sysctl.d/60-trunkguard.conf"
# What updates are believed by. Public keys; keys.sh has looked.
install -m644 "$keys/keyring.pem" "$keys/pointer-keys" "$tree/usr/lib/trunkguard/update/"
[ ! -e "$keys/server-ca.pem" ] || install -m644 "$keys/server-ca.pem" "$tree/usr/lib/trunkguard/update/"
[ -z "$url" ] || echo "$url" >"$tree/usr/lib/trunkguard/update/url"
[ -z "$hawkbit" ] || "$image/hawkbit/install.sh" "$tree" "$hawkbit" | sort - "$out.new/packages.txt" -o "$out.new/packages.txt"
install -Dm644 "$root/docs/security.md" "$tree/usr/share/doc/trunkguard/security.md"
install -Dm644 "$root/docs/box.md" "$tree/usr/share/doc/trunkguard/box.md"
install -Dm644 "$root/docs/updates.md" "$tree/usr/share/doc/trunkguard/updates.md"
mkdir -p "$tree"/{etc,var,root,sys,proc,dev,run,tmp} "$tree/usr/lib/systemd/network"
cat >"$tree/usr/lib/os-release" <<RELEASE
ID=trunkguard
ID_LIKE=debian
NAME=Trunkguard
PRETTY_NAME="Trunkguard $version"
VERSION_ID=$version
HOME_URL=https://github.com/trunkguard/trunkguard
RELEASE
ln -sf ../usr/lib/os-release "$tree/etc/os-release"
# Empty: systemd takes one of its own at each start, and nothing on the box rests on it.
: >"$tree/etc/machine-id"
ln -sf ../run/systemd/resolve/resolv.conf "$tree/etc/resolv.conf"
ln -sf ../proc/self/mounts "$tree/etc/mtab"
ln -sf /usr/share/zoneinfo/UTC "$tree/etc/localtime"
mkdir -p "$tree/etc/ssl/certs"
find "$tree/usr/share/ca-certificates/mozilla" -name '*.crt' -print0 | sort -z | xargs -0 cat >"$tree/etc/ssl/certs/ca-certificates.crt"
rm -rf "$tree/usr/share/ca-certificates"
touch "$tree/usr/lib/clock-epoch"
ln -s var/data "$tree/data"
ln -s ../lib/systemd/systemd "$tree/usr/sbin/init"

# 4. What the packages' scripts would have done, by the box's own programs, run on this machine.
# What they say is shown only where they fail.
quietly() { "$@" >"$out.new/said" 2>&1 || { cat "$out.new/said" >&2; die "$1 failed in the root (above)"; }; }
box() { quietly qemu-aarch64-static -L "$tree" -E LD_LIBRARY_PATH="$tree/usr/lib/aarch64-linux-gnu:$tree/usr/lib/aarch64-linux-gnu/systemd" "$@"; }
box "$tree/usr/bin/systemd-sysusers" --root="$tree"
rm -f "$tree"/etc/{passwd,group,shadow,gshadow}- "$tree"/etc/.pwd.lock
box "$tree/usr/bin/systemctl" --root="$tree" preset-all
box "$tree/usr/bin/systemctl" --root="$tree" set-default multi-user.target
box "$tree/usr/bin/trunkguard" board links "$tree/usr/lib/systemd/network"
# Which data this system writes, and which it reads.
qemu-aarch64-static -L "$tree" "$tree/usr/bin/trunkguard" box schema >"$tree/usr/lib/trunkguard/update/data"
# Nobody has a password, and nothing asks for one.
! grep -v '^[^:]*:[!*]' "$tree/etc/shadow" || die "an account of the root has a password (above)"

# 5. Every program finds every library.
unfound=$(find "$tree" -type f -exec sh -c 'head -c 4 "$1" | grep -q "^.ELF" && aarch64-linux-gnu-readelf -d "$1" 2>/dev/null | sed -n "s/.*(NEEDED).*\[\(.*\)\]/\1/p"' _ {} \; | sort -u |
    while read -r library; do
        [ -n "$(find "$tree/usr/lib" -name "$library" -print -quit)" ] || echo "$library"
    done)
[ -z "$unfound" ] || die "the root lacks libraries that its programs need: $unfound"

# 6. Packed: the same octets from the same files, whoever packs them.
env -u SOURCE_DATE_EPOCH mksquashfs "$tree" "$out.new/root.squashfs" -comp zstd -Xcompression-level 19 -b 131072 -noappend -no-exports -all-root -no-progress \
    -quiet -all-time "$time" -mkfs-time "$time" >&2
rm -f "$out.new/said"
touch "$out.new/done"
mv "$out.new" "$out"
say "root: $(stat -c %s "$out/root.squashfs") octets packed, $(du -sb --apparent-size "$out/tree" | cut -f1) unpacked"
echo "$out"
