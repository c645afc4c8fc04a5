//! A W5500 Ethernet chip, used the way drivers with a TCP/IP stack of their own use it: socket
//! 0 in MACRAW mode, which sends and receives whole frames. The other sockets do not exist.

use std::collections::VecDeque;

/// Size of each of the two buffers.
const BUFFER: usize = 16 * 1024;
const VERSION: u8 = 4;

/// Common registers.
const MODE: usize = 0x00;
const MAC: usize = 0x09;
const SOCKET_INTERRUPT_MASK: usize = 0x18;
const PHY: usize = 0x2E;
const VERSION_REGISTER: usize = 0x39;
/// Registers of socket 0.
const SOCKET_MODE: usize = 0x00;
const COMMAND: usize = 0x01;
const INTERRUPT: usize = 0x02;
const STATUS: usize = 0x03;
const SEND_FREE: usize = 0x20;
const SEND_WRITE: usize = 0x24;
const RECEIVED_SIZE: usize = 0x26;
const RECEIVE_READ: usize = 0x28;
const INTERRUPT_MASK: usize = 0x2C;

const STATUS_MACRAW: u8 = 0x42;
const INTERRUPT_RECEIVED: u8 = 1 << 2;
const INTERRUPT_SENT: u8 = 1 << 4;
/// Only frames for the own address.
const MODE_FILTER: u8 = 1 << 7;

#[derive(Debug, Clone)]
pub(crate) struct W5500 {
    common: [u8; 0x40],
    socket: [u8; 0x30],
    transmit: Box<[u8]>,
    receive: Box<[u8]>,
    /// Where the chip will send from, and where it will receive to.
    sent: u16,
    filled: u16,
    /// What the firmware has taken out of the receive buffer.
    taken: u16,
    selected: bool,
    /// The bytes of the transfer so far: address (two bytes), control, data.
    transferred: usize,
    address: u16,
    control: u8,
    link: bool,
    outgoing: VecDeque<Vec<u8>>,
}

impl W5500 {
    pub(crate) fn new() -> Self {
        let mut common = [0; 0x40];
        common[VERSION_REGISTER] = VERSION;
        Self {
            common,
            socket: [0; 0x30],
            transmit: vec![0; BUFFER].into(),
            receive: vec![0; BUFFER].into(),
            sent: 0,
            filled: 0,
            taken: 0,
            selected: false,
            transferred: 0,
            address: 0,
            control: 0,
            link: true,
            outgoing: VecDeque::new(),
        }
    }

    /// The reset pin or the reset bit; the cable stays plugged in.
    pub(crate) fn reset(&mut self) {
        let (link, selected, transferred) = (self.link, self.selected, self.transferred);
        *self = Self::new();
        (self.link, self.selected, self.transferred) = (link, selected, transferred);
    }

    pub(crate) fn set_link(&mut self, link: bool) {
        self.link = link;
    }

    pub(crate) fn select(&mut self, selected: bool) {
        if self.selected != selected {
            self.selected = selected;
            self.transferred = 0;
        }
    }

    /// The interrupt pin, which is low when there is something to say.
    pub(crate) fn interrupt_pin(&self) -> bool {
        let raised = self.socket[INTERRUPT] & self.socket[INTERRUPT_MASK] != 0;
        !(raised && self.common[SOCKET_INTERRUPT_MASK] & 1 != 0)
    }

    /// A frame that the firmware has sent.
    pub(crate) fn take_outgoing(&mut self) -> Option<Vec<u8>> {
        self.outgoing.pop_front()
    }

    pub(crate) fn has_outgoing(&self) -> bool {
        !self.outgoing.is_empty()
    }

    fn is_open(&self) -> bool {
        self.socket[STATUS] == STATUS_MACRAW && self.link
    }

    fn pending(&self) -> usize {
        usize::from(self.filled.wrapping_sub(self.taken))
    }

    /// Whether a frame of this length fits into the receive buffer. A closed socket takes all,
    /// and loses them.
    pub(crate) fn has_room(&self, len: usize) -> bool {
        !self.is_open() || self.pending() + len + 2 <= BUFFER
    }

    /// A frame from the network.
    pub(crate) fn deliver(&mut self, frame: &[u8]) {
        let len = frame.len() + 2;
        if !self.is_open() || !self.is_for_us(frame) || self.pending() + len > BUFFER {
            return;
        }
        let header = u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
        for &byte in header.iter().chain(frame) {
            self.receive[usize::from(self.filled) % BUFFER] = byte;
            self.filled = self.filled.wrapping_add(1);
        }
        self.socket[INTERRUPT] |= INTERRUPT_RECEIVED;
    }

    fn is_for_us(&self, frame: &[u8]) -> bool {
        let Some(destination) = frame.get(..6) else {
            return false;
        };
        let own = &self.common[MAC..MAC + 6];
        self.socket[SOCKET_MODE] & MODE_FILTER == 0
            || destination == own
            || destination.first().is_some_and(|first| first & 1 != 0)
    }

    /// One byte in each direction, if the chip is selected.
    pub(crate) fn exchange(&mut self, byte: u8) -> u8 {
        if !self.selected {
            return 0xFF;
        }
        self.transferred += 1;
        match self.transferred {
            1 => self.address = u16::from(byte) << 8,
            2 => self.address |= u16::from(byte),
            3 => self.control = byte,
            _ => return self.data(byte),
        }
        0
    }

    fn data(&mut self, byte: u8) -> u8 {
        let at = self.address;
        self.address = at.wrapping_add(1);
        let (block, writes) = (self.control >> 3, self.control & 1 << 2 != 0);
        match (block, writes) {
            (0, false) => self.read_common(usize::from(at)),
            (1, false) => self.read_socket(usize::from(at)),
            (2, false) => self.transmit[usize::from(at) % BUFFER],
            (3, false) => self.receive[usize::from(at) % BUFFER],
            (0, true) => self.write_common(usize::from(at), byte),
            (1, true) => self.write_socket(usize::from(at), byte),
            (2, true) => {
                self.transmit[usize::from(at) % BUFFER] = byte;
                0
            }
            _ => 0,
        }
    }

    fn read_common(&self, at: usize) -> u8 {
        match at {
            // Full duplex, 100 Mbit/s, and the link.
            PHY => 0xBE | u8::from(self.link),
            _ => self.common.get(at).copied().unwrap_or(0),
        }
    }

    fn write_common(&mut self, at: usize, byte: u8) -> u8 {
        match at {
            MODE if byte & 1 << 7 != 0 => self.reset(),
            VERSION_REGISTER | PHY => {}
            _ => {
                if let Some(register) = self.common.get_mut(at) {
                    *register = byte;
                }
            }
        }
        0
    }

    fn read_socket(&self, at: usize) -> u8 {
        let half = |value: usize, register: usize| {
            u16::try_from(value).unwrap_or(u16::MAX).to_be_bytes()[at - register]
        };
        match at {
            // Frames are sent in no time: the transmit buffer is always free.
            SEND_FREE..0x22 => half(BUFFER, SEND_FREE),
            0x22..0x24 => half(self.sent.into(), 0x22),
            RECEIVED_SIZE..0x28 => half(self.pending(), RECEIVED_SIZE),
            0x2A..INTERRUPT_MASK => half(self.filled.into(), 0x2A),
            _ => self.socket.get(at).copied().unwrap_or(0),
        }
    }

    fn write_socket(&mut self, at: usize, byte: u8) -> u8 {
        match at {
            COMMAND => self.command(byte),
            INTERRUPT => self.socket[INTERRUPT] &= !byte,
            STATUS => {}
            _ => {
                if let Some(register) = self.socket.get_mut(at) {
                    *register = byte;
                }
            }
        }
        0
    }

    fn pointer(&self, register: usize) -> u16 {
        u16::from_be_bytes([self.socket[register], self.socket[register + 1]])
    }

    /// Commands are done at once: the command register reads 0.
    fn command(&mut self, command: u8) {
        match command {
            0x01 => self.open(),
            0x10 => self.socket[STATUS] = 0,
            0x20 => self.send(),
            0x40 => {
                self.taken = self.pointer(RECEIVE_READ);
                if self.pending() > 0 {
                    self.socket[INTERRUPT] |= INTERRUPT_RECEIVED;
                }
            }
            _ => {}
        }
    }

    fn open(&mut self) {
        if self.socket[SOCKET_MODE] & 0xF == 4 {
            self.socket[STATUS] = STATUS_MACRAW;
        }
    }

    fn send(&mut self) {
        let end = self.pointer(SEND_WRITE);
        let mut frame = Vec::new();
        while self.sent != end {
            frame.push(self.transmit[usize::from(self.sent) % BUFFER]);
            self.sent = self.sent.wrapping_add(1);
        }
        self.socket[INTERRUPT] |= INTERRUPT_SENT;
        if self.is_open() {
            self.outgoing.push_back(frame);
        }
    }
}
