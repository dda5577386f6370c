#!/bin/bash
# Installs gooseBit into a folder of its own in the cache, unless it is there, and prints the folder.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/trunkguard"
folder="$cache/goosebit-$(sha256sum <"$here/requirements.txt" | cut -c1-16)"
mkdir -p "$cache"
exec 9>"$cache/goosebit.lock"
flock 9
if [ ! -e "$folder/done" ]; then
    rm -rf "$folder"
    python3 -m venv "$folder" >&2
    "$folder/bin/pip" install -q --disable-pip-version-check --no-deps -r "$here/requirements.txt" >&2 || {
        rm -rf "$folder"
        echo "tests/goosebit/setup.sh: pip could not install what tests/goosebit/requirements.txt names" >&2
        exit 1
    }
    touch "$folder/done"
fi
echo "$folder"
