//! From parts with addresses to the image in a slot.

use std::ops::Range;

use anyhow::{Result, bail, ensure};
use ota_esp32c3::memory::Loader;

use super::{Address, Firmware, Format, Part, Selection, Target, elf, hex, list, vectors};
use crate::map::{ImageFormat, any_ram};

/// What flash holds where nothing was written, and so what fills the gaps between parts.
const FILL: u8 = 0xFF;
/// Without a map, a longer gap is a mistake: nobody wants to download a megabyte of nothing.
const MAX_GAP: u64 = 1 << 20;
/// The largest flash that a map may have.
const MAX_SPAN: u64 = 256 << 20;
/// As much may be left out without being asked: option bytes, a page of configuration, a second
/// stage. More could be a part of the program.
const MAX_LEFT_OUT: usize = 4096;

/// Where an image has to lie.
struct Slot {
    name: &'static str,
    addresses: Range<u64>,
}

/// Makes the image that an ELF or HEX file has for a slot, or for wherever it begins.
pub(super) fn image(
    bytes: &[u8],
    format: Format,
    selection: &Selection,
    target: Option<&Target<'_>>,
) -> Result<Firmware> {
    let (parts, program) = if format == Format::Hex {
        (hex::parts(bytes)?, Program::Unknown)
    } else {
        let parts = elf::parts(bytes, Address::Physical)?;
        (parts, Program::of(elf::arm_entry(bytes)?))
    };
    let (mut parts, left) = selection.apply(parts, target.map(|target| target.map))?;
    let mut remarks: Vec<_> = left.iter().map(left_out).collect();
    parts.sort_by_key(|part| part.address);
    check_overlaps(&parts)?;
    if let Some(target) = target {
        let (inside, outside) = in_slot(parts, target)?;
        remarks.extend(outside.iter().map(left_out));
        parts = inside;
    } else if selection.only.is_empty() {
        check_gaps(&parts)?;
    }
    let mut firmware = join(&parts)?;
    remarks.extend(check_vectors(&firmware, program, target)?);
    firmware.remarks = remarks;
    Ok(firmware)
}

/// What is said of bytes that are not packed.
pub(super) fn left_out(part: &Part) -> String {
    format!("left out: {} bytes for {part}", part.bytes.len())
}

/// Whether an image for this target begins with a vector table. A bootloader may have something
/// before it: RP2040's second stage.
pub(super) fn has_vectors(target: &Target<'_>) -> bool {
    target.map.image_format == ImageFormat::CortexM && target.loader == Loader::SecondStage
}

/// What a file says about the processor.
#[derive(Clone, Copy)]
enum Program {
    /// For an ARM, beginning at this address.
    Arm(u32),
    /// For another processor.
    Other,
    /// HEX files say nothing.
    Unknown,
}

impl Program {
    fn of(arm_entry: Option<u32>) -> Self {
        arm_entry.map_or(Self::Other, Self::Arm)
    }
}

impl Slot {
    fn of(target: &Target<'_>) -> Self {
        let (regions, slots) = (target.map.regions, target.map.load_addresses());
        let (name, size) = match target.loader {
            Loader::MaskRom => ("the bootloader's region", regions.bootloader.size),
            Loader::SecondStage if target.address == slots[1] && slots[0] != slots[1] => {
                ("slot 1", regions.slot1.size)
            }
            Loader::SecondStage => ("slot 0", regions.slot0.size),
        };
        let start = u64::from(target.address);
        Self {
            name,
            addresses: start..start + u64::from(size),
        }
    }

    fn holds(&self, part: &Part) -> bool {
        self.addresses.contains(&part.address.into()) && part.end() <= self.addresses.end
    }

    fn touches(&self, part: &Part) -> bool {
        u64::from(part.address) < self.addresses.end && self.addresses.start < part.end()
    }

    /// Why a part that does not lie in the slot cannot simply be left out.
    fn objection(&self, part: &Part, target: &Target<'_>) -> Option<String> {
        let (name, Range { start, end }) = (self.name, self.addresses.clone());
        if self.touches(part) && u64::from(part.address) < start {
            return Some(format!(
                "{part} begins before {name}, which begins at {start:#010x}: link it so that \
                 nothing comes before the vector table (ELF headers are not loaded with --nmagic), \
                 or cut it with --only {start:#010x}..{end:#010x}"
            ));
        }
        if self.touches(part) {
            return Some(format!(
                "{part} reaches {} bytes past the end of {name} at {end:#010x}: make the image \
                 smaller, or leave out what is not for the slot (--only, --skip)",
                part.end() - end
            ));
        }
        match target.map.whereabouts(part.address) {
            Some("bootloader" | "settings") => None,
            Some(region) => Some(format!(
                "{part} is in {region}, where an image for {name} has nothing: link it for \
                 {start:#010x}..{end:#010x}, or leave it out with --skip {part}"
            )),
            None if target.map.ram().iter().any(|ram| ram.holds(part.address)) => Some(format!(
                "{part} is in RAM, which no release reaches: give that segment a load address in \
                 flash (> RAM AT > FLASH in the linker script), or leave it out with --skip {part}"
            )),
            None => None,
        }
    }
}

/// The parts in the slot, which must begin where it does, and those that can be left out.
fn in_slot(parts: Vec<Part>, target: &Target<'_>) -> Result<(Vec<Part>, Vec<Part>)> {
    let (slot, map) = (Slot::of(target), target.map);
    let start = slot.addresses.start;
    if let Some(first) = parts.first()
        && !parts.iter().any(|part| slot.touches(part))
    {
        bail!(
            "it is linked for {:#010x} ({}), but images for {} run at {start:#010x}, where {} \
             begins: link it for that address, or check --map",
            first.address,
            map.whereabouts(first.address)
                .unwrap_or("outside of the flash"),
            map.name,
            slot.name
        );
    }
    let (inside, outside): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| slot.holds(part));
    if let Some(objection) = outside.iter().find_map(|part| slot.objection(part, target)) {
        bail!("{objection}");
    }
    let bytes: usize = outside.iter().map(|part| part.bytes.len()).sum();
    ensure!(
        bytes <= MAX_LEFT_OUT,
        "{bytes} bytes are not for {}: {}. If the release is to do without them, leave each out \
         with --skip",
        slot.name,
        list(&outside)
    );
    if let Some(first) = inside.first() {
        ensure!(
            u64::from(first.address) == start,
            "it begins at {:#010x}, but {} begins at {start:#010x}, and that is where the \
             bootloader jumps to: link it so that its vector table lies there",
            first.address,
            slot.name
        );
    }
    Ok((inside, outside))
}

/// Parts in the order of their addresses must not lie over one another.
pub(crate) fn check_overlaps(parts: &[Part]) -> Result<()> {
    let overlap = |pair: &[Part]| pair[0].end() > u64::from(pair[1].address);
    if let Some(pair) = parts.windows(2).find(|pair| overlap(pair)) {
        bail!(
            "{} overlaps {} at their load addresses: check the linker script",
            pair[0],
            pair[1]
        );
    }
    Ok(())
}

/// What is not near the rest is not for the same slot, most likely.
fn check_gaps(parts: &[Part]) -> Result<()> {
    for pair in parts.windows(2) {
        let gap = u64::from(pair[1].address) - pair[0].end();
        ensure!(
            gap <= MAX_GAP,
            "{} and {} lie {} MiB apart, and the gap would be packed too: leave out what is not for \
             the slot (--only, --skip), or give --map; segments for RAM need a load address in flash",
            pair[0],
            pair[1],
            gap >> 20
        );
    }
    Ok(())
}

/// Parts in the order of their addresses, with what erased flash holds between them.
fn join(parts: &[Part]) -> Result<Firmware> {
    let address = parts.first().map(|part| part.address);
    let first = u64::from(address.unwrap_or_default());
    let end = parts.last().map_or(first, Part::end);
    ensure!(
        end - first <= MAX_SPAN,
        "{first:#010x}..{end:#010x} is longer than any package can be: leave out what is not for \
         the slot (--only, --skip)"
    );
    let mut bytes = Vec::new();
    for part in parts {
        bytes.resize(usize::try_from(u64::from(part.address) - first)?, FILL);
        bytes.extend(&part.bytes);
    }
    Ok(Firmware {
        bytes,
        address,
        remarks: Vec::new(),
    })
}

/// Whether the processor could begin at the image's first byte: an error if it is sure that it
/// must, and cannot; a remark if it seems so.
fn check_vectors(
    firmware: &Firmware,
    program: Program,
    target: Option<&Target<'_>>,
) -> Result<Option<String>> {
    let format = target.map_or(ImageFormat::Flat, |target| target.map.image_format);
    ensure!(
        !(format == ImageFormat::CortexM && matches!(program, Program::Other)),
        "the ELF is for another processor than the map's"
    );
    let expected = match target {
        Some(target) if format == ImageFormat::CortexM => has_vectors(target),
        Some(target) if target.loader == Loader::MaskRom => false,
        _ => matches!(program, Program::Arm(_)),
    };
    let address = firmware.address.unwrap_or_default();
    let ram = target.map_or(any_ram(), |target| target.map.ram());
    let Some(reason) = vectors::check(&firmware.bytes, address, ram)
        .err()
        .filter(|_| expected)
    else {
        return Ok(None);
    };
    let said = format!("no vector table at {address:#010x}, where the image begins: {reason}");
    // An ELF that was linked says where in it the program begins; one that was made of a flat
    // image does not, and is not known any better than that.
    let linked = match program {
        Program::Arm(entry) => {
            let inside = (entry & !1).checked_sub(address);
            inside.is_some_and(|inside| (inside as usize) < firmware.bytes.len())
        }
        Program::Other | Program::Unknown => true,
    };
    ensure!(format != ImageFormat::CortexM || !linked, "{said}");
    Ok(Some(said))
}
