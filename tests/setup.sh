#!/bin/bash
# Installs what the tests against real peers need (Debian 12, as root), and builds the PBX roots.
# Safe to run again: what is there is left as it is, and it then takes well under a second.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/trunkguard"

[ "$(id -u)" = 0 ] || {
    echo "tests/setup.sh: run it as root: it installs packages and makes root file systems" >&2
    exit 2
}

# command package
wanted="
ip iproute2
sipp sip-tester
sipsak sipsak
mmdebstrap mmdebstrap
setpriv util-linux
nft nftables
conntrack conntrack
systemd-socket-activate systemd
flock util-linux
faketime faketime
strace strace
nft nftables
conntrack conntrack
tcpdump tcpdump
dnsmasq dnsmasq-base
busybox busybox
sqlite3 sqlite3
mcopy mtools
chromium chromium
curl curl
node nodejs
npm npm
promtool prometheus
rsyslogd rsyslog
openssl openssl
nginx nginx-light
"
missing=$(echo "$wanted" | while read -r command package; do
    [ -z "$command" ] || command -v "$command" >/dev/null || echo "$package"
done | sort -u)
python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
/usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || missing="$missing python3-aiosmtpd"
# The part of rsyslog that speaks TLS.
ls /usr/lib/*/rsyslog/lmnsd_ossl.so >/dev/null 2>&1 || missing="$missing rsyslog-openssl"
if [ -n "${missing// /}" ]; then
    apt-get update -q >&2
    # What Debian would start with a package (rsyslog, prometheus) stays where it is: the tests start their own.
    # shellcheck disable=SC2086  # a list of names
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing >&2
fi

# sipvicious: the scanner that strangers use. A folder of its own; renamed only when it is whole.
sipvicious="$cache/sipvicious-0.3.3"
if [ ! -x "$sipvicious/bin/sipvicious_svmap" ]; then
    mkdir -p "$cache"
    rm -rf "$sipvicious"
    python3 -m venv "$sipvicious" >&2
    "$sipvicious/bin/pip" install -q --disable-pip-version-check sipvicious==0.3.3 >&2 || {
        rm -rf "$sipvicious"
        echo "tests/setup.sh: pip could not install sipvicious 0.3.3" >&2
        exit 1
    }
fi

# schemathesis: asks the API whatever its document allows, and what it does not. Treated like sipvicious.
schemathesis="$cache/schemathesis-4.32.5"
if [ ! -x "$schemathesis/bin/schemathesis" ]; then
    mkdir -p "$cache"
    rm -rf "$schemathesis"
    python3 -m venv "$schemathesis" >&2
    "$schemathesis/bin/pip" install -q --disable-pip-version-check schemathesis==4.32.5 >&2 || {
        rm -rf "$schemathesis"
        echo "tests/setup.sh: pip could not install schemathesis 4.32.5" >&2
        exit 1
    }
fi

# The browser's driver and axe-core, of the versions that package-lock.json names.
page="$here/page"
if ! cmp -s "$page/package-lock.json" "$page/node_modules/.installed"; then
    (cd "$page" && npm ci --ignore-scripts --silent) >&2 || {
        echo "tests/setup.sh: npm could not install what tests/page/package-lock.json names" >&2
        exit 1
    }
    cp "$page/package-lock.json" "$page/node_modules/.installed"
fi

"$here/roots/build.sh" asterisk16 asterisk22 >/dev/null
