#!/bin/bash
# Keys of updates (docs/updates.md). Makes development keys where there are none, looks over what a box is to trust, and
# prints the folder. They are never in git, and a private one never in an image.
#
# keys.sh            the folder that TRUNKGUARD_KEYS names, or else development keys of this machine
# keys.sh DIR        development keys in this folder
#
# Of the folder, a box gets keyring.pem, pointer-keys and, where it is there, server-ca.pem. With TRUNKGUARD_RELEASE=1,
# development keys are refused: whoever reads this could have made them.
set -euo pipefail
# shellcheck source=image/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need openssl openssl
mark=DEVELOPMENT

# A box without a clock believes that it is the day of its image. Certificates are valid from long before it.
since='2020-01-01 00:00:00' days=18250
then_openssl() { faketime -f "$since" openssl "$@"; }

# ca FILE NAME: a certification authority.
ca() {
    then_openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$1.key" -out "$1.crt" -days "$days" -subj "/CN=$2" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}

# signed FILE NAME CA EXTENSIONS: a certificate of that authority.
signed() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$1.key" -subj "/CN=$2" 2>/dev/null |
        then_openssl x509 -req -CA "$3.crt" -CAkey "$3.key" -days "$days" -extfile <(printf '%s\n' "$4") -out "$1.crt" 2>/dev/null
}

# What RAUC asks of a signer (check-purpose=codesign-rauc).
signer=$'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,codeSigning'

make_development_keys() {
    need faketime faketime
    (
        umask 077
        rm -rf "$1.new"
        mkdir -p "$1.new"
        cd "$1.new"
        ca ca "Trunkguard $mark CA"
        signed signer "Trunkguard $mark signer" ca "$signer"
        signed signer-2 "Trunkguard $mark second signer" ca "$signer"
        cp ca.crt keyring.pem
        for number in 1 2; do
            openssl genpkey -algorithm ed25519 -out "pointer-$number.pem"
            echo "$mark-$number $(openssl pkey -in "pointer-$number.pem" -pubout -outform DER | tail -c 32 | base64 -w0)"
        done >pointer-keys
        ca tls-ca "Trunkguard $mark TLS CA"
        cp tls-ca.crt server-ca.pem
    )
    # Whole, or not at all.
    mv "$1.new" "$1"
    say "made development keys in $1"
}

# What a box trusts is what it says that it is.
look_over() {
    local dir=$1 name rest file names
    for file in keyring.pem pointer-keys; do [ -s "$dir/$file" ] || die "$dir/$file is missing: docs/updates.md says what it is"; done
    for file in keyring.pem pointer-keys server-ca.pem; do
        [ ! -e "$dir/$file" ] || ! grep -q 'PRIVATE KEY' "$dir/$file" || die "$dir/$file has a private key in it, and would be put into the image"
    done
    while read -r name rest; do
        case $name in '' | '#'*) continue ;; esac
        [ "$(base64 -d <<<"$rest" 2>/dev/null | wc -c)" = 32 ] || die "$dir/pointer-keys: $name has no Ed25519 key of 32 octets in base64"
    done <"$dir/pointer-keys"
    names=
    for file in keyring.pem server-ca.pem; do
        [ -e "$dir/$file" ] || continue
        # openssl is content with a file in which there is no certificate.
        rest=$(openssl crl2pkcs7 -nocrl -certfile "$dir/$file" | openssl pkcs7 -print_certs -noout || true)
        [ -n "$rest" ] || die "$dir/$file is no list of certificates"
        names+=$rest
    done
    if [ "${TRUNKGUARD_RELEASE:-}" = 1 ] && [[ "$names$(cat "$dir/pointer-keys")" == *"$mark"* ]]; then
        die "a release does not trust development keys, and those in $dir are. Make keys of your own (docs/updates.md), and name their folder in TRUNKGUARD_KEYS"
    fi
}

dir=${1:-${TRUNKGUARD_KEYS:-}}
if [ -z "$dir" ] || [ -n "${1:-}" ]; then
    dir=${dir:-${CARGO_TARGET_DIR:-$root/target}/keys}
    [ -e "$dir" ] || make_development_keys "$dir"
fi
look_over "$dir"
echo "$dir"
