#!/bin/bash
# Measures Trunkguard against Kamailio, a raw UDP echo and plain forwarding on this machine, and prints
# tables. The firewall's part needs root, for network namespaces; without it, it is left out.
# docs/benchmarks.md says how to read them. Arguments go to `trunkguard-bench all` (--rounds N …).
# BENCH_FOLDER: where states are kept meanwhile; the disk under it is the one that is measured.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

need=()
command -v kamailio >/dev/null || need+=(kamailio kamailio-extra-modules)
command -v sipp >/dev/null || need+=(sip-tester)
command -v strace >/dev/null || need+=(strace)
command -v curl >/dev/null || need+=(curl)
# nft and ip are where only root looks for programs.
PATH=$PATH:/usr/sbin:/sbin
command -v nft >/dev/null || need+=(nftables)
command -v conntrack >/dev/null || need+=(conntrack)
command -v ip >/dev/null || need+=(iproute2)
if [ ${#need[@]} -gt 0 ]; then
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    echo "bench: installing ${need[*]}" >&2
    $sudo apt-get update -q >&2
    # Debian starts Kamailio's service when it is installed; this benchmark starts its own.
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 $sudo apt-get install -y -q --no-install-recommends "${need[@]}" >&2
fi

target=${CARGO_TARGET_DIR:-$root/target}
cargo build --release --locked --manifest-path "$root/Cargo.toml" -p trunkguard --target-dir "$target" >&2
cargo build --release --locked --manifest-path "$here/Cargo.toml" --target-dir "$target" >&2

folder=$(mktemp -d "${BENCH_FOLDER:-/var/tmp}/trunkguard-bench.XXXXXX")
trap 'rm -rf "$folder"' EXIT
"$target/release/trunkguard-bench" all --daemon "$target/release/trunkguard" --source "$here" --folder "$folder" "$@"
