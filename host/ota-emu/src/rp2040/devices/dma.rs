//! DMA: twelve channels that copy as soon as they are started and the other end is ready.

/// A channel's control bits.
const ENABLE: u32 = 1;
const SIZE: u32 = 2;
const INCREMENT_READ: u32 = 1 << 4;
const INCREMENT_WRITE: u32 = 1 << 5;
const IRQ_QUIET: u32 = 1 << 21;
const BUSY: u32 = 1 << 24;
/// A request line that is always on.
const PERMANENT: u32 = 0x3F;

/// Number of channels.
pub(crate) const CHANNELS: usize = 12;

#[derive(Debug, Clone, Copy, Default)]
struct Channel {
    read: u32,
    write: u32,
    left: u32,
    count: u32,
    control: u32,
}

/// One element that a channel is about to move.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Move {
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// Bytes: 1, 2 or 4.
    pub(crate) size: u32,
    /// The device that has to be ready, as a DREQ number; none if memory is moved.
    pub(crate) request: Option<u32>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Dma {
    channels: [Channel; CHANNELS],
    raised: u32,
    enabled: [u32; 2],
    forced: [u32; 2],
}

impl Dma {
    /// Whether any channel has something left to do.
    pub(crate) fn is_active(&self) -> bool {
        self.channels.iter().any(|channel| channel.left > 0)
    }

    pub(crate) const fn line(&self, line: usize) -> bool {
        (self.raised & self.enabled[line] | self.forced[line]) != 0
    }

    /// What `channel` wants to move next.
    pub(crate) fn next(&self, channel: usize) -> Option<Move> {
        let Channel {
            read,
            write,
            left,
            control,
            ..
        } = self.channels[channel];
        let request = control >> 15 & 0x3F;
        (left > 0 && control & ENABLE != 0).then_some(Move {
            from: read,
            to: write,
            size: 1 << (control >> SIZE & 3).min(2),
            request: (request != PERMANENT).then_some(request),
        })
    }

    /// The element was moved.
    pub(crate) fn advance(&mut self, channel: usize, size: u32) {
        let this = &mut self.channels[channel];
        this.left -= 1;
        if this.control & INCREMENT_READ != 0 {
            this.read = wrap(this.read, size, this.control, false);
        }
        if this.control & INCREMENT_WRITE != 0 {
            this.write = wrap(this.write, size, this.control, true);
        }
        if this.left > 0 {
            return;
        }
        if this.control & IRQ_QUIET == 0 {
            self.raised |= 1 << channel;
        }
        let chain = (this.control >> 11 & 0xF) as usize;
        if chain != channel {
            self.trigger(chain);
        }
    }

    fn trigger(&mut self, channel: usize) {
        if let Some(channel) = self.channels.get_mut(channel)
            && channel.control & ENABLE != 0
        {
            channel.left = channel.count;
        }
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        let line = usize::from(offset >= 0x414);
        match offset {
            0x000..0x300 => self.read_channel(offset),
            0x400 => self.raised,
            0x404 | 0x414 => self.enabled[line],
            0x408 | 0x418 => self.forced[line],
            0x40C | 0x41C => self.raised & self.enabled[line] | self.forced[line],
            0x448 => 12,
            _ => 0,
        }
    }

    fn read_channel(&self, offset: u32) -> u32 {
        let channel = self.channels[offset as usize / 0x40];
        match role(offset) {
            Role::Read => channel.read,
            Role::Write => channel.write,
            Role::Count => channel.left,
            Role::Control if channel.left > 0 => channel.control | BUSY,
            Role::Control => channel.control & !BUSY,
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        let line = usize::from(offset >= 0x414);
        match offset {
            0x000..0x300 => self.write_channel(offset, value),
            0x404 | 0x414 => self.enabled[line] = value,
            0x408 | 0x418 => self.forced[line] = value,
            0x400 | 0x40C | 0x41C => self.raised &= !value,
            0x430 => (0..CHANNELS)
                .filter(|channel| value >> channel & 1 != 0)
                .for_each(|channel| self.trigger(channel)),
            0x444 => (0..CHANNELS)
                .filter(|channel| value >> channel & 1 != 0)
                .for_each(|channel| self.channels[channel].left = 0),
            _ => {}
        }
    }

    fn write_channel(&mut self, offset: u32, value: u32) {
        let index = offset as usize / 0x40;
        let channel = &mut self.channels[index];
        match role(offset) {
            Role::Read => channel.read = value,
            Role::Write => channel.write = value,
            Role::Count => channel.count = value,
            Role::Control => channel.control = value,
        }
        // The last register of each of the four orders starts the channel.
        if offset & 0xC == 0xC && value != 0 {
            self.trigger(index);
        }
    }
}

/// What a channel's register holds.
enum Role {
    Read,
    Write,
    Count,
    Control,
}

/// A channel has its four registers four times, in different orders.
const fn role(offset: u32) -> Role {
    match offset & 0x3F {
        0x00 | 0x14 | 0x28 | 0x3C => Role::Read,
        0x04 | 0x18 | 0x2C | 0x34 => Role::Write,
        0x08 | 0x1C | 0x24 | 0x38 => Role::Count,
        _ => Role::Control,
    }
}

/// The next address, within a ring if there is one.
const fn wrap(address: u32, size: u32, control: u32, writes: bool) -> u32 {
    let next = address.wrapping_add(size);
    let ring = control >> 6 & 0xF;
    let ring_writes = control & 1 << 10 != 0;
    if ring == 0 || ring_writes != writes {
        return next;
    }
    let mask = (1 << ring) - 1;
    address & !mask | next & mask
}
