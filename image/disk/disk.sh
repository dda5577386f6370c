#!/bin/bash
# Puts partitions together to a disk (docs/box.md B1). Needs no root.
#
# disk/disk.sh OUT MEBIBYTES FIRMWARE BOOT-A ROOT-A BOOT-B ROOT-B
set -euo pipefail
# shellcheck source=image/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
out=$1 size=$2 firmware=$3 boot_a=$4 root_a=$5 boot_b=$6 root_b=$7
need sfdisk fdisk
need python3 python3
[ "$size" -ge 512 ] || die "a disk of $size MiB is too small: 512 at least"
for root in "$root_a" "$root_b"; do
    [ "$(stat -c %s "$root")" -le $((64 << 20)) ] || die "$root is larger than 64 MiB: look at what has come into the root (packages.txt)"
done
rm -f "$out.new"
truncate -s "${size}M" "$out.new"
# Identifiers are the same on every box, so that two builds are; nothing on the box rests on them.
PATH="$PATH:/usr/sbin:/sbin" sfdisk -q "$out.new" <<TABLE
label: gpt
label-id: 54525553-4b47-5541-5244-000000000000
unit: sectors
start=1MiB,   size=64MiB,  type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, uuid=54525553-4b47-5541-5244-000000000001, name=firmware, attrs=LegacyBIOSBootable
start=65MiB,  size=1MiB,   type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=54525553-4b47-5541-5244-000000000002, name=bootstate
start=66MiB,  size=32MiB,  type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=54525553-4b47-5541-5244-000000000003, name=boot-a
start=98MiB,  size=128MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=54525553-4b47-5541-5244-000000000004, name=root-a
start=226MiB, size=32MiB,  type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=54525553-4b47-5541-5244-000000000005, name=boot-b
start=258MiB, size=128MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=54525553-4b47-5541-5244-000000000006, name=root-b
start=386MiB, size=64MiB,  type=4D21B016-B534-45C2-A9FB-5C16E091FD2D, uuid=54525553-4b47-5541-5244-000000000007, name=data
TABLE
put() { dd if="$2" of="$out.new" bs=1M seek="$1" conv=notrunc,sparse status=none; }
put 1 "$firmware"
put 66 "$boot_a"
put 98 "$root_a"
put 226 "$boot_b"
put 258 "$root_b"
# The boot ROM of a Pi 3 reads the old table only: its first entry is the firmware's partition, its second
# one (0xEE) says that the true table is the GPT.
python3 - "$out.new" <<'HYBRID'
import struct, sys
with open(sys.argv[1], "r+b") as disk:
    disk.seek(446)
    entry = lambda kind, first, count: struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", kind, b"\xfe\xff\xff", first, count)
    disk.write(entry(0x0C, 2048, 64 * 2048) + entry(0xEE, 1, 2047) + bytes(32) + b"\x55\xaa")
HYBRID
mv "$out.new" "$out"
