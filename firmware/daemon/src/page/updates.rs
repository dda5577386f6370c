use std::io::{self, Read};

use trunkguard_core::policy::Update;
use trunkguard_page::{
    Answer, Problem,
    updates::{self as page, LONGEST, News, Source, View, news},
};
use trunkguard_update::{client, pointer::LARGEST_BUNDLE};

use super::{Office, refused};
use crate::{
    control::Ask,
    policy,
    updates::{self, Order},
};

const _: () = assert!(LONGEST == LARGEST_BUNDLE);

impl Source for Office {
    fn view(&self) -> Answer<View> {
        let view = self.updates()?;
        let times = self.times()?;
        Ok(View {
            status: view.status,
            absent: view.absent.unwrap_or_default(),
            why: view.why,
            wanted: view.wanted,
            postponed_until_s: view.postponed_until_s,
            next_check_s: view.next_check_s,
            settings: view.settings,
            local: Box::new(move |unix_s| times.minute(unix_s.saturating_mul(1_000))),
        })
    }

    fn order(&self, order: page::Order) -> Answer<()> {
        self.ask_updates(Some(ordered(order))).map(drop)
    }

    fn set(&self, was: &Update, settings: Update) -> Answer<()> {
        let before = self.definition()?;
        if before.update != *was {
            return Err(Problem::Refused(
                "somebody else has changed these settings meanwhile; load the page again and look at them".into(),
            ));
        }
        let mut after = before.clone();
        after.update = settings;
        policy::put_in_force(self.state(), Some(&before), &after)
            .map(drop)
            .map_err(|problem| refused(&problem))
    }

    fn receive(&self, size: u64, bundle: &mut dyn Read) -> Answer<()> {
        let Some(socket) = self.update_socket() else {
            return Err(Problem::Refused(
                updates::View::default().absent.unwrap_or_default(),
            ));
        };
        // The daemon sees what comes when it looks, and that may be in an hour.
        let look = || self.ask_updates(Some(Order::Look)).map(drop);
        let mut noticed = Noticed {
            bundle,
            octets: 0,
            // That it cannot be looked at is no reason not to take it.
            notice: Some(Box::new(|| drop(look()))),
        };
        client::send(socket, size, &mut noticed).map_err(Problem::Refused)?;
        look()
    }
}

/// A bundle of which the daemon hears as soon as the other process is taking it.
struct Noticed<'a> {
    bundle: &'a mut dyn Read,
    octets: usize,
    notice: Option<Box<dyn FnOnce() + 'a>>,
}

impl Read for Noticed<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        /// More than fits between two processes: the other one has taken some of it.
        const UNDER_WAY: usize = 1 << 20;
        let octets = self.bundle.read(into)?;
        self.octets += octets;
        if self.octets > UNDER_WAY
            && let Some(notice) = self.notice.take()
        {
            notice();
        }
        Ok(octets)
    }
}

/// A wish of the page's or the API's, as the daemon takes it.
pub(super) fn ordered(order: page::Order) -> Order {
    match order {
        page::Order::Check => Order::Check,
        page::Order::Install => Order::Now,
        page::Order::Postpone(days) => Order::Postpone(i64::from(days) * 86_400),
        page::Order::Rollback => Order::Rollback,
        page::Order::Discard => Order::Discard,
    }
}

impl Office {
    fn ask_updates(&self, order: Option<Order>) -> Answer<updates::View> {
        self.ask(&Ask::Updates { order })
    }

    /// How things stand; where the daemon does not know, the other process is asked at once.
    fn updates(&self) -> Answer<updates::View> {
        let view = self.ask_updates(None)?;
        match view.status {
            Some(_) => Ok(view),
            None => Ok(self.ask_updates(Some(Order::Look)).unwrap_or(view)),
        }
    }

    /// For the first page.
    pub(super) fn update_news(&self) -> Answer<Option<News>> {
        let now_s = jiff::Timestamp::now().as_second();
        let view = self.ask_updates(None)?;
        Ok(view.status.as_ref().and_then(|status| news(status, now_s)))
    }
}
