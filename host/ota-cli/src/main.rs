//! The `ota` tool.
fn main() {}
