//! What lies at an address.

use std::ops::Range;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::{Map, Span};

/// Where every Cortex-M has its RAM, or most of it.
const SRAM: [Memory; 1] = [Memory {
    base: 0x2000_0000,
    size: 0x2000_0000,
}];

/// A part of the processor's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// The address of its first byte.
    pub base: u32,
    /// In bytes.
    pub size: u32,
}

impl Memory {
    pub(crate) fn end(&self) -> u64 {
        u64::from(self.base) + u64::from(self.size)
    }

    pub(crate) fn holds(&self, address: u32) -> bool {
        address >= self.base && u64::from(address) < self.end()
    }

    /// Whether a stack may begin here: it grows down from the byte before.
    pub(crate) fn is_stack(&self, address: u32) -> bool {
        address > self.base && u64::from(address) <= self.end()
    }
}

/// The RAM of a Cortex-M that nothing else is known of.
pub(crate) const fn any_ram() -> &'static [Memory] {
    &SRAM
}

impl Map {
    /// The processor's RAM.
    pub(crate) fn ram(&self) -> &[Memory] {
        if self.ram.is_empty() {
            any_ram()
        } else {
            &self.ram
        }
    }

    /// The addresses of a region, by its name in the file.
    pub(crate) fn region(&self, name: &str) -> Result<Range<u64>> {
        let Some((_, span)) = self.regions.named().find(|(known, _)| *known == name) else {
            let names: Vec<_> = self.regions.named().map(|(name, _)| name).collect();
            bail!(
                "{name} is no region of {} ({})",
                self.name,
                names.join(", ")
            );
        };
        Ok(self.addresses(name, span))
    }

    /// The region that an address lies in, by its name, or that it is between them; `None` if it is
    /// not in the flash.
    pub(crate) fn whereabouts(&self, address: u32) -> Option<&'static str> {
        let address = u64::from(address);
        let mut regions = self.regions.named();
        let region = regions.find(|(name, span)| self.addresses(name, *span).contains(&address));
        let base = u64::from(self.flash.base);
        let flash = base..base + u64::from(self.flash.size);
        match region {
            Some((name, _)) => Some(name),
            None => flash.contains(&address).then_some("no region of the flash"),
        }
    }

    fn addresses(&self, name: &str, span: Span) -> Range<u64> {
        // The slot that runs may be shown elsewhere.
        let shown = self.load_address.filter(|_| name == "slot0");
        let start = shown.map_or(
            u64::from(self.flash.base) + u64::from(span.offset),
            u64::from,
        );
        start..start + u64::from(span.size)
    }
}
