//! What was decided when this was built: see `build.rs` and the README.

include!(concat!(env!("OUT_DIR"), "/settings.rs"));
