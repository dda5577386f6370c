#!/bin/bash
# Makes the file system of a boot slot (docs/box.md B1): kernel, device trees, the kernel's command line.
#
# disk/slot.sh OUT KERNEL-IMAGE.gz DTB-FOLDER SLOT.ENV TIME
set -euo pipefail
# shellcheck source=image/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
out=$1 kernel=$2 dtbs=$3 env=$4 time=$5
need mke2fs e2fsprogs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/slot" "$work/slot/dtb"
cp "$kernel" "$work/slot/Image.gz"
cp "$dtbs"/*.dtb "$work/slot/dtb/"
cp "$env" "$work/slot/slot.env"
find "$work/slot" -exec touch -h -d "@$time" {} +
truncate -s 32M "$work/slot.ext4"
# No journal: nobody ever writes in it. What makes a file system differ from another one is given.
E2FSPROGS_FAKE_TIME=$time PATH="$PATH:/usr/sbin:/sbin" mke2fs -q -t ext4 -b 1024 -I 256 -m 0 -L boot \
    -O '^has_journal,^metadata_csum,^64bit,^orphan_file' -U 7c1f6f5e-0b1c-4e1c-9b57-5b0076a1d0b0 \
    -E hash_seed=7c1f6f5e-0b1c-4e1c-9b57-5b0076a1d0b1,lazy_itable_init=0,root_owner=0:0 -d "$work/slot" "$work/slot.ext4"
# The time at which a file came to be here is not the slot's business.
(cd "$work/slot" && find . -mindepth 1 -printf '%P\n' | sort) | while read -r path; do
    for field in ctime atime crtime; do echo "set_inode_field /$path $field @$time"; done
    for field in ctime atime mtime crtime; do echo "set_inode_field /$path ${field}_extra 0"; done
done >"$work/times"
E2FSPROGS_FAKE_TIME=$time PATH="$PATH:/usr/sbin:/sbin" debugfs -w -f "$work/times" "$work/slot.ext4" >/dev/null 2>"$work/said"
! grep -v '^debugfs ' "$work/said" >&2 || die "debugfs does not set the times (above)"
mv "$work/slot.ext4" "$out"
