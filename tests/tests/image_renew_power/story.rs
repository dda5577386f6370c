//! An update from the first question to the confirmation, write by write.

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use trunkguard_boot::{
    sector::Sector,
    state::{self, Place, Slot, State},
};
use trunkguard_tests::machine::{
    Card, Guest, Image, Machine, Options, PATIENCE, Record, Server, Writes, at,
    updating::{NEWER, Updating, confirmed, said, version},
};

/// The daemon's state folder.
pub const STATE: &str = "/var/lib/trunkguard";
/// The command line of updates.
pub const UPDATE: &str = "trunkguard update --state /var/lib/trunkguard";
/// After the confirmation nothing is waited for that would still have to be written.
const IDLE: Duration = Duration::from_secs(5);
const MIB: u64 = 1 << 20;
/// The box's own shell is the PBX; nothing is updated before the test says so.
pub const POLICY: &str = r#"format = 1
[settings]
mode = "prevent"
country = "US"
area_code = 212
durability = "strict"
[update]
automatic = "off"
url = "https://10.0.2.2/"
[policy.allow]
countries = ["US", "GB"]
[policy.limits]
simultaneous = 2000
per_minute = 2000
per_day = 20000
[policy.limits.abroad]
simultaneous = 2000
per_day = 20000
[policy.limits.abroad_off_hours]
simultaneous = 2000
per_day = 20000
[policy.total]
simultaneous = 5000
[[client]]
name = "box"
addresses = ["127.0.0.1"]
profile = "redirect"
number_format = "dialled"
"#;

/// A change of the boot state, as it was recorded.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which write.
    pub index: usize,
    /// Where the record begins in it.
    pub offset: u64,
    /// What it says.
    pub state: State,
}

/// A call that was answered as approved.
pub struct Promise {
    number: String,
    /// So many writes were recorded when the answer was there.
    mark: u64,
}

/// What was recorded, and what must be kept.
pub struct Story {
    pub image: Image,
    /// For cards.
    pub folder: PathBuf,
    /// It goes on running: a box that was cut off may ask again.
    pub _server: Server,
    /// The card before the first write.
    pub before: Card,
    /// The card after the last one.
    pub after: Card,
    pub writes: Writes,
    pub changes: Vec<Change>,
    /// The record in force before.
    pub first: State,
    pub calls: Vec<Promise>,
    pub policy: String,
    pub id: String,
    /// What runs in slot A, and in slot B.
    pub versions: [String; 2],
    /// Where the update was asked for.
    pub began: usize,
    /// The process that installs knows of the update.
    pub is_by_service: bool,
    /// It is the first start of a trial only.
    pub is_start: bool,
}

impl Story {
    /// Calls that were answered before the power went.
    pub fn owed(&self, count: usize) -> Vec<&str> {
        let before = self.calls.iter().filter(|call| call.mark <= count as u64);
        before.map(|call| call.number.as_str()).collect()
    }

    /// Switches a box on.
    pub fn start(&self, card: &Card) -> Result<Machine> {
        let options = Options {
            user_network: true,
            shell: true,
            ..Options::default()
        };
        Machine::virt(&self.image, card, &self.folder.join("cut"), &options)
    }
}

/// The marks of an update.
pub struct Course {
    /// It was asked for.
    pub began: usize,
    /// The first write to the other slot.
    pub slot: usize,
    /// The record by which the next start tries it.
    pub primary: usize,
    /// U-Boot counts its first start.
    pub trial: usize,
    /// It is confirmed.
    pub good: usize,
}

impl Course {
    /// Reads them from the record.
    pub fn of(story: &Story) -> Result<Course> {
        let written = |index: &usize| story.writes.extent(*index);
        let other = at::BOOT_B * MIB..at::DATA * MIB;
        let touches =
            |index: &usize| written(index).start < other.end && other.start < written(index).end;
        let slot = (story.began..story.writes.len())
            .find(touches)
            .context("the other slot was never written")?;
        let tries = |wanted: u8| {
            let change = story.changes.iter().find(|change| {
                change
                    .state
                    .trial
                    .is_some_and(|trial| trial.slot == Slot::B && trial.tries == wanted)
            });
            change
                .map(|change| change.index)
                .with_context(|| format!("no record with {wanted} tries: {:?}", story.changes))
        };
        let good = story
            .changes
            .iter()
            .find(|change| change.state.good == Slot::B)
            .context("B was never confirmed")?
            .index;
        let course = Course {
            began: story.began,
            slot,
            primary: tries(3)?,
            trial: tries(2)?,
            good,
        };
        ensure!(
            course.slot < course.primary
                && course.primary < course.trial
                && course.trial < course.good,
            "not in the order of an update: {:?}",
            story.changes
        );
        Ok(course)
    }
}

/// Changes of the boot state among recorded writes.
pub fn changes(writes: &Writes) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for index in 0..writes.len() {
        let extent = writes.extent(index);
        for place in [Place::First, Place::Second] {
            let at = at::BOOTSTATE * MIB + place.sector() * 512;
            if !extent.contains(&at) {
                continue;
            }
            let octets = writes.octets(index, at, 512)?;
            let sector: Sector = octets.try_into().ok().context("no sector")?;
            if let Some(state) = State::decode(&sector) {
                changes.push(Change {
                    index,
                    offset: at - extent.start,
                    state,
                });
            }
        }
    }
    Ok(changes)
}

/// The record in force on a card.
pub fn newest(card: &Card) -> Result<State> {
    let read = |place: Place| -> Result<Sector> {
        let octets = card.read(at::BOOTSTATE * MIB + place.sector() * 512, 512)?;
        octets.try_into().ok().context("no sector")
    };
    Ok(state::newest(&read(Place::First)?, &read(Place::Second)?).state)
}

/// Ends the trial on a card, as the box does with a system that does not do: `bad` for slot B.
pub fn give_up(card: &Card) -> Result<()> {
    let mut state = newest(card)?.bad(Slot::B);
    state.sequence += 1;
    let sector = state.encode().context("no record")?;
    card.write(at::BOOTSTATE * MIB, &sector)?;
    card.write(
        at::BOOTSTATE * MIB + Place::Second.sector() * 512,
        &[0; 512],
    )
}

/// A London number of its own for each call; numbers in a row would be taken for a scan.
fn number(n: u32) -> String {
    format!("0114420718{:05}", n * 7_919 % 100_000)
}

/// Calls from the guest itself, over its socket, and is answered with an approval.
pub fn approve(guest: &mut Guest, n: u32) -> Result<String> {
    let number = number(n);
    let answer = guest.must(&format!(
        "trunkguard call --state {STATE} --from 1001 --number {number}"
    ))?;
    ensure!(answer.starts_with("302 "), "{number}: {answer}");
    Ok(number)
}

/// The same, with the number of writes after the answer.
pub fn promise(guest: &mut Guest, record: Option<&Record>, n: u32) -> Result<Promise> {
    let number = approve(guest, n)?;
    let mark = record.map_or(Ok(0), Record::count)?;
    Ok(Promise { number, mark })
}

/// Waits until everything is up and the policy of the card's file is in force.
pub fn up(guest: &mut Guest) -> Result<()> {
    guest.running()?;
    guest.until(&format!(
        "trunkguard export --state {STATE} | grep -q -F 127.0.0.1"
    ))?;
    Ok(())
}

/// Waits until the daemon answers: a state folder that is not mounted yet has none.
pub fn answers(guest: &mut Guest) -> Result<()> {
    guest.until(&format!(
        "systemctl is-active trunkguard.service && trunkguard status --state {STATE} --json >/dev/null; test $? -le 1"
    ))?;
    Ok(())
}

/// What a box says that is not to change: its policy and its identifier.
pub fn standing(guest: &mut Guest) -> Result<(String, String)> {
    let policy = guest.must(&format!("trunkguard export --state {STATE}"))?;
    Ok((policy, guest.must("cat /data/box/id")?))
}

/// Records an update.
pub fn update(folder: PathBuf) -> Result<Story> {
    let image = Image::under_test()?;
    let card = Card::with_test_kernel(&image, &folder.join("card.img"))?;
    card.put("trunkguard.toml", POLICY)?;
    let before = card.copy(&folder.join("before.img"))?;
    let record = Record::new(&folder.join("writes"))?;
    let options = Options {
        recorded: Some(record.clone()),
        ..Options::default()
    };
    let mut stand = Updating::start(image, folder, &card, options)?;
    let told = told(&mut stand, &record);
    if told.is_err() {
        println!("{}", said(&mut stand.machine));
    }
    let told = told?;
    let Updating {
        image,
        folder,
        server,
        machine,
    } = stand;
    machine.cut_power();
    let writes = record.read()?;
    println!(
        "figure: recorded writes and flushes {}, of which flushes {}",
        writes.len(),
        writes.flushes()
    );
    Ok(Story {
        image,
        folder,
        _server: server,
        first: newest(&before)?,
        changes: changes(&writes)?,
        before,
        after: card,
        writes,
        calls: told.calls,
        policy: told.policy,
        id: told.id,
        versions: [told.version, NEWER.into()],
        began: told.began,
        is_by_service: true,
        is_start: false,
    })
}

struct Told {
    calls: Vec<Promise>,
    policy: String,
    id: String,
    version: String,
    began: usize,
}

fn told(stand: &mut Updating, record: &Record) -> Result<Told> {
    let mut guest = stand.machine.guest()?;
    up(&mut guest)?;
    let version = version(&mut guest)?;
    let (policy, id) = standing(&mut guest)?;
    let mut calls = Vec::new();
    for n in 1..=3 {
        calls.push(promise(&mut guest, Some(record), n)?);
    }
    let bundle = stand.next(NEWER, None)?;
    stand.server.put(&bundle)?;
    let began = record.count()? as usize;
    let asked = guest.must(&format!("{UPDATE} check"))?;
    ensure!(asked.contains("offered"), "{asked}");
    let starts = stand.starts("B");
    guest.must(&format!("{UPDATE} install >/run/said 2>&1 &"))?;
    until_slot_is_written(record, began)?;
    calls.push(promise(&mut guest, Some(record), 4)?);
    drop(guest);
    stand.started("B", starts)?;
    let mut guest = stand.machine.guest()?;
    answers(&mut guest)?;
    calls.push(promise(&mut guest, Some(record), 5)?);
    drop(guest);
    let mut guest = confirmed(&mut stand.machine, "B")?;
    // What became of it is written down when somebody asks.
    guest.until(&format!("{UPDATE} status --json | grep -q '\"confirmed\"'"))?;
    thread::sleep(IDLE);
    Ok(Told {
        calls,
        policy,
        id,
        version,
        began,
    })
}

fn until_slot_is_written(record: &Record, began: usize) -> Result<()> {
    let since = Instant::now();
    loop {
        let writes = record.read()?;
        let other = at::BOOT_B * MIB..at::DATA * MIB;
        if (began..writes.len()).any(|index| other.contains(&writes.extent(index).start)) {
            return Ok(());
        }
        ensure!(since.elapsed() < PATIENCE, "the other slot is not written");
        // The guest is another machine: there is nothing here to wait on.
        thread::sleep(Duration::from_millis(200));
    }
}
