//! Calling policy: what an owner writes ([`Definition`]), and the compiled form that decides
//! ([`Policy`]).

mod check;
mod compile;
mod definition;
mod firewall;
mod place;
pub(crate) mod scanners;
mod targets;
mod values;

pub use compile::{Policy, Problem, View, bounds};
pub use definition::*;
pub use firewall::*;
pub use targets::Destination;
pub use values::*;
