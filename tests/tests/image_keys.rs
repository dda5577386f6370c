//! What updates are signed and believed by, as a vendor makes it: docs/updates.md. By the project's own scripts and the
//! box's own RAUC, on small things in the place of systems.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use trunkguard_tests::tools;

/// A script of the project, with these variables.
fn script(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Output> {
    let root = tools::here().parent().context("no folder above tests/")?;
    Command::new(root.join("image").join(name))
        .args(arguments)
        .env_remove("TRUNKGUARD_KEYS")
        .env_remove("TRUNKGUARD_RELEASE")
        .envs(variables.iter().copied())
        .output()
        .with_context(|| name.to_owned())
}

fn done(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Result<String> {
    let out = script(name, arguments, variables)?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    ensure!(out.status.success(), "{name} {arguments:?}: {said}");
    Ok(String::from_utf8(out.stdout)?.trim().to_owned())
}

/// It ends with 2, and says this.
fn refused(out: &Output, says: &str) -> Result<()> {
    let said = String::from_utf8_lossy(&out.stderr);
    ensure!(
        out.status.code() == Some(2) && said.contains(says),
        "not refused because of {says}: {}\n{said}",
        out.status
    );
    Ok(())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A folder with development keys of nobody else.
fn keys(folder: &Path, name: &str) -> Result<PathBuf> {
    let keys = folder.join(name);
    done("keys.sh", &[text(&keys)], &[])?;
    Ok(keys)
}

/// Something of a system's form: a boot slot, and a root that says which data it reads.
fn system(folder: &Path) -> Result<(PathBuf, PathBuf)> {
    let (boot, root) = (folder.join("boot.ext4"), folder.join("root.squashfs"));
    // Packed, this is as large as before: RAUC wants a bundle to have some size.
    let mut octets = vec![0; 64 << 10];
    fs::File::open("/dev/urandom")?.read_exact(&mut octets)?;
    fs::write(&boot, octets)?;
    let says = folder.join("root/usr/lib/trunkguard/update");
    fs::create_dir_all(&says)?;
    fs::write(says.join("data"), "data=7\noldest=3\n")?;
    let tree = folder.join("root");
    tools::run(
        "mksquashfs",
        &[
            text(&tree),
            text(&root),
            "-noappend",
            "-quiet",
            "-no-progress",
        ],
    )?;
    Ok((boot, root))
}

/// A bundle of that, in a folder of its own.
fn bundle(
    folder: &Path,
    name: &str,
    keys: &Path,
    signer: &str,
    options: &[&str],
) -> Result<String> {
    let (boot, root) = system(folder)?;
    let out = folder.join(name);
    let arguments = [text(&out), "0.9.0", text(&boot), text(&root)];
    done(
        "bundle.sh",
        &[&arguments, options].concat(),
        &[
            ("TRUNKGUARD_KEYS", text(keys)),
            ("TRUNKGUARD_SIGNER", signer),
        ],
    )
}

#[test]
#[ignore = "with the image's tools: make test-image"]
fn image_keys_of_development_make_no_release() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let target = folder.path().join("target");
    let release = [
        ("TRUNKGUARD_RELEASE", "1"),
        ("CARGO_TARGET_DIR", text(&target)),
    ];
    // The whole build, which ends before it builds anything.
    let out = script("build.sh", &[], &release)?;
    refused(&out, "a release does not trust development keys")?;
    ensure!(!target.join("cross").exists() && !target.join("image").exists());

    // Whose authority or whose pointer key it is: one is enough.
    let development = keys(folder.path(), "development")?;
    let own = folder.path().join("own");
    fs::create_dir(&own)?;
    let fresh = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-noenc",
        "-subj",
        "/CN=Example authority",
        "-keyout",
    ];
    let (key, certificate) = (own.join("ca.key"), own.join("keyring.pem"));
    tools::run(
        "openssl",
        &[&fresh[..], &[text(&key), "-out", text(&certificate)]].concat(),
    )?;
    let lines = fs::read_to_string(development.join("pointer-keys"))?;
    let ours = lines.replace("DEVELOPMENT", "example");
    let release = [("TRUNKGUARD_RELEASE", "1"), ("TRUNKGUARD_KEYS", text(&own))];
    fs::write(own.join("pointer-keys"), &ours)?;
    done("keys.sh", &[], &release)?;
    fs::write(own.join("pointer-keys"), &lines)?;
    refused(&script("keys.sh", &[], &release)?, "development keys")?;

    // Nor is anything else what it must be.
    fs::write(own.join("pointer-keys"), "example AAAA\n")?;
    refused(
        &script("keys.sh", &[], &release)?,
        "example has no Ed25519 key",
    )?;
    fs::write(own.join("pointer-keys"), &ours)?;
    fs::copy(&key, own.join("server-ca.pem"))?;
    refused(&script("keys.sh", &[], &release)?, "private key")?;
    fs::write(own.join("server-ca.pem"), "no certificate\n")?;
    refused(
        &script("keys.sh", &[], &release)?,
        "no list of certificates",
    )
}

/// Does a box with this keyring take the bundle?
fn takes(folder: &Path, keyring: &Path, bundle: &str) -> Result<bool> {
    let conf = folder.join("system.conf");
    let shipped =
        fs::read_to_string(tools::here().join("../image/rootfs/files/etc/rauc/system.conf"))?;
    // The box's own, but for what this machine has not.
    let lines: Vec<String> = shipped
        .lines()
        .take_while(|line| !line.starts_with("[handlers]"))
        .map(|line| match line.split_once('=') {
            Some(("path", _)) => format!("path={}", keyring.display()),
            Some(("bootloader", _)) => "bootloader=noop".into(),
            Some(("data-directory", _)) => format!("data-directory={}", folder.display()),
            _ => line.to_owned(),
        })
        .collect();
    fs::write(&conf, lines.join("\n") + "\n")?;
    let conf = format!("--conf={}", conf.display());
    let out = script("rauc.sh", &[&conf, "info", bundle], &[])?;
    let said = String::from_utf8_lossy(&out.stderr);
    let why = [
        "signature verification failed",
        "unsuitable certificate purpose",
    ];
    ensure!(
        out.status.success() || why.iter().any(|why| said.contains(why)),
        "refused for another reason: {said}"
    );
    Ok(out.status.success())
}

#[test]
#[ignore = "with the image's tools: make test-image"]
fn image_keys_change_by_an_update() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let (old, new) = (keys(folder, "old")?, keys(folder, "new")?);
    let ring = |keys: &Path| keys.join("keyring.pem");
    let both = folder.join("both.pem");
    let joined = fs::read_to_string(ring(&old))? + &fs::read_to_string(ring(&new))?;
    fs::write(&both, joined)?;
    let (first, second) = (
        bundle(folder, "first", &old, "signer", &[])?,
        bundle(folder, "second", &old, "signer-2", &[])?,
    );
    let next = bundle(folder, "next", &new, "signer", &[])?;
    for (what, bundle, by_old, by_new) in [
        ("the first signer's", &first, true, false),
        ("the second signer's", &second, true, false),
        ("the new authority's", &next, false, true),
    ] {
        let seen = (
            takes(folder, &ring(&old), bundle)?,
            takes(folder, &both, bundle)?,
            takes(folder, &ring(&new), bundle)?,
        );
        ensure!(seen == (by_old, true, by_new), "{what}: {seen:?}");
    }
    // What the authority has vouched for otherwise signs nothing.
    let at = |name: &str| old.join(name).to_string_lossy().into_owned();
    let request = at("other.csr");
    let new_key = [
        "req",
        "-new",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-noenc",
        "-subj",
        "/CN=other",
        "-keyout",
    ];
    tools::run(
        "openssl",
        &[&new_key[..], &[&at("other.key"), "-out", &request]].concat(),
    )?;
    fs::write(
        at("other.ext"),
        "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n",
    )?;
    let sign = [
        "x509",
        "-req",
        "-in",
        &request,
        "-CA",
        &at("ca.crt"),
        "-CAkey",
        &at("ca.key"),
        "-days",
        "30",
        "-extfile",
        &at("other.ext"),
        "-out",
        &at("other.crt"),
    ];
    tools::run("openssl", &sign)?;
    let wrong = bundle(folder, "wrong", &old, "other", &[]);
    let why = format!(
        "{:#}",
        wrong
            .err()
            .context("a server's certificate has signed a bundle")?
    );
    ensure!(why.contains("purpose"), "{why}");
    Ok(())
}

#[test]
#[ignore = "with the image's tools: make test-image"]
fn image_keys_sign_a_pointer() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let keys = keys(folder, "keys")?;
    let options = [
        "--share",
        "5",
        "--not-before",
        "2026-11-26T00:00:00Z",
        "--not-after",
        "2026-12-24T00:00:00Z",
        "--notes",
        "Quieter alerts: « déjà vu ».",
    ];
    let path = bundle(folder, "update", &keys, "signer", &options)?;
    let pointer: Value = serde_json::from_slice(&fs::read(folder.join("update/latest.json"))?)?;
    let signed = pointer["signed"].as_str().context("no text")?;
    let said: Value = serde_json::from_str(signed)?;
    let octets = fs::read(&path)?;
    let hash = tools::run("sha256sum", &[&path])?;
    let expected = serde_json::json!({
        "format": 1, "compatible": "trunkguard-arm64", "version": "0.9.0", "bundle": "trunkguard-0.9.0.raucb",
        "size": octets.len(), "sha256": hash.split(' ').next().unwrap(), "not_before": "2026-11-26T00:00:00Z",
        "not_after": "2026-12-24T00:00:00Z", "share": 5, "data": 7, "data_oldest": 3, "notes": "Quieter alerts: « déjà vu ».",
    });
    ensure!(said == expected, "{said:#}");

    let signatures = pointer["signatures"].as_array().context("no list")?;
    ensure!(signatures.len() == 2, "{signatures:?}");
    for (index, signature) in signatures.iter().enumerate() {
        let number = index + 1;
        ensure!(
            signature["key"] == format!("DEVELOPMENT-{number}"),
            "{signature}"
        );
        let key = keys.join(format!("pointer-{number}.pem"));
        let verify = |over: String| -> Result<bool> {
            let at = |name: &str| folder.join(name).to_string_lossy().into_owned();
            fs::write(at("text"), over)?;
            fs::write(
                at("base64"),
                signature["signature"].as_str().context("no signature")?,
            )?;
            tools::run(
                "openssl",
                &[
                    "base64",
                    "-d",
                    "-A",
                    "-in",
                    &at("base64"),
                    "-out",
                    &at("signature"),
                ],
            )?;
            let out = Command::new("openssl")
                .args([
                    "pkeyutl",
                    "-verify",
                    "-rawin",
                    "-inkey",
                    text(&key),
                    "-in",
                    &at("text"),
                    "-sigfile",
                    &at("signature"),
                ])
                .output()?;
            Ok(out.status.success())
        };
        ensure!(
            verify(format!("trunkguard-pointer-1\n{signed}"))?,
            "{signature}"
        );
        ensure!(!verify(signed.to_owned())?, "without its first line");
        ensure!(
            !verify(format!("trunkguard-pointer-1\n{signed} "))?,
            "with a space more"
        );
    }
    // Nobody's key.
    let stranger = self::keys(folder, "stranger")?.join("pointer-1.pem");
    let options = ["--key", text(&stranger)];
    let refused = bundle(folder, "stranger-update", &keys, "signer", &options);
    let why = format!("{:#}", refused.err().context("a stranger has signed")?);
    ensure!(why.contains("no box knows"), "{why}");
    Ok(())
}
