//! What stands around every page.

use askama::Template;
use axum::{
    http::HeaderMap,
    response::{Html, IntoResponse, Response},
};

use super::{Shell, session::Role, session::Session, visitor::cookie};
use crate::{Problem, texts, texts::Lang};

/// Entries of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// None of them.
    None,
    /// The first page.
    Home,
    /// Calls.
    Calls,
    /// Policies and callers.
    Policy,
    /// PoPs, drops, bans.
    Firewall,
    /// Alerts and their channels.
    Alerts,
    /// The PBX set-up helper.
    Pbx,
    /// Backup, diagnostics, updates.
    Box,
    /// Accounts and the page itself.
    Settings,
}

impl Section {
    /// What the menu holds, in order, with the addresses. A slice adds its own line when it has a page.
    const MENU: &[(Section, &str)] = &[
        (Section::Home, "/"),
        (Section::Calls, "/calls"),
        (Section::Policy, "/policy"),
        (Section::Firewall, "/firewall"),
        (Section::Alerts, "/alerts"),
        (Section::Pbx, "/pbx"),
        (Section::Box, "/box/diagnostics"),
        (Section::Settings, "/settings"),
    ];

    fn text(self, t: &texts::Frame) -> &'static str {
        match self {
            Section::None => "",
            Section::Home => t.home,
            Section::Calls => t.calls,
            Section::Policy => t.policy,
            Section::Firewall => t.firewall,
            Section::Alerts => t.alerts,
            Section::Pbx => t.pbx,
            Section::Box => t.box_,
            Section::Settings => t.settings,
        }
    }
}

/// How a browser wants its pages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// In which language.
    pub lang: Lang,
    /// `light`, `dark`, or empty: as the device.
    pub theme: &'static str,
}

impl Look {
    /// What the browser's cookies and languages say.
    pub fn of(headers: &HeaderMap) -> Look {
        let chosen = cookie(headers, "lang").and_then(Lang::of_tag);
        let theme = cookie(headers, "theme").unwrap_or_default();
        Look {
            lang: chosen.unwrap_or_else(|| Lang::of_browser(headers)),
            theme: ["light", "dark"]
                .into_iter()
                .find(|known| *known == theme)
                .unwrap_or_default(),
        }
    }
}

/// What `layout.html` needs. Every template has one as its field `frame`.
pub struct Frame {
    /// The texts of the frame.
    pub t: &'static texts::Frame,
    /// The language.
    pub lang: Lang,
    /// See [`Look::theme`].
    pub theme: &'static str,
    /// Mark of this session's forms; empty for who has not logged in.
    pub csrf: String,
    /// Who has logged in; empty for nobody.
    pub name: String,
    /// May this visitor change things? Templates leave out what a viewer cannot do.
    pub owner: bool,
    /// Where it is, for the switches of language and theme.
    pub path: String,
    section: Section,
    /// Address of the style sheet.
    pub style: String,
    /// Address of the script.
    pub live: String,
    /// Address of the icon.
    pub icon: String,
}

/// An entry of the menu.
pub struct Entry {
    /// Its address.
    pub href: &'static str,
    /// Its text.
    pub text: &'static str,
    /// It is where the visitor is.
    pub here: bool,
}

impl Frame {
    pub(crate) fn new(
        shell: &Shell,
        look: Look,
        section: Section,
        session: Option<&Session>,
        path: &str,
    ) -> Frame {
        let asset = |name| shell.assets().path(name).to_owned();
        Frame {
            t: texts::Frame::of(look.lang),
            lang: look.lang,
            theme: look.theme,
            csrf: session
                .map(|session| session.csrf.clone())
                .unwrap_or_default(),
            name: session
                .map(|session| session.name.clone())
                .unwrap_or_default(),
            owner: session.is_some_and(|session| session.role == Role::Owner),
            path: path.to_owned(),
            section,
            style: asset("style.css"),
            live: asset("live.js"),
            icon: asset("icon.svg"),
        }
    }

    /// The menu.
    pub fn menu(&self) -> Vec<Entry> {
        let entries = Section::MENU.iter();
        entries
            .map(|&(section, href)| Entry {
                href,
                text: section.text(self.t),
                here: section == self.section,
            })
            .collect()
    }

    /// A sentence of the box's (what is wrong, what happened) in the visitor's language; what others said stays as it is.
    pub fn said(&self, sentence: impl AsRef<str>) -> String {
        texts::said(sentence.as_ref(), self.lang)
    }

    /// Does the menu have this address? For links to slices that a page can do without.
    pub fn has(&self, href: &str) -> bool {
        Section::MENU.iter().any(|(_, known)| *known == href)
    }

    /// A whole page.
    ///
    /// # Errors
    /// A template that cannot be rendered.
    pub fn show(page: &impl Template) -> Result<Response, Problem> {
        page.render()
            .map(|html| Html(html).into_response())
            .map_err(|problem| Problem::Unavailable(format!("the page cannot be made: {problem}")))
    }
}
