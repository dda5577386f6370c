# shellcheck shell=bash
# What the scripts of this folder share. To be sourced.

# shellcheck disable=SC2034  # for those who source this
image=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034
root=$(dirname "$image")
# What takes long is kept here under a key of all that it was made of, and made again where it is missing.
cache="${TRUNKGUARD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/trunkguard}"
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo

say() { echo "${0##*/image/}: $*" >&2; }
die() {
    say "$*"
    exit 2
}

# need COMMAND PACKAGE…: installs the packages where the command is missing.
need() {
    local command=$1
    shift
    command -v "$command" >/dev/null || PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null || get "$@"
}

# have PACKAGE…: installs those that are missing.
have() {
    local missing=() package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] || get "${missing[@]}"
}

get() {
    command -v apt-get >/dev/null || die "missing: $*; and there is no apt-get to install it with"
    say "installing $*"
    $sudo apt-get update -q >&2
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qy --no-install-recommends "$@" >&2
}

# The release of Debian that the box runs, and where its packages come from: the mirror is this
# machine's, so that a network that has one keeps using it.
suite=trixie
mirror() {
    local uri
    # `indextargets` reads every way of writing sources that this machine's apt knows.
    # shellcheck disable=SC2016  # apt fills these in
    uri=$(apt-get indextargets --format '$(SITE) $(RELEASE)' | awk -v want="$1" '$2 ~ want && !found++ { print $1 }')
    [ -n "$uri" ] || die "no Debian mirror in this machine's apt sources for $1"
    echo "${uri%/}"
}

# apt-get with lists, cache and sources of its own: the box's release, for arm64. It changes nothing
# of this machine. To be used with `update`, `download`, `--print-uris` and `-s` only.
box_apt() {
    local dir="$cache/apt-$suite" main security
    if [ ! -e "$dir/ready" ]; then
        main=$(mirror '^bookworm$|^stable$|^trixie$')
        security=$(mirror '-security$')
        mkdir -p "$dir"/{lists/partial,archives/partial,parts}
        : >"$dir/status"
        cat >"$dir/sources.list" <<LIST
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $main $suite main non-free-firmware
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $main $suite-updates main non-free-firmware
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $security $suite-security main non-free-firmware
LIST
        touch "$dir/ready"
    fi
    command apt-get -q -o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts="$dir/parts" \
        -o Dir::State::Lists="$dir/lists" -o Dir::State::Status="$dir/status" -o Dir::Cache="$dir" \
        -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Install-Recommends=false \
        -o APT::Sandbox::User=root -o Acquire::Languages=none -o Debug::NoLocking=1 "$@"
}

# The lists of the box's release are fetched once in half a day; `TRUNKGUARD_REFRESH=1` asks for new ones.
box_lists() {
    local stamp="$cache/apt-$suite/updated"
    if [ "${TRUNKGUARD_REFRESH:-}" = 1 ] || [ -z "$(find "$stamp" -mmin -720 2>/dev/null)" ]; then
        say "asking for the newest packages of Debian $suite"
        box_apt update >&2
        touch "$stamp"
    fi
}

# The key of some files and words: what is made of the same has the same one.
key() { { for f in "$@"; do if [ -f "$f" ]; then sha256sum <"$f"; else echo "$f"; fi; done; } | sha256sum | cut -c1-16; }

# box_debs PACKAGE…: fetches them of the box's release, and prints where each is: a file that is called by the
# SHA-256 that the release's signed index says it has.
box_debs() {
    local uris deb hash dir lacking=()
    box_lists
    uris=$(cd / && box_apt --print-uris download "$@" | awk '/\.deb/ { sub("SHA256:", "", $4); print $2, $4 }' | sort) ||
        die "Debian $suite lacks one of: $*"
    while read -r deb hash; do
        [ -e "$cache/debs/$hash.deb" ] || lacking+=("${deb%%_*}")
    done <<<"$uris"
    if [ ${#lacking[@]} -gt 0 ]; then
        mkdir -p "$cache/debs"
        dir=$(mktemp -d)
        (cd "$dir" && box_apt download "${lacking[@]}" >&2)
        for deb in "$dir"/*.deb; do mv "$deb" "$cache/debs/$(sha256sum <"$deb" | cut -d' ' -f1).deb"; done
        rmdir "$dir"
    fi
    while read -r deb hash; do
        [ -e "$cache/debs/$hash.deb" ] || die "$deb that was fetched is not what the release's index says"
        echo "$cache/debs/$hash.deb"
    done <<<"$uris"
}

# alone NAME: from here on this script is the only one that makes what is called so; another one waits.
alone() {
    mkdir -p "$cache"
    exec 9>"$cache/$1.lock"
    flock 9
}
