#!/bin/bash
# Cross-builds the daemon for the box (aarch64) on amd64 and prints its path. With --test, it also runs
# the tests of core and store on arm64, under qemu-user.
#
# The compiler is the first that is there:
#   1. rustup's, where it has the target, or can add it;
#   2. Debian 12's rustc-web, with the library for arm64 from the package of the same version, which
#      is only unpacked: no foreign architecture is added to this machine.
# What is downloaded is kept in the cache of lib.sh.
set -euo pipefail
# shellcheck source=image/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
target=aarch64-unknown-linux-gnu
cache="$cache/cross"

# apt-get with lists and cache of its own that knows arm64 too. The mirror is this machine's.
apt_arm64() {
    mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial"
    apt-get -q -o Dir::State::Lists="$cache/apt/lists" -o Dir::Cache="$cache/apt" \
        -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 \
        -o APT::Sandbox::User=root -o Acquire::Languages=none "$@" >&2
}

# Unpacks the arm64 library of Debian's rustc, and prints the sysroot that it lies in.
debian_sysroot() {
    local version dir
    version=$(dpkg-query -W -f '${Version}' rustc-web)
    dir="$cache/libstd-$version"
    if [ ! -d "$dir" ]; then
        say "fetching the library of rustc $version for arm64"
        apt_arm64 update
        rm -rf "$dir.new"
        mkdir -p "$dir.new/deb"
        (cd "$dir.new/deb" && apt_arm64 download "libstd-rust-web-dev:arm64=$version")
        dpkg-deb -x "$dir.new"/deb/libstd-rust-web-dev_*.deb "$dir.new"
        rm -r "$dir.new/deb"
        mv "$dir.new" "$dir"
    fi
    echo "$dir/usr"
}

[ "$(uname -m)" = x86_64 ] || die "this cross-builds from amd64; on arm64, build the daemon as it is"
need cargo cargo-web
need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross

flags=
rustup_has() { rustup target list --installed 2>/dev/null | grep -x "$target" >/dev/null; }
if command -v rustup >/dev/null && { rustup_has || timeout 60 rustup target add "$target" >&2; } && rustup_has; then
    say "with rustup's compiler"
else
    need /usr/bin/rustc rustc-web
    # Debian's compiler, whatever cargo is first on the path; its std is of the same build.
    export RUSTC=/usr/bin/rustc
    flags="--sysroot=$(debian_sysroot)"
    say "with Debian's compiler, $($RUSTC --version)"
fi

# Of a compiler of its own, so in a folder of its own.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}/cross"
unset RUSTFLAGS
# The same source gives the same binary, wherever it lies and whoever builds it.
crates="${CARGO_HOME:-$HOME/.cargo}"
flags="$flags --remap-path-prefix=$crates=/crates --remap-path-prefix=$root=/trunkguard"
export CFLAGS_aarch64_unknown_linux_gnu="-ffile-prefix-map=$crates=/crates -ffile-prefix-map=$root=/trunkguard"
# Only for the target: build scripts and macros run here, with this machine's library.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="$flags"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -L /usr/aarch64-linux-gnu"
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
export AR_aarch64_unknown_linux_gnu=aarch64-linux-gnu-ar

cd "$root"
cargo build --locked --release --target "$target" -p trunkguard >&2
binary="$CARGO_TARGET_DIR/$target/release/trunkguard"
# Newest glibc that the binary asks for: the image's must not be older.
glibc=$(aarch64-linux-gnu-objdump -T "$binary" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1)
say "$(stat -c %s "$binary") octets, needs $glibc"

if [ "${1:-}" = --test ]; then
    need qemu-aarch64-static qemu-user-static
    # Some tests start themselves a second time, which the kernel cannot do for another machine's programs.
    export TRUNKGUARD_TEST_RUNNER="$CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER"
    # No doctests: rustdoc would need the other library too.
    cargo test --locked --target "$target" -p trunkguard-core -p trunkguard-store --lib --tests >&2
fi
echo "$binary"
