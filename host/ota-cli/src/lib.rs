//! The `ota` tool as a library: tests and other tools call the pieces that the commands are
//! made of.
//!
//! - [`keys`]: key files of the two roles, signing, trust anchors
//! - [`input`]: firmware images, `.bin`, `.elf` and `.hex`
//! - [`esp32c3`]: images in that chip's own format
//! - [`package`]: building, signing and checking `.ota` files; [`sequence`]: their order
//! - [`map`]: flash maps, built in or from TOML
//! - [`flash`]: factory images, and [`output`]: the file formats they are written in
//! - [`device`]: virtual devices, which run the devices' own code
//! - [`server`]: the static server, in this process
//! - [`commands`]: the command line, and [`screen`]: what a demo shows

pub mod commands;
pub mod device;
pub mod esp32c3;
pub mod files;
pub mod flash;
pub mod ids;
pub mod input;
pub mod keys;
pub mod map;
pub mod number;
pub mod output;
pub mod package;
pub mod refusal;
pub mod screen;
pub mod sequence;
pub mod server;
