//! How a firmware file is to be read: options of `ota pack` and `ota image`.

use crate::input::{Area, Format, Reading, Selection};

#[derive(Debug, clap::Args)]
pub(super) struct ReadingArgs {
    /// What the firmware file is; by default a .bin or an .elf, told by what it holds
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Take only these bytes of an ELF or HEX file: a region of the map, or addresses as
    /// 0x1000..0x2000; may be repeated
    #[arg(long, value_name = "AREA")]
    only: Vec<Area>,
    /// Leave out these bytes of an ELF or HEX file; may be repeated
    #[arg(long, value_name = "AREA")]
    skip: Vec<Area>,
}

impl ReadingArgs {
    pub(super) fn reading(&self) -> Reading {
        Reading {
            format: self.format,
            selection: Selection {
                only: self.only.clone(),
                skip: self.skip.clone(),
            },
        }
    }
}
