//! USART2: bytes that take their time, in both directions; no DMA.

use std::collections::VecDeque;

/// CR1.
const ENABLE: u32 = 1;
const RECEIVE: u32 = 1 << 2;
const TRANSMIT: u32 = 1 << 3;
const LONG: u32 = 1 << 12;
const OVERSAMPLES_BY_8: u32 = 1 << 15;
/// CR3: interrupts for errors; overruns are ignored.
const ERROR_INTERRUPT: u32 = 1;
const OVERRUN_DISABLED: u32 = 1 << 12;

/// ISR, whose lower bits have their interrupt enables at the same place in CR1.
mod flag {
    pub(super) const OVERRUN: u32 = 1 << 3;
    pub(super) const IDLE: u32 = 1 << 4;
    pub(super) const RECEIVED: u32 = 1 << 5;
    pub(super) const COMPLETE: u32 = 1 << 6;
    pub(super) const EMPTY: u32 = 1 << 7;
    pub(super) const BUSY: u32 = 1 << 16;
    pub(super) const TRANSMITS: u32 = 1 << 21;
    pub(super) const RECEIVES: u32 = 1 << 22;
    /// What ICR clears.
    pub(super) const CLEARABLE: u32 = 0x5F;
}

#[derive(Debug, Clone)]
pub(crate) struct Usart {
    /// CR1 to CR3, BRR, GTPR, RTOR.
    registers: [u32; 6],
    flags: u32,
    /// Hertz of its clock.
    clock: u64,
    received: u8,
    /// What is on its way to the firmware, and when the next byte is there.
    incoming: VecDeque<u8>,
    arrives: Option<u64>,
    /// When the line will have been idle for a byte's time.
    idle_at: Option<u64>,
    /// The byte that is being sent, until when, and the one behind it.
    sending: Option<(u64, u8)>,
    next: Option<u8>,
    sent: Vec<u8>,
    /// Bytes that came while the one before had not been fetched.
    lost: u64,
}

impl Usart {
    pub(crate) const fn new(clock: u64) -> Self {
        Self {
            registers: [0; 6],
            flags: flag::EMPTY | flag::COMPLETE,
            clock,
            received: 0,
            incoming: VecDeque::new(),
            arrives: None,
            idle_at: None,
            sending: None,
            next: None,
            sent: Vec::new(),
            lost: 0,
        }
    }

    /// A reset of the device; what is on its way to it still comes.
    pub(crate) fn reset(&mut self) {
        *self = Self {
            incoming: core::mem::take(&mut self.incoming),
            arrives: self.arrives,
            sent: core::mem::take(&mut self.sent),
            lost: self.lost,
            ..Self::new(self.clock)
        };
    }

    pub(crate) const fn set_clock(&mut self, clock: u64) {
        self.clock = clock;
    }

    const fn is_on(&self, what: u32) -> bool {
        self.registers[0] & (ENABLE | what) == ENABLE | what
    }

    /// Picoseconds of a byte with its start and stop bits.
    fn byte_time(&self) -> u64 {
        let divider = u64::from(self.registers[3].max(1));
        let divider = if self.registers[0] & OVERSAMPLES_BY_8 != 0 {
            (divider & !0xF | (divider & 7) << 1) / 2
        } else {
            divider
        };
        let bits = if self.registers[0] & LONG != 0 {
            11
        } else {
            10
        };
        bits * divider * (1_000_000_000_000 / self.clock.max(1))
    }

    /// Bytes for the firmware, which begin to arrive now or behind those that do.
    pub(crate) fn feed(&mut self, bytes: &[u8], now: u64) {
        self.incoming.extend(bytes);
        if self.arrives.is_none() && !self.incoming.is_empty() {
            self.arrives = Some(now + self.byte_time());
        }
    }

    /// What has left since the last call.
    pub(crate) fn take_sent(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.sent)
    }

    pub(crate) const fn has_sent(&self) -> bool {
        !self.sent.is_empty()
    }

    /// Whether nothing is being sent.
    pub(crate) const fn is_quiet(&self) -> bool {
        self.sending.is_none()
    }

    /// Bytes that the firmware did not fetch in time.
    pub(crate) const fn lost(&self) -> u64 {
        self.lost
    }

    pub(crate) fn next_event(&self) -> Option<u64> {
        let sent = self.sending.map(|(end, _)| end);
        [sent, self.arrives, self.idle_at]
            .into_iter()
            .flatten()
            .min()
    }

    pub(crate) fn run_until(&mut self, now: u64) {
        while let Some(next) = self.next_event().filter(|next| *next <= now) {
            if self.arrives == Some(next) {
                self.arrive(next);
            } else if let Some((_, byte)) = self.sending.filter(|(end, _)| *end == next) {
                self.leave(byte, next);
            } else {
                self.idle_at = None;
                self.flags |= flag::IDLE;
            }
        }
    }

    fn arrive(&mut self, now: u64) {
        let byte = self.incoming.pop_front();
        self.arrives = (!self.incoming.is_empty()).then(|| now + self.byte_time());
        let Some(byte) = byte.filter(|_| self.is_on(RECEIVE)) else {
            return;
        };
        self.idle_at = Some(now + self.byte_time()).filter(|_| self.arrives.is_none());
        if self.flags & flag::RECEIVED != 0 {
            self.lost += 1;
            if self.registers[2] & OVERRUN_DISABLED == 0 {
                self.flags |= flag::OVERRUN;
                return;
            }
        }
        self.received = byte;
        self.flags |= flag::RECEIVED;
    }

    fn leave(&mut self, byte: u8, now: u64) {
        self.sent.push(byte);
        self.sending = self.next.take().map(|byte| (now + self.byte_time(), byte));
        self.flags |= flag::EMPTY;
        if self.sending.is_none() {
            self.flags |= flag::COMPLETE;
        }
    }

    pub(crate) const fn line(&self) -> bool {
        let control = self.registers[0];
        // An overrun interrupts together with what was received, and as an error.
        let overrun = self.flags & flag::OVERRUN != 0
            && (control & flag::RECEIVED != 0 || self.registers[2] & ERROR_INTERRUPT != 0);
        let own = flag::IDLE | flag::RECEIVED | flag::COMPLETE | flag::EMPTY;
        control & ENABLE != 0 && (overrun || self.flags & control & own != 0)
    }

    pub(crate) fn read(&mut self, offset: u32) -> u32 {
        match offset {
            0x00..=0x14 => self.registers[offset as usize / 4],
            0x1C => self.status(),
            0x24 => {
                self.flags &= !flag::RECEIVED;
                self.received.into()
            }
            _ => 0,
        }
    }

    fn status(&self) -> u32 {
        let mut status = self.flags;
        for (on, flag) in [
            (self.is_on(TRANSMIT), flag::TRANSMITS),
            (self.is_on(RECEIVE), flag::RECEIVES),
            (self.arrives.is_some(), flag::BUSY),
        ] {
            status |= if on { flag } else { 0 };
        }
        status
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32, now: u64) {
        match offset {
            0x00 => {
                self.registers[0] = value;
                if value & ENABLE == 0 {
                    self.flags = flag::EMPTY | flag::COMPLETE;
                }
            }
            0x04..=0x14 => self.registers[offset as usize / 4] = value,
            // RQR: what was received is dropped.
            0x18 if value & 1 << 3 != 0 => self.flags &= !flag::RECEIVED,
            0x20 => self.flags &= !(value & flag::CLEARABLE),
            0x28 if self.is_on(TRANSMIT) => self.send(value.to_le_bytes()[0], now),
            _ => {}
        }
    }

    fn send(&mut self, byte: u8, now: u64) {
        self.flags &= !flag::COMPLETE;
        if self.sending.is_none() {
            self.sending = Some((now + self.byte_time(), byte));
        } else {
            self.next = Some(byte);
            self.flags &= !flag::EMPTY;
        }
    }
}
