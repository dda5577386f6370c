//! Calling policy: what an owner writes ([`Definition`]), and the compiled form that decides
//! ([`Policy`]).

mod definition;
mod values;

pub use definition::*;
pub use values::*;
