//! What a map must fulfil.

use anyhow::{Result, bail, ensure};
use ota_image::{ChunkSize, ENVELOPE_LEN};

use super::{Map, Span, Strategy};

/// Of which this tool makes an image in memory: 256 MiB.
const MAX_FLASH: u32 = 0x1000_0000;

impl Map {
    pub(super) fn check(&self) -> Result<()> {
        self.check_flash()?;
        for (name, span) in self.regions.named() {
            self.check_region(name, span)?;
        }
        self.check_overlaps()?;
        self.check_step()?;
        self.check_slots()?;
        self.check_state()
    }

    fn check_flash(&self) -> Result<()> {
        let flash = &self.flash;
        ensure!(
            matches!(flash.write_size, 1 | 2 | 4 | 8 | 16 | 32),
            "flash.write_size is {}: it must be 1, 2, 4, 8, 16 or 32",
            flash.write_size
        );
        ensure!(
            flash.erase_size > 0 && flash.erase_size.is_multiple_of(flash.write_size),
            "flash.erase_size is {}: it must be a multiple of flash.write_size",
            flash.erase_size
        );
        ensure!(
            matches!(flash.erased, 0x00 | 0xFF),
            "flash.erased is {:#04x}: it must be 0xFF or 0x00",
            flash.erased
        );
        ensure!(
            u64::from(flash.base) + u64::from(flash.size) <= 1 << 32,
            "the flash ends above 4 GiB: check flash.base and flash.size"
        );
        ensure!(
            flash.size <= MAX_FLASH,
            "flash.size is {:#x}: larger than any flash that holds firmware",
            flash.size
        );
        Ok(())
    }

    fn check_region(&self, name: &str, span: Span) -> Result<()> {
        let unit = self.flash.erase_size;
        ensure!(span.size > 0, "{name} is empty: give it a size");
        ensure!(
            span.offset.is_multiple_of(unit) && span.size.is_multiple_of(unit),
            "{name} ({}) is not aligned: offset and size must be multiples of the erase size, {unit:#x}",
            show(span)
        );
        ensure!(
            span.end() <= u64::from(self.flash.size),
            "{name} ({}) reaches past the flash's end at {:#x}",
            show(span),
            self.flash.size
        );
        Ok(())
    }

    fn check_overlaps(&self) -> Result<()> {
        let mut regions = self.regions.named();
        regions.sort_by_key(|(_, span)| span.offset);
        for pair in regions.windows(2) {
            let [(below, lower), (above, upper)] = pair else {
                continue;
            };
            if lower.end() > u64::from(upper.offset) {
                bail!(
                    "{below} ({}) overlaps {above} ({})",
                    show(*lower),
                    show(*upper)
                );
            }
        }
        Ok(())
    }

    fn check_step(&self) -> Result<()> {
        ensure!(
            self.step > 0 && self.step.is_multiple_of(self.flash.erase_size),
            "step is {:#x}: it must be a multiple of the erase size, {:#x}",
            self.step,
            self.flash.erase_size
        );
        ensure!(
            self.step >= ChunkSize::MIN.bytes(),
            "step is {:#x}: it must be at least the smallest chunk, {:#x}",
            self.step,
            ChunkSize::MIN.bytes()
        );
        Ok(())
    }

    fn check_slots(&self) -> Result<()> {
        let (slot0, slot1) = (self.regions.slot0, self.regions.slot1);
        for (name, span) in [("slot0", slot0), ("slot1", slot1)] {
            ensure!(
                span.size.is_multiple_of(self.step),
                "{name} ({}) is not a multiple of the step, {:#x}",
                show(span),
                self.step
            );
        }
        match self.strategy {
            Strategy::Swap => ensure!(
                u64::from(slot1.size) == u64::from(slot0.size) + u64::from(self.step),
                "slot1 must have one step more than slot0 for the strategy swap: {:#x} bytes",
                u64::from(slot0.size) + u64::from(self.step)
            ),
            Strategy::Ab => ensure!(
                slot1.size == slot0.size,
                "slot1 must have as many bytes as slot0 for the strategy ab: {:#x}",
                slot0.size
            ),
        }
        Ok(())
    }

    fn check_state(&self) -> Result<()> {
        ensure!(
            self.regions.journal.size >= 2 * self.flash.erase_size,
            "journal has fewer than two erase units of {:#x} bytes",
            self.flash.erase_size
        );
        // With the largest chunks, which make the smallest table, a full slot must fit.
        let chunk = 1 << self.max_chunk_size().ilog2();
        let table = u64::from(self.regions.slot0.size.div_ceil(chunk)) * 32;
        let needed = table + ENVELOPE_LEN as u64;
        for (name, bank) in [("bank0", self.regions.bank0), ("bank1", self.regions.bank1)] {
            ensure!(
                u64::from(bank.size) >= needed,
                "{name} ({}) has no room for the digests of a full slot: {needed:#x} bytes",
                show(bank)
            );
        }
        Ok(())
    }
}

fn show(span: Span) -> String {
    format!("{:#x}..{:#x}", span.offset, span.end())
}

#[cfg(test)]
mod tests {
    use super::super::{BUILT_IN, Map};

    /// The RP2040 map with one piece of text replaced, and what is said about it.
    fn broken(from: &str, to: &str) -> String {
        let text = BUILT_IN[0].1;
        assert!(text.contains(from), "{from}");
        let result = Map::parse(&text.replacen(from, to, 1));
        format!("{:#}", result.unwrap_err())
    }

    #[test]
    fn every_built_in_map_is_sound_and_has_its_name() {
        for (name, text) in BUILT_IN {
            assert_eq!(Map::parse(text).unwrap().name, name);
        }
    }

    #[test]
    fn regions_that_overlap_are_refused_by_name() {
        let said = broken("offset = 0x01_6000", "offset = 0x01_5000");
        assert_eq!(
            said,
            "bank0 (0x12000..0x16000) overlaps bank1 (0x15000..0x19000)"
        );
        // One inside another, not side by side.
        let said = broken(
            "offset = 0x01_0000, size = 0x2000",
            "offset = 0x02_1000, size = 0x2000",
        );
        assert!(
            said.starts_with("slot0 ") && said.contains("overlaps journal"),
            "{said}"
        );
    }

    #[test]
    fn regions_that_are_not_whole_erase_units_are_refused() {
        assert!(broken("offset = 0x01_6000", "offset = 0x01_6100").contains("not aligned"));
        assert!(broken("size = 0x6000", "size = 0x5F00").contains("settings"));
        assert!(broken("size = 0x6000", "size = 0").contains("empty"));
    }

    #[test]
    fn regions_past_the_end_are_refused() {
        assert!(
            broken("offset = 0x01_A000", "offset = 0x1F_F000").contains("past the flash's end")
        );
        assert!(broken("offset = 0x01_A000", "offset = 0xFFFF_F000").contains("past"));
        assert!(broken("base = 0x1000_0000", "base = 0xFFF0_0000").contains("4 GiB"));
    }

    #[test]
    fn slots_must_fit_their_strategy_and_step() {
        assert!(broken("size = 0x8_1000", "size = 0x8_0000").contains("one step more"));
        assert!(broken("\"swap\"", "\"ab\"").contains("as many bytes"));
        assert!(broken("step = 4096", "step = 16384").contains("multiple of the step"));
        assert!(broken("step = 4096", "step = 1000").contains("multiple of the erase size"));
        assert!(broken("step = 4096", "step = 0").contains("step is 0x0"));
    }

    #[test]
    fn journal_and_banks_must_be_large_enough() {
        assert!(broken("size = 0x2000", "size = 0x1000").contains("two erase units"));
        assert!(broken("size = 0x4000", "size = 0x1000").contains("full slot"));
    }

    #[test]
    fn impossible_flash_is_refused() {
        assert!(broken("write_size = 1", "write_size = 3").contains("write_size"));
        assert!(broken("erase_size = 4096", "erase_size = 0").contains("erase_size"));
        assert!(broken("erased = 0xFF", "erased = 0x55").contains("erased"));
    }

    #[test]
    fn what_is_no_map_is_refused_with_its_line() {
        assert!(broken("step = 4096", "steps = 4096").starts_with("line 5: unknown field `steps`"));
        assert!(broken("size = 0x20_0000", "size = -1").starts_with("line 9: "));
        assert!(broken("[regions]", "[region]").contains("region"));
        assert!(Map::parse("").is_err());
    }
}
