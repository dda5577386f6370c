//! Calling policy: what an owner writes ([`Definition`]), and the compiled form that decides
//! ([`Policy`]).

mod alerts;
mod alerts_values;
mod check;
mod check_alerts;
mod check_network;
mod compile;
mod definition;
mod exports;
mod firewall;
mod network;
mod place;
pub(crate) mod scanners;
mod targets;
mod update;
pub(crate) mod values;

pub use alerts::*;
pub use alerts_values::*;
pub use compile::{Policy, Problem, View, bounds};
pub use definition::*;
pub use exports::*;
pub use firewall::*;
pub use network::*;
pub use place::built_in_rules;
pub use targets::Destination;
pub use update::*;
pub use values::*;
