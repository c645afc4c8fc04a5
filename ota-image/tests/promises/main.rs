//! What this crate promises, each promise a test.

mod common;
mod envelope;
mod errors;
mod keys;
mod manifest;
mod policy;
mod postcard;
mod properties;
mod signatures;
mod table;
mod vector_cases;
mod vectors;
mod wycheproof_vectors;
