//! What a file is, by what it holds: names are often wrong, and a web page that was packed and signed
//! reaches every device.

use anyhow::{Result, bail};
use ihex::Record;
use ota_esp32c3::image::Image;
use ota_esp32c3::memory::Loader;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Bytes that say nothing of themselves: what a flat image looks like.
    Flat,
    /// An image in the ESP32-C3's own format.
    Esp32c3,
    /// An executable or an object file for some processor.
    Elf,
    /// Records with addresses, as text.
    IntelHex,
    /// Nothing that could run: its name.
    Wrong(&'static str),
}

/// What files of some formats begin with. Three bytes or more, so that no firmware does by chance.
const MAGIC: [(&[u8], &str); 15] = [
    (&ota_image::MAGIC, "an .ota package"),
    (b"UF2\nWQ]\x9E", "a UF2 file"),
    (b"DfuSe", "a DfuSe file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1F\x8B\x08", "a gzip archive"),
    (b"\xFD7zXZ\0", "an xz archive"),
    (b"(\xB5/\xFD", "a zstd archive"),
    (b"BZh", "a bzip2 archive"),
    (b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
    (b"!<arch>\n", "a static library"),
    (b"\xCE\xFA\xED\xFE", "a program for macOS"),
    (b"\xCF\xFA\xED\xFE", "a program for macOS"),
    (b"\xCA\xFE\xBA\xBE", "a program for macOS"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG", "a picture"),
];

impl Kind {
    /// Looks at all of a file.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.starts_with(&object::elf::ELFMAG) {
            return Self::Elf;
        }
        if let Some((_, name)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
            return Self::Wrong(name);
        }
        if bytes.starts_with(b"MZ") && is_pe(bytes) {
            return Self::Wrong("a program for Windows");
        }
        if let Some(name) = blank(bytes) {
            return Self::Wrong(name);
        }
        if is_esp32c3(bytes) {
            return Self::Esp32c3;
        }
        text(bytes).unwrap_or(Self::Flat)
    }

    /// Its name, with an article.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flat => "a flat image",
            Self::Esp32c3 => "an image for an ESP32-C3",
            Self::Elf => "an ELF file",
            Self::IntelHex => "an Intel HEX file",
            Self::Wrong(name) => name,
        }
    }
}

/// Refuses a payload that no processor could run.
///
/// # Errors
/// By the name of what it is.
pub(crate) fn check_payload(bytes: &[u8]) -> Result<()> {
    match Kind::of(bytes) {
        Kind::Flat | Kind::Esp32c3 => Ok(()),
        kind => bail!(
            "the payload is {}, not firmware: pack the right file",
            kind.name()
        ),
    }
}

/// Flash that nothing was written to, or a file that was made as long as it is and no more.
fn blank(bytes: &[u8]) -> Option<&'static str> {
    let all = |value: u8| bytes.iter().all(|byte| *byte == value);
    match bytes.first()? {
        0xFF if all(0xFF) => Some("erased flash (nothing but 0xFF)"),
        0x00 if all(0x00) => Some("blank (nothing but zeros)"),
        _ => None,
    }
}

/// Whether the header of a PE is where the old header says.
fn is_pe(bytes: &[u8]) -> bool {
    let at = bytes.get(0x3C..).and_then(|rest| rest.first_chunk());
    let at = at.map_or(usize::MAX, |at| u32::from_le_bytes(*at) as usize);
    bytes
        .get(at..)
        .is_some_and(|rest| rest.starts_with(b"PE\0\0"))
}

fn is_esp32c3(bytes: &[u8]) -> bool {
    [Loader::MaskRom, Loader::SecondStage]
        .into_iter()
        .any(|loader| Image::parse(bytes, loader).is_ok())
}

/// Which text, if it is one.
fn text(bytes: &[u8]) -> Option<Kind> {
    let start = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let start = start.trim_ascii_start();
    // Told by how it begins, because what follows may be in any encoding.
    let begins = |with: &str| {
        let start = start.get(..with.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
    };
    if begins("<!doctype html") || begins("<html") {
        return Some(Kind::Wrong("a web page"));
    }
    let text = std::str::from_utf8(bytes).ok()?;
    // Fewer bytes than a word of any processor may be anything.
    if text.len() < 4 || text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return None;
    }
    let text = text.trim_start();
    let first = text.lines().next().unwrap_or_default().trim_end();
    if Record::from_record_string(first).is_ok() {
        return Some(Kind::IntelHex);
    }
    Some(Kind::Wrong(if begins("version https://git-lfs") {
        "a Git LFS pointer"
    } else if is_s_record(first) {
        "a file of Motorola S-records"
    } else {
        "a text file"
    }))
}

/// `S`, the kind, and an even number of digits.
fn is_s_record(line: &str) -> bool {
    let digits = line.strip_prefix('S').unwrap_or_default();
    digits.len() >= 9 && digits.len() % 2 == 1 && digits.bytes().all(|b| b.is_ascii_hexdigit())
}
