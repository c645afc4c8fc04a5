//! What DMA moves.

use super::Bus;
use crate::rp2040::devices::dma::CHANNELS;

/// Requests that the devices make.
const SPI0_SENDS: u32 = 16;
const SPI0_HAS_RECEIVED: u32 = 17;
const UART0_SENDS: u32 = 20;

impl Bus {
    /// Moves everything that can be moved now.
    pub(super) fn run_dma(&mut self) {
        while self.dma.is_active() {
            let mut moved = false;
            for channel in 0..CHANNELS {
                moved |= self.run_channel(channel);
            }
            if !moved {
                break;
            }
        }
    }

    fn run_channel(&mut self, channel: usize) -> bool {
        let Some(next) = self.dma.next(channel) else {
            return false;
        };
        if !self.is_requested(next.request) {
            return false;
        }
        match next.size {
            1 => {
                let bytes = self.load::<1>(next.from);
                self.store(next.to, bytes);
            }
            2 => {
                let bytes = self.load::<2>(next.from);
                self.store(next.to, bytes);
            }
            _ => {
                let bytes = self.load::<4>(next.from);
                self.store(next.to, bytes);
            }
        }
        self.dma.advance(channel, next.size);
        true
    }

    /// Whether a device asks for the transfer: SPI0 and UART0 do.
    fn is_requested(&self, request: Option<u32>) -> bool {
        let somebody_receives = (0..CHANNELS).any(|channel| {
            self.dma.next(channel).and_then(|next| next.request) == Some(SPI0_HAS_RECEIVED)
        });
        match request {
            None | Some(UART0_SENDS) => true,
            // Without a channel that receives, what comes back is lost.
            Some(SPI0_SENDS) => self.spi.has_room() || !somebody_receives,
            Some(SPI0_HAS_RECEIVED) => self.spi.has_received(),
            _ => false,
        }
    }
}
