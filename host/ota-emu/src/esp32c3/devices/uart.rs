//! UART0: queues of 128 bytes, bytes that take their time on the line, and interrupts.

use super::registers::Registers;
use super::{RC_FAST, SECOND, XTAL};
use crate::exit::Fault;
use std::collections::VecDeque;

const QUEUE: usize = 128;

/// Bits of the interrupt registers.
mod flag {
    pub(super) const FULL: u32 = 1;
    pub(super) const EMPTY: u32 = 1 << 1;
    pub(super) const OVERFLOW: u32 = 1 << 4;
    pub(super) const TIMEOUT: u32 = 1 << 8;
    pub(super) const DONE: u32 = 1 << 14;
}

/// CONF0.
const RECEIVE_RESET: u32 = 1 << 17;
const TRANSMIT_RESET: u32 = 1 << 18;
/// CONF1: the time-out is on.
const TIMES_OUT: u32 = 1 << 21;
/// STATUS: lines that are high when nobody does anything.
const IDLE_LINES: u32 = 0xE000_C000;
/// ID: settings are being taken; they are, at once.
const UPDATE: u32 = 1 << 31;

/// Registers.
const CLKDIV: u32 = 0x14;
const CONF0: u32 = 0x20;
const CONF1: u32 = 0x24;
const MEM_CONF: u32 = 0x60;
const CLK_CONF: u32 = 0x78;
const ID: u32 = 0x80;

const AFTER_RESET: &[(u32, u32)] = &[
    (CLKDIV, 0x2B6),
    (0x18, 8),
    (CONF0, 0x1000_001C),
    (CONF1, 0xC060),
    (0x28, 0xFFF),
    (0x2C, 0xFFF),
    (0x38, 0xF0),
    (0x3C, 0x26E0),
    (0x40, 0x2200),
    (0x44, 0x0A),
    (0x48, 0x0004_0100),
    (0x50, 0x0901),
    (0x54, 0x0901),
    (0x58, 0x0B),
    (0x5C, 0x032B),
    (MEM_CONF, 0x000A_0012),
    (0x68, 0x0008_0100),
    (0x70, 0xFFF),
    (0x74, 0xFFF),
    (CLK_CONF, 0x0370_1000),
    (ID, 0x500),
];

#[derive(Debug, Clone)]
pub(crate) struct Uart {
    registers: Registers,
    /// Hertz of the bus, which is one of its clocks.
    apb: u64,
    /// Interrupts that stay until they are cleared.
    raised: u32,
    enabled: u32,
    received: VecDeque<u8>,
    waiting: VecDeque<u8>,
    /// The byte that is on the line, and until when.
    sending: Option<(u64, u8)>,
    sent: Vec<u8>,
    /// What is on its way to the firmware, and when the next byte is there.
    incoming: VecDeque<u8>,
    arrives: Option<u64>,
    /// When the line will have been quiet for so long that it is told.
    times_out: Option<u64>,
    /// Bytes that came while the queue was full.
    lost: u64,
}

impl Uart {
    pub(crate) fn new(apb: u64) -> Self {
        Self {
            registers: Registers::new(AFTER_RESET),
            apb,
            raised: 0,
            enabled: 0,
            received: VecDeque::new(),
            waiting: VecDeque::new(),
            sending: None,
            sent: Vec::new(),
            incoming: VecDeque::new(),
            arrives: None,
            times_out: None,
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
            ..Self::new(self.apb)
        };
    }

    pub(crate) const fn set_apb(&mut self, apb: u64) {
        self.apb = apb;
    }

    /// As the mask ROM sets it up: 115,200 baud from the crystal.
    pub(crate) fn set_up_by_rom(&mut self) {
        self.registers.write(CLK_CONF, 0x0370_0000);
        self.registers.write(CLKDIV, 347 | 3 << 20);
    }

    /// Picoseconds of a bit.
    fn bit_time(&self) -> u64 {
        let clock = self.registers.read(CLK_CONF);
        let hertz = match clock >> 20 & 3 {
            2 => RC_FAST,
            3 => XTAL,
            _ => self.apb,
        };
        let divider = u64::from(clock >> 12 & 0xFF) + 1;
        let divisor = self.registers.read(CLKDIV);
        let sixteenths = u64::from(divisor & 0xFFF) * 16 + u64::from(divisor >> 20 & 15);
        SECOND / 16 * divider * sixteenths.max(16) / hertz.max(1)
    }

    /// Start, data, parity and stop.
    fn bits(&self) -> u64 {
        let conf = self.registers.read(CONF0);
        let stop = if conf >> 4 & 3 < 2 { 1 } else { 2 };
        1 + 5 + u64::from(conf >> 2 & 3) + u64::from(conf >> 1 & 1) + stop
    }

    fn byte_time(&self) -> u64 {
        self.bits() * self.bit_time()
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

    /// Bytes that did not fit.
    pub(crate) const fn lost(&self) -> u64 {
        self.lost
    }

    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < QUEUE
    }

    pub(crate) fn next_event(&self) -> Option<u64> {
        let sent = self.sending.map(|(end, _)| end);
        let events = [sent, self.arrives, self.times_out];
        events.into_iter().flatten().min()
    }

    pub(crate) fn run_until(&mut self, now: u64) {
        while let Some(next) = self.next_event().filter(|next| *next <= now) {
            if self.arrives == Some(next) {
                self.arrive(next);
            } else if let Some((_, byte)) = self.sending.filter(|(end, _)| *end == next) {
                self.leave(byte, next);
            } else {
                self.times_out = None;
                if !self.received.is_empty() {
                    self.raised |= flag::TIMEOUT;
                }
            }
        }
    }

    fn arrive(&mut self, now: u64) {
        if let Some(byte) = self.incoming.pop_front() {
            if self.received.len() < QUEUE {
                self.received.push_back(byte);
            } else {
                self.raised |= flag::OVERFLOW;
                self.lost += 1;
            }
        }
        self.arrives = (!self.incoming.is_empty()).then(|| now + self.byte_time());
        let waits = u64::from(self.registers.read(MEM_CONF) >> 16 & 0x3FF);
        let times_out = self.registers.read(CONF1) & TIMES_OUT != 0;
        self.times_out = times_out.then(|| now + waits.max(1) * self.bit_time());
    }

    fn leave(&mut self, byte: u8, now: u64) {
        self.sent.push(byte);
        let next = self.waiting.pop_front();
        self.sending = next.map(|byte| (now + self.byte_time(), byte));
        if self.sending.is_none() {
            self.raised |= flag::DONE;
        }
    }

    /// Interrupts, among them those that are there as long as their reason.
    fn interrupts(&self) -> u32 {
        let conf = self.registers.read(CONF1);
        let (full_at, empty_below) = (conf & 0x1FF, conf >> 9 & 0x1FF);
        let mut raised = self.raised;
        if !self.received.is_empty() && self.received.len() >= full_at as usize {
            raised |= flag::FULL;
        }
        if self.waiting.is_empty() || self.waiting.len() < empty_below as usize {
            raised |= flag::EMPTY;
        }
        raised
    }

    pub(crate) fn line(&self) -> bool {
        self.interrupts() & self.enabled != 0
    }

    pub(crate) fn read(&mut self, offset: u32) -> u32 {
        match offset {
            0x00 => self.received.pop_front().unwrap_or(0).into(),
            0x04 => self.interrupts(),
            0x08 => self.interrupts() & self.enabled,
            0x0C => self.enabled,
            0x1C => {
                let received = u32::try_from(self.received.len()).unwrap_or(0);
                let waiting = u32::try_from(self.waiting.len()).unwrap_or(0);
                IDLE_LINES | waiting << 16 | received
            }
            // What the transmitter does: anything but 0 is something.
            0x6C => u32::from(self.sending.is_some()) << 4,
            ID => self.registers.read(ID) & !UPDATE,
            _ => self.registers.read(offset),
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32, now: u64) -> Result<(), Fault> {
        match offset {
            0x00 => return self.send(value.to_le_bytes()[0], now),
            0x0C => self.enabled = value,
            0x10 => self.raised &= !value,
            CONF0 => {
                self.registers.write(CONF0, value);
                if value & RECEIVE_RESET != 0 {
                    self.received.clear();
                    self.times_out = None;
                }
                if value & TRANSMIT_RESET != 0 {
                    self.waiting.clear();
                }
            }
            _ => self.registers.write(offset, value),
        }
        Ok(())
    }

    /// Puts a byte into the queue of those that are sent.
    pub(crate) fn send(&mut self, byte: u8, now: u64) -> Result<(), Fault> {
        if self.sending.is_none() {
            self.sending = Some((now + self.byte_time(), byte));
        } else if self.has_room() {
            self.waiting.push_back(byte);
        } else {
            return Err(Fault::Misuse {
                register: 0,
                what: "its queue is full, and the byte gets lost",
            });
        }
        Ok(())
    }
}
