//! Calling policy: what an owner writes ([`Definition`]), and the compiled form that decides
//! ([`Policy`]).

mod check;
mod check_network;
mod compile;
mod definition;
mod firewall;
mod network;
mod place;
pub(crate) mod scanners;
mod targets;
mod values;

pub use compile::{Policy, Problem, View, bounds};
pub use definition::*;
pub use firewall::*;
pub use network::*;
pub use place::built_in_rules;
pub use targets::Destination;
pub use values::*;
