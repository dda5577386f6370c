//! The trunkguard daemon and its command line.
fn main() {}
