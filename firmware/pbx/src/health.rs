//! PBX health.
