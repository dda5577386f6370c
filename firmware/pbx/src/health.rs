//! PBX health: what is known of the version that a PBX says it is.
//!
//! A User-Agent shows FreePBX's framework and Asterisk, and no module; distributions repair without a new number. So a
//! finding is "may be vulnerable, look here" or "cannot be seen from here", never more.

mod agent;
mod judge;
mod table;

pub use agent::{Software, Version};
pub use judge::{Advice, Kind, judge};
pub use table::{FILE, LARGEST, Product, Table};
