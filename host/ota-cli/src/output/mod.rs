//! The file formats of factory images.

mod hex;
mod uf2;

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::flash::FlashImage;

/// How a factory image is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The whole flash, byte for byte.
    Bin,
    /// Blocks for a USB loader; whole erase units, and blanks where an old state would be
    /// believed.
    Uf2,
    /// Intel HEX: what was written, and nothing else.
    Hex,
}

impl Format {
    /// The format that a file's name asks for.
    ///
    /// # Errors
    /// If it ends in none of `.bin`, `.uf2`, `.hex`.
    pub fn of(path: &Path) -> Result<Self> {
        let extension = path
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default();
        Ok(match extension.to_ascii_lowercase().as_str() {
            "bin" => Self::Bin,
            "uf2" => Self::Uf2,
            "hex" => Self::Hex,
            _ => bail!("{}: a flash image is a .bin, .uf2 or .hex", path.display()),
        })
    }

    /// The file's contents.
    ///
    /// # Errors
    /// If the map has no UF2 family, or the format cannot hold the image.
    pub fn encode(self, image: &FlashImage) -> Result<Vec<u8>> {
        match self {
            Self::Bin => Ok(image.as_bytes().to_vec()),
            Self::Hex => hex::encode(image),
            Self::Uf2 => {
                let family = image.map().uf2.context(
                    "the map has no [uf2] family, so no loader would take the file: \
                     write a .bin or .hex",
                )?;
                uf2::encode(image, family.family)
            }
        }
    }
}
