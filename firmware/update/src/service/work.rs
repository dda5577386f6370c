//! What takes its time: asking, fetching, receiving, installing; and what is asked of root.

use std::{
    fs,
    io::{self, Read, Write},
};

use tracing::info;
use trunkguard_core::update::{
    COMPATIBLE, Version,
    gate::{Here, Refusal, Release, admit, in_share},
    report::{Activity, Checked, End, Offer, Outcome, Pending, Ready, Source},
};

use super::{Updater, finish, now_s};
use crate::{
    Keys,
    https::Server,
    pointer::{self, LARGEST_BUNDLE, Pointer},
    rauc::Rauc,
};

/// A version that could not be installed so often is not tried again by itself.
const MOST_FAILURES: usize = 3;

impl Updater {
    /// What the server has, if it is for this box.
    pub(super) fn check(&self, url: &str) -> Result<Option<(Server, Pointer)>, String> {
        let found = self.ask(url);
        let mut inner = self.lock();
        inner.record.checked = Some(Checked {
            at_s: now_s(),
            problem: found.as_ref().err().cloned(),
        });
        if let Ok(found) = &found {
            inner.record.offer = found.as_ref().map(|(_, pointer)| self.offer(pointer));
            if let Some((_, pointer)) = found {
                inner.record.seen_s = inner.record.seen_s.max(pointer.not_before_s);
            }
        }
        inner.kept()?;
        found
    }

    fn ask(&self, url: &str) -> Result<Option<(Server, Pointer)>, String> {
        let now = self.time()?;
        let keys = Keys::load(&self.places.image.join("pointer-keys"))?;
        let server = Server::new(url, &self.places.image.join("server-ca.pem"));
        let text = server.pointer()?;
        let pointer = pointer::verify(&text, &keys, now).map_err(|e| e.to_string())?;
        match self.admit(&pointer.release, Source::Server) {
            Ok(()) => Ok(Some((server, pointer))),
            Err(Refusal::NotNewer { .. } | Refusal::TriedBefore(_)) => Ok(None),
            Err(refusal) => Err(format!("what {url} offers is not for this box: {refusal}")),
        }
    }

    fn offer(&self, pointer: &Pointer) -> Offer {
        let id = self.places.box_id().unwrap_or_default();
        Offer {
            release: pointer.release.clone(),
            size: pointer.size,
            notes: pointer.notes.clone(),
            in_share: in_share(&id, pointer.release.version, pointer.share),
        }
    }

    /// A person may try again what did not do.
    fn admit(&self, release: &Release, by: Source) -> Result<(), Refusal> {
        let refused = match by {
            Source::Server => self.lock().record.refused.clone(),
            Source::Person => Vec::new(),
        };
        let here = Here {
            compatible: COMPATIBLE,
            version: self.version,
            data: self.data,
            refused: &refused,
        };
        admit(release, &here)
    }

    /// Fetches what the server offers.
    pub(super) fn download(&self, url: &str) -> Result<(), String> {
        let fetched = self.fetch(url);
        if let Err(why) = &fetched {
            let mut inner = self.lock();
            inner.record.checked = Some(Checked {
                at_s: now_s(),
                problem: Some(why.clone()),
            });
            inner.keep();
        }
        fetched
    }

    fn fetch(&self, url: &str) -> Result<(), String> {
        let Some((server, pointer)) = self.check(url)? else {
            return Ok(());
        };
        let part = self.places.part();
        let mark: String = pointer.sha256.iter().map(|b| format!("{b:02x}")).collect();
        {
            let mut inner = self.lock();
            // What was begun of another one is no beginning of this one; and one that waits gives way to a newer one.
            if inner.record.part_of.as_ref() != Some(&mark) {
                let _ = fs::remove_file(&part);
            }
            let _ = fs::remove_file(self.places.bundle());
            inner.record.ready = None;
            inner.record.part_of = Some(mark);
            inner.kept()?;
        }
        let here = fs::metadata(&part).map_or(0, |file| file.len());
        self.room_for(pointer.size.saturating_sub(here))?;
        server.bundle(&pointer, &part, |octets| {
            let of = pointer.size;
            self.lock().activity = Activity::Downloading { octets, of };
            true
        })?;
        self.here(&pointer.release, pointer.size, Source::Server)
    }

    /// The part is whole.
    fn here(&self, release: &Release, size: u64, by: Source) -> Result<(), String> {
        finish(&self.places.part(), &self.places.bundle())?;
        let mut inner = self.lock();
        let version = Some(release.version);
        inner.record.ready = Some(Ready { version, size, by });
        inner.record.part_of = None;
        info!(version = %release.version, size, "an update is here");
        inner.kept()
    }

    /// Takes a bundle from a person, and looks it over at once, so that they hear what is wrong with it.
    pub(super) fn receive(&self, size: u64, body: &mut impl Read) -> Result<(), String> {
        if !(1..=LARGEST_BUNDLE).contains(&size) {
            return Err(format!(
                "a bundle of {size} octets is none: {LARGEST_BUNDLE} at most"
            ));
        }
        if self.lock().record.pending.is_some() {
            return Err("an update is installed and waits for a restart; restart first".into());
        }
        self.occupy(Activity::Receiving {
            octets: 0,
            of: size,
        })?;
        let received = self.take(size, body);
        if received.is_err() {
            let _ = fs::remove_file(self.places.part());
        }
        self.lock().activity = Activity::Idle;
        received
    }

    fn take(&self, size: u64, body: &mut impl Read) -> Result<(), String> {
        self.room_for(size)?;
        let part = self.places.part();
        {
            let mut inner = self.lock();
            inner.record.part_of = None;
            inner.kept()?;
        }
        let disk = |e: io::Error| format!("{}: {e}; check the card", part.display());
        let _ = fs::remove_file(&part);
        let mut file = fs::File::create_new(&part).map_err(disk)?;
        let (mut octets, mut buffer) = (0, vec![0; 64 * 1024]);
        while octets < size {
            let most = buffer.len().min((size - octets) as usize);
            let length = match body.read(&mut buffer[..most]) {
                Ok(0) => return Err(format!("the file ended after {octets} octets of {size}")),
                Ok(length) => length,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => {
                    return Err(format!(
                        "the file stopped coming after {octets} octets ({e})"
                    ));
                }
            };
            file.write_all(&buffer[..length]).map_err(disk)?;
            octets += length as u64;
            self.lock().activity = Activity::Receiving { octets, of: size };
        }
        file.sync_all().map_err(disk)?;
        // RAUC runs as root, without the right to read what is not for all.
        finish(&part, &part)?;
        let release = Rauc::connect()?.inspect(&part)?;
        (self.admit(&release, Source::Person))
            .map_err(|e| format!("the bundle is not for this box: {e}"))?;
        self.here(&release, size, Source::Person)
    }

    /// Has RAUC write the bundle that is here.
    pub(super) fn install(&self) -> Result<(), String> {
        let (ready, offer) = {
            let record = &self.lock().record;
            if record.pending.is_some() {
                return Err("an update is installed already, and waits for a restart".into());
            }
            (
                record.ready.clone().ok_or("no bundle is here")?,
                record.offer.clone(),
            )
        };
        let written = self.write(&ready, offer.as_ref());
        let mut inner = self.lock();
        match &written {
            Ok(()) => {
                inner.record.written = true;
                inner.record.ready = None;
                let _ = fs::remove_file(self.places.bundle());
            }
            Err(why) => {
                inner.record.pending = None;
                inner.record.ready = None;
                inner.record.offer = None;
                let _ = fs::remove_file(self.places.bundle());
                inner.record.note(Outcome {
                    version: ready.version,
                    from: self.version,
                    at_s: now_s(),
                    end: End::Failed { why: why.clone() },
                });
                let failed = |o: &&Outcome| {
                    o.version == ready.version && matches!(o.end, End::Failed { .. })
                };
                let often = inner.record.outcomes.iter().filter(failed).count() >= MOST_FAILURES;
                if let Some(version) = ready.version.filter(|_| often) {
                    inner.record.refuse(version);
                }
            }
        }
        inner.keep();
        written
    }

    fn write(&self, ready: &Ready, offer: Option<&Offer>) -> Result<(), String> {
        let boot = self.able()?;
        let rauc = Rauc::connect()?;
        let bundle = self.places.bundle();
        // What the bundle says of itself counts from here on.
        let release = rauc.inspect(&bundle)?;
        (self.admit(&release, ready.by))
            .map_err(|e| format!("the bundle is not for this box: {e}"))?;
        let offered = offer
            .map(|offer| &offer.release)
            .filter(|_| ready.by == Source::Server);
        if offered.is_some_and(|offered| *offered != release) {
            return Err("the bundle is another one than the server's pointer says".into());
        }
        let ours = rauc.compatible()?;
        if ours != COMPATIBLE {
            return Err(format!(
                "RAUC takes this for another kind of box (`{ours}`)"
            ));
        }
        {
            let mut inner = self.lock();
            inner.record.other = None;
            inner.record.written = false;
            inner.record.reason_before_ns = self.reason_ns();
            inner.record.pending = Some(Pending {
                version: release.version,
                from: self.version,
                slot: boot.other().to_owned(),
                at_s: now_s(),
                rollback: false,
            });
            inner.kept()?;
        }
        info!(version = %release.version, slot = boot.other(), "installing");
        rauc.install(&bundle, |percent, message| {
            let message = message.to_owned();
            self.lock().activity = Activity::Installing { percent, message };
        })?;
        // The word of the boot loader's record counts, not RAUC's.
        let after = self.able()?;
        match after.trial.as_deref() == Some(boot.other()) {
            true => Ok(()),
            false => Err("RAUC says that it is installed, and the boot state does not have it; look at the log".into()),
        }
    }

    pub(super) fn restart(&self) -> Result<(), String> {
        let boot = self.able()?;
        let pending = self.lock().record.pending.clone();
        match pending {
            Some(pending) if boot.trial.as_ref() == Some(&pending.slot) => self.wish("restart"),
            _ => Err("no update waits for a restart".into()),
        }
    }

    pub(super) fn rollback(&self) -> Result<(), String> {
        let boot = self.able()?;
        let mut inner = self.lock();
        if inner.record.pending.is_some() {
            return Err("an update waits for a restart, or is being looked at".into());
        }
        let version: Version = inner.record.other.ok_or(
            "there is nothing to go back to: the other slot has no system that was confirmed on this box",
        )?;
        inner.record.reason_before_ns = self.reason_ns();
        inner.record.pending = Some(Pending {
            version,
            from: self.version,
            slot: boot.other().to_owned(),
            at_s: now_s(),
            rollback: true,
        });
        inner.record.written = true;
        inner.kept()?;
        drop(inner);
        self.wish("other")
    }

    pub(super) fn discard(&self) -> Result<(), String> {
        self.occupy(Activity::Checking)?;
        let mut inner = self.lock();
        inner.record.ready = None;
        inner.record.part_of = None;
        let _ = fs::remove_file(self.places.bundle());
        let _ = fs::remove_file(self.places.part());
        inner.activity = Activity::Idle;
        inner.kept()
    }

    /// Asks root for a restart: `trunkguard box restart` sees the file (docs/updates.md).
    fn wish(&self, what: &str) -> Result<(), String> {
        let path = self.places.wishes.join("restart");
        let new = path.with_extension("new");
        (fs::write(&new, what).and_then(|()| fs::rename(&new, &path)))
            .map_err(|e| format!("{}: {e}; restart the box by hand", path.display()))
    }
}
