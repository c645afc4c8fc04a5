//! What a map must fulfil, with messages that name what does not. The bootloader's own check is
//! the last, and decides.

use anyhow::{Context as _, Result, bail, ensure};

use super::{Map, Span};

/// Of which this tool makes an image in memory: 256 MiB.
const MAX_FLASH: u32 = 0x1000_0000;

impl Map {
    pub(crate) fn check(&self) -> Result<()> {
        self.check_flash()?;
        self.check_ram()?;
        for (name, span) in self.regions.named() {
            self.check_region(name, span)?;
        }
        self.check_overlaps()?;
        self.check_step()?;
        self.flash_map()
            .map(drop)
            .context("not a map that a bootloader takes")
    }

    fn check_flash(&self) -> Result<()> {
        let flash = &self.flash;
        ensure!(
            matches!(flash.write_size, 1 | 2 | 4 | 8 | 16 | 32),
            "flash.write_size is {}: it must be 1, 2, 4, 8, 16 or 32",
            flash.write_size
        );
        ensure!(
            flash.erase_size >= 128 && flash.erase_size.is_power_of_two(),
            "flash.erase_size is {}: it must be a power of two, at least 128",
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

    fn check_ram(&self) -> Result<()> {
        for ram in &self.ram {
            ensure!(
                ram.size > 0 && ram.end() <= 1 << 32,
                "ram at {:#x} has the size {:#x}: it is empty, or ends above 4 GiB",
                ram.base,
                ram.size
            );
        }
        Ok(())
    }

    fn check_region(&self, name: &str, span: Span) -> Result<()> {
        // What no update erases may share an erase unit with its like.
        let unit = if matches!(name, "bootloader" | "settings") {
            1
        } else {
            self.flash.erase_size
        };
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
        let mut regions: Vec<_> = self.regions.named().collect();
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
            self.step > 0
                && self.step.is_multiple_of(1024)
                && self.step.is_multiple_of(self.flash.erase_size),
            "step is {:#x}: it must be a multiple of 0x400 and of the erase size, {:#x}",
            self.step,
            self.flash.erase_size
        );
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
        assert!(broken("offset = 0x01_6000", "offset = 0x01_6100").contains("bank1"));
        assert!(broken("size = 0x4000", "size = 0x3F00").contains("not aligned"));
        assert!(broken("size = 0x6000", "size = 0").contains("settings is empty"));
    }

    #[test]
    fn settings_may_be_missing_and_need_not_be_aligned() {
        let settings = "settings = { offset = 0x01_A000, size = 0x6000 }";
        for other in ["", "settings = { offset = 0x01_A010, size = 0x10 }"] {
            let text = BUILT_IN[0].1.replacen(settings, other, 1);
            assert_ne!(text, BUILT_IN[0].1);
            Map::parse(&text).unwrap();
        }
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
    fn steps_and_sizes_that_a_bootloader_does_not_take_are_refused() {
        assert!(broken("step = 4096", "step = 1000").contains("multiple of 0x400"));
        assert!(broken("step = 4096", "step = 2048").contains("erase size, 0x1000"));
        assert!(broken("step = 4096", "step = 0").contains("step is 0x0"));
        assert!(broken("size = 0x2000", "size = 0x1000").contains("journal needs two"));
        assert!(broken("size = 0x8_2000", "size = 0x1000").contains("staging slot needs"));
    }

    #[test]
    fn capacity_and_largest_chunk_are_the_bootloaders() {
        for (name, capacity, chunk) in [
            ("rp2040", 0x8_0000, 4096),
            ("stm32l476", 0x6_E000, 4096),
            ("stm32l476-dual-bank", 0x7_0000, 4096),
            ("esp32c3", 0x1E_0000, 4096),
        ] {
            let map = Map::load(name.as_ref()).unwrap().flash_map().unwrap();
            assert_eq!(
                (map.image_capacity(), map.largest_chunk()),
                (capacity, chunk),
                "{name}"
            );
        }
    }

    #[test]
    fn impossible_memory_is_refused() {
        assert!(broken("write_size = 1", "write_size = 3").contains("write_size"));
        assert!(broken("erase_size = 4096", "erase_size = 0").contains("erase_size"));
        assert!(broken("erased = 0xFF", "erased = 0x55").contains("erased"));
        assert!(broken("size = 0x4_2000", "size = 0").contains("ram at 0x20000000"));
        assert!(broken("base = 0x2000_0000", "base = 0xFFFF_0000").contains("above 4 GiB"));
    }

    #[test]
    fn what_is_no_map_is_refused_with_its_line() {
        assert!(broken("step = 4096", "steps = 4096").starts_with("line 5: unknown field `steps`"));
        assert!(broken("size = 0x20_0000", "size = -1").starts_with("line 12: "));
        assert!(broken("[regions]", "[region]").contains("region"));
        assert!(Map::parse("").is_err());
    }
}
