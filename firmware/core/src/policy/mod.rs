//! Calling policy: what an owner writes ([`Definition`]), and the compiled form that decides.

mod definition;
mod values;

pub use definition::*;
pub use values::*;
