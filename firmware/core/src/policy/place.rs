//! One place where rules are written (everybody, a client, a group, a caller), compiled; and which
//! place each setting of a caller comes from.

use alloc::boxed::Box;
use ipnet::IpNet;

use super::{
    compile::View,
    definition::{Action, Burst, Hours, LimitSet, Limits, Rules, Settings, Targets},
    scanners,
    values::CountryCode,
};
use crate::{
    lookup::{NumberSet, PrefixMap},
    number::Kind,
    pattern::PatternSet,
    time::{Date, Local},
    verdict::Level,
};

/// Rules of one place, ready to be asked.
pub(super) struct Place {
    pub level: Level,
    pub off: Option<u32>,
    pub always: Option<NumberSet>,
    pub allow: Asked,
    pub block: Asked,
    pub hours: Option<Box<[Hours]>>,
    pub holidays: Option<Box<[Date]>>,
    pub limits: Figures,
    pub total: Figures,
    pub same_number: Option<Burst>,
    pub spellings: Option<Burst>,
    pub sequential: Option<Burst>,
    pub networks: Option<Box<[IpNet]>>,
    pub scanners: Option<Box<[Box<[u8]>]>>,
    pub new_country: Option<Action>,
    pub new_phone: Option<Action>,
}

/// Destinations, ready to be asked.
#[derive(Default)]
pub(super) struct Asked {
    pub numbers: Option<NumberSet>,
    pub lists: Option<Box<[u16]>>,
    pub prefixes: Option<PrefixMap<()>>,
    pub patterns: Option<PatternSet<()>>,
    pub kinds: Option<u32>,
    pub countries: Option<Box<[CountryCode]>>,
}

/// `[all, all off hours, abroad, abroad off hours]`, each simultaneous, minute, hour, day.
pub(super) type Figures = [[Option<u32>; 4]; 4];

fn figures(set: &LimitSet) -> Figures {
    let row = |l: &Limits| [l.simultaneous, l.per_minute, l.per_hour, l.per_day];
    [
        [set.simultaneous, set.per_minute, set.per_hour, set.per_day],
        row(&set.off_hours),
        row(&set.abroad),
        row(&set.abroad_off_hours),
    ]
}

impl Asked {
    fn new(targets: &Targets, lists: Option<Box<[u16]>>) -> Self {
        Asked {
            numbers: targets
                .numbers
                .as_ref()
                .map(|n| NumberSet::new(n.iter().map(|n| n.digits()))),
            lists,
            prefixes: targets
                .prefixes
                .as_ref()
                .map(|p| PrefixMap::new(p.iter().map(|p| (p.digits(), ())))),
            patterns: targets
                .patterns
                .as_ref()
                .map(|p| PatternSet::new(p.iter().map(|p| (p, ())))),
            kinds: targets
                .kinds
                .as_ref()
                .map(|k| k.iter().fold(0, |bits, &kind| bits | 1 << kind as u32)),
            countries: targets.countries.as_ref().map(|c| {
                let mut sorted = c.clone();
                sorted.sort_unstable();
                sorted.into()
            }),
        }
    }
}

impl Place {
    pub fn new(
        level: Level,
        rules: &Rules,
        allow_lists: Option<Box<[u16]>>,
        block_lists: Option<Box<[u16]>>,
    ) -> Self {
        Place {
            level,
            off: rules
                .off
                .as_ref()
                .map(|off| off.iter().fold(0, |bits, &rule| bits | 1 << rule as u32)),
            always: rules
                .always_allow
                .as_ref()
                .map(|n| NumberSet::new(n.iter().map(|n| n.digits()))),
            allow: Asked::new(&rules.allow, allow_lists),
            block: Asked::new(&rules.block, block_lists),
            hours: rules.hours.clone().map(Into::into),
            holidays: rules.holidays.clone().map(Into::into),
            limits: figures(&rules.limits),
            total: figures(&rules.total),
            same_number: rules.same_number,
            spellings: rules.spellings,
            sequential: rules.sequential,
            networks: rules
                .networks
                .as_ref()
                .map(|n| n.iter().map(|n| n.net()).collect()),
            scanners: rules.scanners.as_ref().map(|s| {
                s.iter()
                    .map(|s| {
                        s.as_str()
                            .to_ascii_lowercase()
                            .into_bytes()
                            .into_boxed_slice()
                    })
                    .collect()
            }),
            new_country: rules.new_country,
            new_phone: rules.new_phone,
        }
    }

    /// See [`built_in_rules`].
    pub fn built_in(settings: &Settings) -> Self {
        Place::new(Level::BuiltIn, &built_in_rules(settings), None, None)
    }
}

/// What holds where nobody says anything: a careful small office. Calls at home (and between
/// the US and Canada), nothing that costs extra, two calls abroad at a time, ten a day, none at
/// night once business hours are known.
pub fn built_in_rules(settings: &Settings) -> Rules {
    let home = settings.country;
    let pair = [CountryCode::US, CountryCode::new(*b"CA")];
    let countries = if pair.contains(&home) {
        pair.to_vec()
    } else {
        [home].to_vec()
    };
    let abroad = Limits {
        simultaneous: Some(2),
        per_day: Some(10),
        ..Limits::default()
    };
    Rules {
        allow: Targets {
            countries: Some(countries),
            ..Targets::default()
        },
        block: Targets {
            kinds: Some(
                [
                    Kind::Premium,
                    Kind::Satellite,
                    Kind::GlobalNetwork,
                    Kind::Personal,
                ]
                .to_vec(),
            ),
            ..Targets::default()
        },
        limits: LimitSet {
            abroad,
            abroad_off_hours: Limits {
                simultaneous: Some(0),
                per_day: Some(0),
                ..Limits::default()
            },
            ..LimitSet::default()
        },
        same_number: Some(Burst {
            calls: 5,
            seconds: 30,
        }),
        spellings: Some(Burst {
            calls: 3,
            seconds: 3_600,
        }),
        sequential: Some(Burst {
            calls: 5,
            seconds: 600,
        }),
        new_country: Some(Action::Alert),
        new_phone: Some(Action::Alert),
        ..Rules::default()
    }
}

/// For each setting of a caller, the place that says it (an index), nearest first.
#[derive(Clone)]
pub(super) struct Sources {
    pub off: Option<u32>,
    pub always: Option<u32>,
    pub allow: TargetSources,
    pub block: TargetSources,
    pub hours: Option<u32>,
    pub holidays: Option<u32>,
    pub limits: [[Option<(u32, Level)>; 4]; 4],
    pub total: [[Option<(u32, Level)>; 4]; 4],
    pub same_number: Option<u32>,
    pub spellings: Option<u32>,
    pub sequential: Option<u32>,
    pub networks: Option<u32>,
    pub scanners: Option<u32>,
    pub new_country: Option<u32>,
    pub new_phone: Option<u32>,
}

/// The same for destinations.
#[derive(Clone)]
pub(super) struct TargetSources {
    pub numbers: Option<u32>,
    pub lists: Option<u32>,
    pub prefixes: Option<u32>,
    pub patterns: Option<u32>,
    pub kinds: Option<u32>,
    pub countries: Option<u32>,
}

impl Sources {
    /// `chain` holds indexes of places, the nearest first.
    pub fn resolve(places: &[Place], chain: &[usize]) -> Self {
        let first = |says: &dyn Fn(&Place) -> bool| {
            chain
                .iter()
                .copied()
                .find(|&i| says(&places[i]))
                .map(|i| i as u32)
        };
        let targets = |side: &dyn Fn(&Place) -> &Asked| TargetSources {
            numbers: first(&|p| side(p).numbers.is_some()),
            lists: first(&|p| side(p).lists.is_some()),
            prefixes: first(&|p| side(p).prefixes.is_some()),
            patterns: first(&|p| side(p).patterns.is_some()),
            kinds: first(&|p| side(p).kinds.is_some()),
            countries: first(&|p| side(p).countries.is_some()),
        };
        let limits = |figures: &dyn Fn(&Place) -> &Figures| {
            core::array::from_fn(|scope| {
                core::array::from_fn(|span| {
                    chain.iter().find_map(|&i| {
                        figures(&places[i])[scope][span].map(|v| (v, places[i].level))
                    })
                })
            })
        };
        Sources {
            off: first(&|p| p.off.is_some()),
            always: first(&|p| p.always.is_some()),
            allow: targets(&|p| &p.allow),
            block: targets(&|p| &p.block),
            hours: first(&|p| p.hours.is_some()),
            holidays: first(&|p| p.holidays.is_some()),
            limits: limits(&|p| &p.limits),
            total: limits(&|p| &p.total),
            same_number: first(&|p| p.same_number.is_some()),
            spellings: first(&|p| p.spellings.is_some()),
            sequential: first(&|p| p.sequential.is_some()),
            networks: first(&|p| p.networks.is_some()),
            scanners: first(&|p| p.scanners.is_some()),
            new_country: first(&|p| p.new_country.is_some()),
            new_phone: first(&|p| p.new_phone.is_some()),
        }
    }
}

impl<'a> View<'a> {
    /// What `pick` finds in the place that a setting comes from, and whose place it is.
    pub(super) fn of<T>(
        &self,
        source: Option<u32>,
        pick: impl FnOnce(&'a Place) -> Option<T>,
    ) -> Option<(T, Level)> {
        let place = &self.policy.places[source? as usize];
        pick(place).map(|value| (value, place.level))
    }

    /// Rules that are switched off, one bit for each, and by whom.
    pub fn off(&self) -> Option<(u32, Level)> {
        self.of(self.sources.off, |p| p.off)
    }

    /// Does a phone call itself by a scanner's name? By whose list, if so.
    pub fn scanner(&self, agent: &[u8]) -> Option<Level> {
        if scanners::named(agent).is_some() {
            return Some(Level::BuiltIn);
        }
        let is_at = |i: usize, name: &[u8]| {
            agent
                .get(i..i + name.len())
                .is_some_and(|part| part.eq_ignore_ascii_case(name))
        };
        self.of(self.sources.scanners, |p| p.scanners.as_ref())
            .filter(|(names, _)| {
                names
                    .iter()
                    .any(|name| (0..agent.len()).any(|i| is_at(i, name)))
            })
            .map(|(_, level)| level)
    }

    /// Networks that phones may call from, where they are set.
    pub fn networks(&self) -> Option<(&'a [IpNet], Level)> {
        self.of(self.sources.networks, |p| p.networks.as_deref())
    }

    /// The limit of a span (0 simultaneous, 1 minute, 2 hour, 3 day), where there is one. Outside
    /// business hours the figure for that time goes before the other.
    pub fn limit(
        &self,
        whole_client: bool,
        abroad: bool,
        off_hours: bool,
        span: usize,
    ) -> Option<(u32, Level)> {
        let set = if whole_client {
            &self.sources.total
        } else {
            &self.sources.limits
        };
        let row = 2 * usize::from(abroad);
        if off_hours && let Some(figure) = set[row + 1][span] {
            return Some(figure);
        }
        set[row][span]
    }

    /// The same number again and again.
    pub fn same_number(&self) -> Option<(Burst, Level)> {
        self.of(self.sources.same_number, |p| p.same_number)
    }

    /// One number in many spellings.
    pub fn spellings(&self) -> Option<(Burst, Level)> {
        self.of(self.sources.spellings, |p| p.spellings)
    }

    /// Numbers one after the other.
    pub fn sequential(&self) -> Option<(Burst, Level)> {
        self.of(self.sources.sequential, |p| p.sequential)
    }

    /// What a first call to a country does.
    pub fn new_country(&self) -> Option<(Action, Level)> {
        self.of(self.sources.new_country, |p| p.new_country)
    }

    /// What a first call from a phone does.
    pub fn new_phone(&self) -> Option<(Action, Level)> {
        self.of(self.sources.new_phone, |p| p.new_phone)
    }

    /// Is the office open? Always, where no hours are set or the clock is not plausible.
    pub fn open(&self, local: Option<Local>) -> bool {
        let Some(local) = local else { return true };
        if self
            .of(self.sources.holidays, |p| p.holidays.as_ref())
            .is_some_and(|(days, _)| days.contains(&local.date))
        {
            return false;
        }
        match self.of(self.sources.hours, |p| p.hours.as_ref()) {
            None => true,
            Some((spans, _)) => spans.iter().any(|span| span.holds(local)),
        }
    }
}

impl Hours {
    /// Does this span hold the given time?
    pub fn holds(&self, local: Local) -> bool {
        let (from, to, now) = (self.from.minutes(), self.to.minutes(), local.minute);
        let began = |weekday: u8| self.days.iter().any(|&d| d as u8 == weekday);
        let yesterday = (local.weekday + 6) % 7;
        if from < to {
            began(local.weekday) && (from..to).contains(&now)
        } else if from == to {
            began(local.weekday)
        } else {
            began(local.weekday) && now >= from || began(yesterday) && now < to
        }
    }
}
