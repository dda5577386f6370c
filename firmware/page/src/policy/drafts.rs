//! Changes that were made and not yet put in force. Kept in memory: a restart of the page forgets them, and the policy is as
//! it was.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use trunkguard_core::policy::Definition;

use super::{Force, Source, Wrong, diff, tree};
use crate::{Answer, Problem, shell::random};

/// Drafts at a time; the oldest gives way. A policy is a few megabytes at most.
const DRAFTS: usize = 8;
/// A draft that nobody wanted for so long is gone.
const PATIENCE: Duration = Duration::from_secs(2 * 3_600);
/// Policies of before that are remembered, for forms that were opened then.
const KNOWN: usize = 8;

/// The policy's pages between the visitors and the box.
pub struct Policies {
    source: Arc<dyn Source>,
    drafts: Mutex<VecDeque<Draft>>,
    known: Mutex<VecDeque<(String, Arc<Definition>)>>,
}

/// A whole policy that somebody has made and not yet put in force.
#[derive(Clone)]
pub struct Draft {
    /// Its name in addresses.
    pub id: String,
    /// Whose.
    pub by: String,
    /// What was edited, in a word and a name, for the audit log.
    pub what: String,
    /// What it was made from.
    pub before: Arc<Definition>,
    /// The policy.
    pub after: Arc<Definition>,
    /// What somebody else changed while the form was open.
    pub meanwhile: Vec<diff::Line>,
    made: Instant,
}

/// What becomes of an edit.
pub enum Proposed {
    /// A draft, by its name.
    Draft(String),
    /// Nothing is different.
    Same,
    /// What cannot be.
    Wrong(Vec<Wrong>),
}

/// The policy in force, and its mark.
#[derive(Clone)]
pub struct InForce {
    /// The policy.
    pub policy: Arc<Definition>,
    /// Forms carry it.
    pub mark: String,
}

impl Policies {
    pub(super) fn around(source: Arc<dyn Source>) -> Policies {
        Policies {
            source,
            drafts: Mutex::default(),
            known: Mutex::default(),
        }
    }

    /// What the box offers.
    pub(super) fn source(&self) -> &dyn Source {
        &*self.source
    }

    fn drafts(&self) -> MutexGuard<'_, VecDeque<Draft>> {
        let mut drafts = self.drafts.lock().unwrap_or_else(PoisonError::into_inner);
        drafts.retain(|draft| draft.made.elapsed() < PATIENCE);
        drafts
    }

    /// The policy in force. Remembered for the form that is made from it.
    pub(super) fn in_force(&self) -> Answer<InForce> {
        let policy = Arc::new(self.source.stored()?);
        let mark = tree::mark(&policy)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(old, _)| *old != mark);
        if known.len() >= KNOWN {
            known.pop_front();
        }
        known.push_back((mark.clone(), policy.clone()));
        drop(known);
        Ok(InForce { policy, mark })
    }

    /// The policy that a form was made from; the one in force where that is forgotten.
    pub(super) fn base(&self, mark: &str) -> Answer<Arc<Definition>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.iter().find(|(old, _)| old == mark);
        match found.map(|(_, policy)| policy.clone()) {
            Some(policy) => Ok(policy),
            None => {
                drop(known);
                Ok(self.in_force()?.policy)
            }
        }
    }

    /// Makes a draft of what somebody made from the policy with this mark.
    ///
    /// # Errors
    /// When the policy in force cannot be read.
    pub(super) fn propose(
        &self,
        by: &str,
        what: &str,
        mark: &str,
        mine: &Definition,
    ) -> Answer<Proposed> {
        let base = self.base(mark)?;
        let now = self.in_force()?;
        let (after, meanwhile) = if *base == *now.policy {
            (mine.clone(), Vec::new())
        } else {
            let meanwhile = self.difference(&base, &now.policy)?;
            (tree::merge(&base, mine, &now.policy)?, meanwhile)
        };
        if after == *now.policy {
            return Ok(Proposed::Same);
        }
        if let Err(wrong) = self.source.check(&after) {
            return Ok(Proposed::Wrong(wrong));
        }
        let id = random().map_err(|problem| {
            Problem::Unavailable(format!("the kernel gives no random numbers: {problem}"))
        })?;
        let mut drafts = self.drafts();
        if drafts.len() >= DRAFTS {
            drafts.pop_front();
        }
        drafts.push_back(Draft {
            id: id.clone(),
            by: by.into(),
            what: what.into(),
            before: now.policy,
            after: Arc::new(after),
            meanwhile,
            made: Instant::now(),
        });
        Ok(Proposed::Draft(id))
    }

    /// The lines in which two policies differ, without their secrets.
    pub(super) fn difference(&self, old: &Definition, new: &Definition) -> Answer<Vec<diff::Line>> {
        let [old, new] = [old, new].map(|policy| self.source.render(&tree::blanked(policy)?));
        Ok(diff::lines(&old?, &new?))
    }

    /// A draft of this account.
    ///
    /// # Errors
    /// [`Problem::Refused`] when it is gone.
    pub(super) fn draft(&self, id: &str, by: &str) -> Answer<Draft> {
        let drafts = self.drafts();
        let draft = drafts.iter().find(|draft| draft.id == id && draft.by == by);
        draft.cloned().ok_or_else(gone)
    }

    /// Takes a draft up again on top of what is in force now, where somebody has changed that.
    ///
    /// # Errors
    /// When the draft is gone, or the policy cannot be read.
    pub(super) fn freshen(&self, id: &str, by: &str) -> Answer<Draft> {
        let draft = self.draft(id, by)?;
        let now = self.in_force()?;
        if *draft.before == *now.policy {
            return Ok(draft);
        }
        let fresh = Draft {
            after: Arc::new(tree::merge(&draft.before, &draft.after, &now.policy)?),
            meanwhile: self.difference(&draft.before, &now.policy)?,
            before: now.policy,
            ..draft
        };
        if let Some(place) = self.drafts().iter_mut().find(|old| old.id == fresh.id) {
            *place = fresh.clone();
        }
        Ok(fresh)
    }

    /// Puts a draft in force.
    ///
    /// # Errors
    /// When it is gone, when the policy is another one than it was made from, or when it is not taken over.
    pub(super) fn force(&self, id: &str, by: &str) -> Answer<(Draft, Force)> {
        let draft = self.draft(id, by)?;
        let force = self.source.put_in_force(&draft.before, &draft.after)?;
        self.drop_draft(id, by);
        Ok((draft, force))
    }

    /// Forgets a draft.
    pub(super) fn drop_draft(&self, id: &str, by: &str) {
        self.drafts()
            .retain(|draft| draft.id != id || draft.by != by);
    }
}

fn gone() -> Problem {
    Problem::Refused(
        "this change is not known any more: it was put in force or dropped, or the box was restarted; make it again".into(),
    )
}
