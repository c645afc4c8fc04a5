//! Collecting what the firmware logs.

use super::{Board, COLLECT};
use crate::rtt;

/// How often RAM is searched for log buffers that no ELF file told of, in collections.
const SEARCH: u64 = 64;

impl Board {
    /// Whether `text` is in a line that was not looked at before.
    pub(super) fn seen(&mut self, text: &str) -> bool {
        let new = self.log.lines().get(self.looked_at..).unwrap_or_default();
        let seen = new.iter().any(|line| line.text.contains(text));
        self.looked_at = self.log.lines().len();
        seen
    }

    /// Takes what the firmware has logged out of its buffers.
    pub(super) fn collect(&mut self) {
        let now = self.bus.now;
        if self.bus.uart.has_output() {
            let bytes = self.bus.uart.take_output();
            self.log.uart(now, &bytes);
        }
        let mut blocks: Vec<u32> = self.log.blocks().collect();
        // Only if no ELF file told of any: what looks like a buffer may also be a part of an
        // image that is being downloaded, and must be left as it is.
        let known = !blocks.is_empty();
        if !known {
            if (self.instructions / COLLECT).is_multiple_of(SEARCH) {
                self.found = rtt::find(&self.bus.memory);
            }
            blocks.extend(&self.found);
        }
        blocks.sort_unstable();
        blocks.dedup();
        for block in blocks {
            if known {
                rtt::wait_for_room(&mut self.bus.memory, block);
            }
            let bytes = rtt::drain(&mut self.bus.memory, block);
            if !bytes.is_empty() {
                let flash = self.bus.nor.flash().bytes();
                self.log.rtt(now, block, self.cpu.pc(), flash, &bytes);
            }
        }
    }
}
