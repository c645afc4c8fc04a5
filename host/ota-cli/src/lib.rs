//! The `ota` tool as a library.
