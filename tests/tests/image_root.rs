//! What is in the image's root, and what is not: docs/box.md B8, B12.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::Path,
};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    machine::{Card, Image, at as part},
    tools,
};

/// Programs that run what they are told.
const SHELLS: [&str; 17] = [
    "sh", "ash", "bash", "dash", "busybox", "toybox", "zsh", "ksh", "csh", "tcsh", "fish", "perl",
    "python", "python3", "awk", "su", "sudo",
];
const REMOTE: [&str; 5] = ["sshd", "dropbear", "telnetd", "login", "agetty"];

#[test]
#[ignore = "looks into the image: make test-image"]
fn image_root_has_no_shell_no_password_and_no_way_up() -> Result<()> {
    let image = Image::under_test()?;
    let folder = tempfile::tempdir()?;
    // What lies in the slot is what is looked at.
    let packed = fs::read(image.folder().join("root.squashfs"))?;
    let card = Card::released(&image, &folder.path().join("card.img"))?;
    for slot in [part::ROOT_A, part::ROOT_B] {
        ensure!(
            card.read(slot << 20, packed.len())? == packed,
            "another root in the slot"
        );
    }
    let root = folder.path().join("root");
    tools::run(
        "unsquashfs",
        &[
            "-q",
            "-n",
            "-d",
            &root.to_string_lossy(),
            &image.folder().join("root.squashfs").to_string_lossy(),
        ],
    )?;
    let mut files = 0;
    let mut wrong = Vec::new();
    walk(&root, &mut |path| {
        files += 1;
        let problems = look(path)?;
        let name = path.strip_prefix(&root)?.display();
        wrong.extend(
            problems
                .into_iter()
                .map(|problem| format!("/{name}: {problem}")),
        );
        Ok(())
    })?;
    ensure!(files > 500, "only {files} files were looked at");
    ensure!(wrong.is_empty(), "in the root:\n{}", wrong.join("\n"));

    let shadow = fs::read_to_string(root.join("etc/shadow")).context("etc/shadow")?;
    for line in shadow.lines() {
        let password = line.split(':').nth(1).unwrap_or("");
        ensure!(password.starts_with(['!', '*']), "a password: {line}");
    }
    ensure!(
        shadow.contains("trunkguard:!"),
        "whose shadow is this?\n{shadow}"
    );
    for line in fs::read_to_string(root.join("etc/passwd"))?.lines() {
        let (shell, user) = (line.rsplit(':').next(), line.split(':').next());
        // root's is named by systemd, and is not there.
        let shell = shell.unwrap_or("").trim_start_matches('/');
        ensure!(
            !root.join(shell).exists(),
            "{user:?} has a shell that is there: {shell}"
        );
    }
    Ok(())
}

fn walk(folder: &Path, each: &mut impl FnMut(&Path) -> Result<()>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        each(&path)?;
        if fs::symlink_metadata(&path)?.is_dir() {
            walk(&path, each)?;
        }
    }
    Ok(())
}

fn look(path: &Path) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let about = fs::symlink_metadata(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let kind = about.file_type();
    if kind.is_block_device() || kind.is_char_device() {
        wrong.push("a device".into());
    }
    if about.uid() != 0 || about.gid() != 0 {
        wrong.push(format!("belongs to {}:{}", about.uid(), about.gid()));
    }
    if kind.is_symlink() {
        return Ok(wrong);
    }
    let mode = about.permissions().mode();
    if mode & 0o6000 != 0 {
        wrong.push(format!("runs as another one: {mode:o}"));
    }
    if mode & 0o022 != 0 && mode & 0o1000 == 0 {
        wrong.push(format!("others may write: {mode:o}"));
    }
    if !kind.is_file() {
        return Ok(wrong);
    }
    let program = mode & 0o111 != 0;
    if program && (SHELLS.contains(&&*name) || REMOTE.contains(&&*name)) {
        wrong.push("a program that must not be there".into());
    }
    let text = fs::read(path)?;
    if text.starts_with(b"#!") {
        wrong.push("a script".into());
    }
    // A program that reads keys has these words in it, too.
    let words = b"PRIVATE KEY-----";
    if !text.starts_with(b"\x7fELF") && text.windows(words.len()).any(|part| part == words) {
        wrong.push("a private key".into());
    }
    Ok(wrong)
}
