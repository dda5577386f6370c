#!/usr/bin/env python3
"""Writes the pointer of an update directory: which version is the newest, and until when that may be believed.

pointer.py --keys DIR --version 0.2.0 BUNDLE > latest.json

The format is in docs/updates.md. Signing is openssl's; no private key is read by this program itself.
"""
import argparse, base64, datetime, glob, hashlib, json, os, re, subprocess, sys, tempfile

HEAD = b"trunkguard-pointer-1\n"
NOTES = 2000


def moment(text):
    """A time as the pointer has it: UTC, to the second."""
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)


def written(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def openssl(*arguments, feed=None):
    return subprocess.run(["openssl", *arguments], input=feed, check=True, capture_output=True).stdout


def public(key):
    """The 32 octets of an Ed25519 key: the end of its DER (RFC 8410)."""
    der = openssl("pkey", "-in", key, "-pubout", "-outform", "DER")
    if len(der) != 44:
        sys.exit(f"pointer.py: {key} is no Ed25519 key")
    return base64.b64encode(der[12:]).decode()


def trusted(folder):
    """Names of the keys that boxes know, by the key."""
    with open(os.path.join(folder, "pointer-keys")) as lines:
        rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    return {key: name for name, key in rows}


def sign(key, octets):
    # Ed25519 signs a whole file (-rawin), and openssl wants to know its length beforehand.
    with tempfile.NamedTemporaryFile() as text:
        text.write(octets)
        text.flush()
        return base64.b64encode(openssl("pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", text.name)).decode()


def main():
    now = datetime.datetime.now(datetime.timezone.utc)
    ask = argparse.ArgumentParser(description="Writes the signed pointer of an update directory to standard output.")
    ask.add_argument("bundle", help="the .raucb file, as it will lie beside the pointer")
    ask.add_argument("--keys", required=True, help="folder with pointer-keys, and the private keys pointer-*.pem")
    ask.add_argument("--key", action="append", help="private key to sign with, in the place of all of that folder; may be said several times")
    ask.add_argument("--version", required=True)
    ask.add_argument("--compatible", default="trunkguard-arm64")
    ask.add_argument("--data", type=int, required=True, help="the data format that this version writes")
    ask.add_argument("--data-oldest", type=int, required=True, help="the oldest that it reads")
    ask.add_argument("--not-before", type=moment, default=now, metavar="2026-11-26T00:00:00Z", help="now, unless said")
    ask.add_argument("--not-after", type=moment, metavar="TIME", help="90 days after that, unless said")
    ask.add_argument("--share", type=int, default=100, choices=range(0, 101), metavar="0..100", help="percent of all boxes that take it now")
    ask.add_argument("--notes", default="", help=f"what is new, for the owner; {NOTES} characters at most")
    said = ask.parse_args()
    until = said.not_after or said.not_before + datetime.timedelta(days=90)
    if until <= said.not_before:
        ask.error("--not-after is not after --not-before")
    if len(said.notes) > NOTES:
        ask.error(f"--notes has {len(said.notes)} characters")
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6}){2}(-[0-9A-Za-z.-]{1,32})?", said.version):
        ask.error(f"--version {said.version} is not as 0.2.0")
    digest, size = hashlib.sha256(), 0
    with open(said.bundle, "rb") as bundle:
        while part := bundle.read(1 << 20):
            digest.update(part)
            size += len(part)
    text = json.dumps({
        "format": 1, "compatible": said.compatible, "version": said.version,
        "bundle": os.path.basename(said.bundle), "size": size, "sha256": digest.hexdigest(),
        "not_before": written(said.not_before), "not_after": written(until), "share": said.share,
        "data": said.data, "data_oldest": said.data_oldest, "notes": said.notes,
    }, ensure_ascii=False)
    keys = said.key or sorted(glob.glob(os.path.join(said.keys, "pointer-*.pem")))
    names = trusted(said.keys)
    signatures = []
    for key in keys:
        if (name := names.get(public(key))) is None:
            sys.exit(f"pointer.py: no box knows {key}: it is not in {said.keys}/pointer-keys")
        signatures.append({"key": name, "signature": sign(key, HEAD + text.encode())})
    if not signatures:
        sys.exit(f"pointer.py: there is no pointer-*.pem in {said.keys} to sign with")
    json.dump({"signed": text, "signatures": signatures}, sys.stdout, ensure_ascii=False, indent=1)
    print()


main()
