#!/usr/bin/env python3
"""Writes what an image is made of as CycloneDX 1.5: Debian packages, crates, kernel, boot loader.

sbom.py VERSION TIME PACKAGES.TXT KERNEL-SOURCE < cargo-metadata.json > sbom.cdx.json

PACKAGES.TXT: "name version sha256" per line; KERNEL-SOURCE: one line of the same. The metadata are
those of `cargo metadata --filter-platform aarch64-unknown-linux-gnu`.
"""
import datetime, json, sys, uuid

version, time, packages, kernel = sys.argv[1:]
metadata = json.load(sys.stdin)


def debian(line, kind="library"):
    name, release, digest = line.split()
    return {
        "type": kind, "name": name, "version": release, "bom-ref": f"deb:{name}",
        "purl": f"pkg:deb/debian/{name}@{release}?arch=arm64&distro=trixie",
        "hashes": [{"alg": "SHA-256", "content": digest.removeprefix("SHA256:")}],
    }


# Only what is linked into the daemon: no build script's or test's own crates.
nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
crates = {package["id"]: package for package in metadata["packages"]}
linked, queue = set(), [i for i, p in crates.items() if p["name"] == "trunkguard"]
while queue:
    crate = queue.pop()
    if crate not in linked:
        linked.add(crate)
        queue += [d["pkg"] for d in nodes[crate]["deps"] if any(k["kind"] is None for k in d["dep_kinds"])]

components = [debian(line) for line in open(packages) if line.strip()]
components.append(debian(open(kernel).read(), "operating-system"))
for crate in sorted((crates[i] for i in linked), key=lambda c: (c["name"], c["version"])):
    component = {"type": "library", "name": crate["name"], "version": crate["version"],
                 "bom-ref": f"cargo:{crate['name']}@{crate['version']}",
                 "purl": f"pkg:cargo/{crate['name']}@{crate['version']}"}
    if crate.get("license"):
        component["licenses"] = [{"expression": crate["license"].replace("/", " OR ")}]
    components.append(component)
json.dump({
    "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
    "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, version + time)}",
    "metadata": {"timestamp": datetime.datetime.fromtimestamp(int(time), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                 "component": {"type": "firmware", "name": "trunkguard", "version": version}},
    "components": components,
}, sys.stdout, indent=1, sort_keys=True)
print()
