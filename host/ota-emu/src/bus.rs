//! The address map: which device answers at which address, and what none does.

use crate::devices::Plain;
use crate::devices::adc::Adc;
use crate::devices::clocks::{Clocks, NS_PER_CYCLE, Oscillator};
use crate::devices::dma::Dma;
use crate::devices::gpio::Gpio;
use crate::devices::nor::{Nor, Stop};
use crate::devices::resets::{ChipReset, PowerSequence, Resets, bit};
use crate::devices::sio::Sio;
use crate::devices::spi::Spi;
use crate::devices::ssi::Ssi;
use crate::devices::timer::Timer;
use crate::devices::uart::Uart;
use crate::devices::w5500::W5500;
use crate::devices::watchdog::Watchdog;
use crate::exit::{Fault, Reset};
use crate::memory::{Memory, RAM_START};
use crate::network::Network;
use crate::rom::Rom;
use ota_sim::Flash;
use rp2040_emu::bus::ppb::Ppb;
use rp2040_emu::core::{CoreBus, Nvic};

/// The flash window, and the aliases of it that go around the cache.
pub(crate) const XIP: core::ops::Range<u32> = 0x1000_0000..0x1400_0000;
/// How the W5500 is wired on a W5500-EVB-Pico.
pub(crate) const ETHERNET_SELECT: usize = 17;
pub(crate) const ETHERNET_RESET: usize = 20;
pub(crate) const ETHERNET_INTERRUPT: usize = 21;

/// Everything around the core.
#[derive(Debug, Clone)]
pub(crate) struct Bus {
    /// Nanoseconds since the board was made.
    pub(crate) now: u64,
    /// When some device next has something to do; 0: look at once.
    pub(crate) deadline: u64,
    /// Set when the run has to look at something before the next instruction.
    pub(crate) stop: Option<Stop>,
    pub(crate) reset: Option<Reset>,
    pub(crate) memory: Memory,
    pub(crate) rom: Rom,
    pub(crate) nor: Nor,
    pub(crate) ssi: Ssi,
    /// The cache holds older contents than the chip.
    pub(crate) stale: bool,
    pub(crate) timer: Timer,
    pub(crate) uart: Uart,
    pub(crate) watchdog: Watchdog,
    pub(crate) gpio: Gpio,
    pub(crate) ethernet: W5500,
    pub(crate) network: Network,
    pub(crate) chip_reset: ChipReset,
    pub(crate) power_sequence: PowerSequence,
    pub(crate) core: CoreSide,
    /// The interrupt lines, as of the last time that the devices ran.
    lines: u32,
    resets: Resets,
    sio: Sio,
    spi: Spi,
    pub(crate) dma: Dma,
    adc: Adc,
    clocks: Clocks,
    crystal: Oscillator,
    ring: Oscillator,
    plls: [Oscillator; 2],
    /// Blocks that only remember: SYSCFG, pads, BUSCTRL, the pins of the flash.
    plain: Plain,
}

/// What the core keeps outside of itself.
#[derive(Clone)]
pub(crate) struct CoreSide {
    pub(crate) nvic: Nvic,
    pub(crate) ppb: PpbState,
    pub(crate) event: bool,
    pub(crate) sleeping: bool,
    pub(crate) nothing_at: Option<u32>,
    fault_pending: bool,
    others: Plain,
}

/// The system control block. The crate's own cannot be cloned.
pub(crate) struct PpbState(pub(crate) Ppb);

impl Clone for PpbState {
    fn clone(&self) -> Self {
        let Ppb {
            vtor,
            shpr,
            icsr,
            active,
        } = self.0;
        Self(Ppb {
            vtor,
            shpr,
            icsr,
            active,
        })
    }
}

impl core::fmt::Debug for CoreSide {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CoreSide")
            .field("sleeping", &self.sleeping)
            .finish_non_exhaustive()
    }
}

impl CoreSide {
    pub(crate) fn new() -> Self {
        Self {
            nvic: Nvic::new(),
            ppb: PpbState(Ppb::new()),
            event: false,
            sleeping: false,
            nothing_at: None,
            fault_pending: false,
            others: Plain::default(),
        }
    }
}

impl Bus {
    pub(crate) fn new(flash: Flash) -> Self {
        Self {
            now: 0,
            deadline: 0,
            stop: None,
            reset: None,
            memory: Memory::new(),
            rom: Rom::new(),
            nor: Nor::new(flash),
            ssi: Ssi::command_mode(),
            stale: false,
            timer: Timer::new(0, false),
            uart: Uart::default(),
            watchdog: Watchdog::default(),
            gpio: Gpio::new(),
            ethernet: W5500::new(),
            network: Network::default(),
            chip_reset: ChipReset::Power,
            power_sequence: PowerSequence::default(),
            core: CoreSide::new(),
            lines: 0,
            resets: Resets::new(),
            sio: Sio::default(),
            spi: Spi::default(),
            dma: Dma::default(),
            adc: Adc::default(),
            clocks: Clocks::default(),
            crystal: Oscillator::crystal(),
            ring: Oscillator::ring(),
            plls: [Oscillator::pll(), Oscillator::pll()],
            plain: Plain::default(),
        }
    }

    /// What a reset of the chip does to the devices; memory, watchdog and flash go their own way.
    pub(crate) fn reset_devices(&mut self) {
        self.ssi = Ssi::command_mode();
        self.nor.leave_continuous_read();
        self.stale = false;
        self.timer = Timer::new(self.now, self.watchdog.ticking());
        self.uart = Uart::default();
        self.gpio = Gpio::new();
        self.power_sequence = PowerSequence::default();
        self.core = CoreSide::new();
        self.resets = Resets::new();
        self.sio = Sio::default();
        self.spi = Spi::default();
        self.dma = Dma::default();
        self.adc = Adc::default();
        self.clocks = Clocks::default();
        self.plain = Plain::default();
        self.wire_ethernet();
        self.deadline = 0;
    }

    /// What a reset of the core alone does.
    pub(crate) fn reset_core(&mut self) {
        self.core = CoreSide::new();
        self.ssi = Ssi::command_mode();
        self.nor.leave_continuous_read();
        self.stale = false;
        self.deadline = 0;
    }

    /// Time that the core or a wait took.
    pub(crate) fn spend(&mut self, cycles: u32) {
        self.now += u64::from(cycles) * NS_PER_CYCLE;
    }

    /// Lets the devices do what is due, and finds out when the next of them is.
    pub(crate) fn run_devices(&mut self) {
        self.timer.run_until(self.now);
        self.network.poll(self.now, &mut self.ethernet);
        self.wire_ethernet();
        if self.watchdog.fires().is_some_and(|fires| fires <= self.now) {
            self.reset.get_or_insert(Reset::WatchdogTimeout);
        }
        self.lines = self.device_lines();
        self.deadline = self.next_event().unwrap_or(u64::MAX);
    }

    /// Makes the core's pending interrupts what the devices ask for. A line that stays up while
    /// its handler runs is seen again when the handler is left.
    pub(crate) fn raise_interrupts(&mut self) {
        let active = u32::try_from(self.core.ppb.0.active >> 16 & 0xFFFF_FFFF).unwrap_or(0);
        let pending = &mut self.core.nvic.pending;
        *pending = *pending & !Self::LINES | self.lines & !active;
    }

    /// When something will happen by itself.
    pub(crate) fn next_event(&self) -> Option<u64> {
        [
            self.timer.next_event(),
            self.watchdog.fires(),
            self.network.next_event(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn device_lines(&self) -> u32 {
        self.timer.lines()
            | u32::from(self.dma.line(0)) << 11
            | u32::from(self.dma.line(1)) << 12
            | u32::from(self.gpio.line()) << 13
            | u32::from(self.uart.line()) << 20
    }

    /// The lines that belong to a device here; software may pend the others.
    const LINES: u32 = 0xF | 3 << 11 | 1 << 13 | 1 << 20;

    fn wire_ethernet(&mut self) {
        let levels = self.gpio.levels();
        if levels >> ETHERNET_RESET & 1 == 0 {
            self.ethernet.reset();
        }
        self.ethernet.select(levels >> ETHERNET_SELECT & 1 == 0);
        self.gpio
            .drive(ETHERNET_INTERRUPT, self.ethernet.interrupt_pin());
    }

    pub(crate) fn fail(&mut self, stop: impl Into<Stop>) {
        // The first thing that goes wrong is the one to hear about.
        if self.stop.is_none() {
            self.stop = Some(stop.into());
        }
    }

    fn check<T: Default>(&mut self, result: Result<T, Stop>) -> T {
        result.unwrap_or_else(|stop| {
            self.fail(stop);
            T::default()
        })
    }

    /// Why the flash window cannot be read, if it cannot.
    pub(crate) fn xip_fault(&self, address: u32) -> Option<Fault> {
        if !self.ssi.in_xip() {
            Some(Fault::NotInXip { address })
        } else if self.nor.busy(self.now) {
            Some(Fault::XipWhileBusy { address })
        } else if self.stale {
            Some(Fault::StaleCache { address })
        } else {
            None
        }
    }

    fn read_xip<const N: usize>(&mut self, address: u32) -> [u8; N] {
        if let Some(fault) = self.xip_fault(address) {
            self.fail(fault);
        }
        self.nor.read(address & 0x00FF_FFFF)
    }

    fn nothing(&mut self, address: u32) {
        self.core.nothing_at.get_or_insert(address);
        self.core.fault_pending = true;
    }

    fn load<const N: usize>(&mut self, address: u32) -> [u8; N] {
        match address >> 28 {
            0x0 => self.rom.read(address),
            0x1 if XIP.contains(&address) => self.read_xip(address),
            0x2 => self.memory.read(address).unwrap_or_else(|| {
                self.nothing(address);
                [0; N]
            }),
            _ => {
                let word = self.load_register(address & !3).to_le_bytes();
                let lane = address as usize & 3;
                core::array::from_fn(|i| word[(lane + i) & 3])
            }
        }
    }

    fn store<const N: usize>(&mut self, address: u32, bytes: [u8; N]) {
        match address >> 28 {
            0x1 if XIP.contains(&address) => self.fail(Fault::XipStore { address }),
            0x2 => {
                if !self.memory.write(address, bytes) {
                    self.nothing(address);
                }
            }
            _ => {
                // A narrow store puts its bytes on every lane of the bus.
                let word = u32::from_le_bytes(core::array::from_fn(|i| bytes[i % N]));
                self.store_register(address & !3, word);
            }
        }
    }

    fn load_register(&mut self, address: u32) -> u32 {
        let offset = address & 0xFFF;
        match address >> 24 {
            // XIP_CTRL: the cache is ready, the stream empty.
            0x14 => match offset {
                0x00 => 0b11,
                0x08 => 0b011,
                _ => 0,
            },
            0x18 => {
                let read = self.ssi.read(offset, &mut self.nor, self.now);
                self.check(read)
            }
            0x40 => self.load_peripheral(address & 0x400F_FFFF),
            0x50 if address & 0x00F0_0000 == 0 => self.dma.read(offset),
            0xD0 => match self.gpio.read_sio(offset) {
                Some(value) => value,
                None => self.sio.read(offset),
            },
            0xE0 => self.load_private(address),
            0x50 => {
                self.fail(Fault::NotModelled { address });
                0
            }
            _ => {
                self.nothing(address);
                0
            }
        }
    }

    fn load_peripheral(&mut self, address: u32) -> u32 {
        let (block, offset) = (address & 0xF_C000, address & 0xFFF);
        self.must_run(block, address);
        match block {
            // SYSINFO: an RP2040 B2, and real.
            0x0_0000 if offset == 0 => 0x2000_2927,
            0x0_0000 | 0x6_C000 => 2,
            0x0_8000 => self.clocks.read(offset),
            0x0_C000 => self.resets.read(offset),
            0x1_0000 => self.power_sequence.read(offset),
            0x1_4000 => self.gpio.read(offset),
            0x2_4000 => self.crystal.read(offset),
            0x2_8000 => self.plls[0].read(offset),
            0x2_C000 => self.plls[1].read(offset),
            0x3_4000 => {
                // What is read may take an interrupt away.
                self.deadline = 0;
                self.uart.read(offset)
            }
            0x3_C000 => self.spi.read(offset),
            0x4_C000 => self.adc.read(offset),
            0x5_4000 => self.timer.read(offset, self.now),
            0x5_8000 => self.watchdog.read(offset, self.now),
            0x6_0000 if offset == 0x1C => self.ring.random_bit(),
            0x6_0000 => self.ring.read(offset),
            0x6_4000 => self.chip_reset.read(offset),
            _ => {
                self.must_be_plain(block, address);
                self.plain.read(block | offset)
            }
        }
    }

    fn store_register(&mut self, address: u32, value: u32) {
        let offset = address & 0xFFF;
        match address >> 24 {
            0x14 => self.stale &= offset != 0x04,
            0x18 => {
                let done = self.ssi.write(offset, value, &mut self.nor, self.now);
                self.check(done);
            }
            0x40 => self.store_peripheral(address & 0x400F_FFFF, value),
            0x50 if address & 0x00F0_0000 == 0 => {
                self.dma.write(offset, value);
                self.run_dma();
            }
            0xD0 => {
                if self.gpio.write_sio(offset, value) {
                    self.wire_ethernet();
                } else {
                    self.sio.write(offset, value);
                }
            }
            0xE0 => self.store_private(address, value),
            0x50 => self.fail(Fault::NotModelled { address }),
            _ => self.nothing(address),
        }
        // A device may have something to do earlier now.
        self.deadline = 0;
    }

    /// Registers of these blocks exist four times: as they are, to toggle, to set, to clear.
    fn store_peripheral(&mut self, address: u32, value: u32) {
        let plain = address & !0x3000;
        let value = match address >> 12 & 3 {
            0 => value,
            1 => self.load_peripheral(plain) ^ value,
            2 => self.load_peripheral(plain) | value,
            _ => self.load_peripheral(plain) & !value,
        };
        let (block, offset) = (plain & 0xF_C000, plain & 0xFFF);
        self.must_run(block, address);
        match block {
            0x0_0000 | 0x6_4000 | 0x6_C000 => {}
            0x0_8000 => self.clocks.write(offset, value),
            0x0_C000 => self.hold_in_reset(offset, value),
            0x1_0000 => self.power_sequence.write(offset, value),
            0x1_4000 => self.gpio.write(offset, value),
            0x1_8000 => self.write_flash_pins(offset, value),
            0x2_4000 => self.crystal.write(offset, value),
            0x2_8000 => self.plls[0].write(offset, value),
            0x2_C000 => self.plls[1].write(offset, value),
            0x3_4000 => self.uart.write(offset, value),
            0x3_C000 => {
                let ethernet = &mut self.ethernet;
                self.spi
                    .write(offset, value, |byte| ethernet.exchange(byte));
                self.wire_ethernet();
            }
            0x4_C000 => self.adc.write(offset, value),
            0x5_4000 => self.timer.write(offset, value, self.now),
            0x5_8000 => self.write_watchdog(offset, value),
            0x6_0000 => self.ring.write(offset, value),
            _ => {
                self.must_be_plain(block, address);
                self.plain.write(block | offset, value);
            }
        }
    }

    /// A device that is held in reset does not answer.
    fn must_run(&mut self, block: u32, address: u32) {
        let bit = match block {
            0x1_4000 => bit::IO_BANK0,
            0x1_C000 => bit::PADS_BANK0,
            0x3_4000 => bit::UART0,
            0x3_C000 => bit::SPI0,
            0x4_C000 => bit::ADC,
            0x5_4000 => bit::TIMER,
            _ => return,
        };
        if self.resets.is_held(bit) {
            self.fail(Fault::HeldInReset { address });
        }
    }

    /// SYSCFG, the pins of the flash, the pads and BUSCTRL need only remember. Others would have
    /// to do something, and do not exist here.
    fn must_be_plain(&mut self, block: u32, address: u32) {
        if !matches!(block, 0x0_4000 | 0x1_8000 | 0x1_C000 | 0x2_0000 | 0x3_0000) {
            self.fail(Fault::NotModelled { address });
        }
    }

    fn hold_in_reset(&mut self, offset: u32, value: u32) {
        let entered = self.resets.write(offset, value);
        if entered >> bit::IO_BANK0 & 1 != 0 {
            self.gpio.reset_functions();
        }
        if entered >> bit::TIMER & 1 != 0 {
            self.timer = Timer::new(self.now, self.watchdog.ticking());
        }
        if entered >> bit::UART0 & 1 != 0 {
            self.uart = Uart::default();
        }
        if entered >> bit::SPI0 & 1 != 0 {
            self.spi = Spi::default();
        }
        if entered >> bit::ADC & 1 != 0 {
            self.adc = Adc::default();
        }
        if entered >> bit::DMA & 1 != 0 {
            self.dma = Dma::default();
        }
    }

    fn write_flash_pins(&mut self, offset: u32, value: u32) {
        self.plain.write(0x1_8000 | offset, value);
        if offset == 0x0C {
            let done = self.ssi.override_select(value, &mut self.nor, self.now);
            self.check(done);
        }
    }

    fn write_watchdog(&mut self, offset: u32, value: u32) {
        if self.watchdog.write(offset, value, self.now) {
            self.reset.get_or_insert(Reset::WatchdogForced);
        }
        self.timer.set_ticking(self.watchdog.ticking(), self.now);
    }

    /// Moves everything that can be moved now.
    fn run_dma(&mut self) {
        while self.dma.is_active() {
            let mut moved = false;
            for channel in 0..crate::devices::dma::CHANNELS {
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
        let somebody_receives = (0..crate::devices::dma::CHANNELS)
            .any(|channel| self.dma.next(channel).and_then(|next| next.request) == Some(17));
        match request {
            None | Some(20) => true,
            // Without a channel that receives, what comes back is lost.
            Some(16) => self.spi.has_room() || !somebody_receives,
            Some(17) => self.spi.has_received(),
            _ => false,
        }
    }

    fn load_private(&self, address: u32) -> u32 {
        let nvic = &self.core.nvic;
        match address & 0xFFFF {
            0xE100 | 0xE180 => nvic.enabled,
            0xE200 | 0xE280 => nvic.pending,
            register @ 0xE400..=0xE41C => {
                let first = register as usize - 0xE400;
                u32::from_le_bytes(core::array::from_fn(|i| nvic.priority[first + i]))
            }
            register @ 0xED00..=0xED3F => self.core.ppb.0.read32(register),
            register => self.core.others.read(register),
        }
    }

    fn store_private(&mut self, address: u32, value: u32) {
        let nvic = &mut self.core.nvic;
        match address & 0xFFFF {
            // SysTick: nobody counts, so nobody may rely on it.
            0xE010 if value & 1 != 0 => self.fail(Fault::NotModelled { address }),
            0xE100 => nvic.enabled |= value,
            0xE180 => nvic.enabled &= !value,
            0xE200 => nvic.pending |= value,
            0xE280 => nvic.pending &= !value,
            register @ 0xE400..=0xE41C => {
                let first = register as usize - 0xE400;
                for (i, byte) in value.to_le_bytes().into_iter().enumerate() {
                    nvic.priority[first + i] = byte & 0xC0;
                }
            }
            // AIRCR with its key, and SYSRESETREQ.
            0xED0C if value >> 16 == 0x05FA && value & 1 << 2 != 0 => {
                self.reset.get_or_insert(Reset::System);
            }
            register @ 0xED00..=0xED3F => self.core.ppb.0.write32(register, value),
            register => self.core.others.write(register, value),
        }
    }
}

impl CoreBus for Bus {
    fn read8(&mut self, address: u32) -> u8 {
        u8::from_le_bytes(self.load(address))
    }
    fn read16(&mut self, address: u32) -> u16 {
        u16::from_le_bytes(self.load(address))
    }
    fn read32(&mut self, address: u32) -> u32 {
        if address >> 28 == RAM_START >> 28
            && let Some(bytes) = self.memory.read(address)
        {
            return u32::from_le_bytes(bytes);
        }
        u32::from_le_bytes(self.load(address))
    }
    fn write8(&mut self, address: u32, value: u8) {
        self.store(address, value.to_le_bytes());
    }
    fn write16(&mut self, address: u32, value: u16) {
        self.store(address, value.to_le_bytes());
    }
    fn write32(&mut self, address: u32, value: u32) {
        self.store(address, value.to_le_bytes());
    }
    fn set_active_pc(&mut self, _: u32) {}
    fn bus_fault(&self) -> bool {
        self.core.fault_pending
    }
    fn bus_fault_addr(&self) -> u32 {
        self.core.nothing_at.unwrap_or(0)
    }
    fn clear_bus_fault(&mut self) {
        self.core.fault_pending = false;
    }
    fn ppb(&self, _: usize) -> &Ppb {
        &self.core.ppb.0
    }
    fn ppb_mut(&mut self, _: usize) -> &mut Ppb {
        &mut self.core.ppb.0
    }
    fn nvic(&self, _: usize) -> &Nvic {
        &self.core.nvic
    }
    fn nvic_mut(&mut self, _: usize) -> &mut Nvic {
        &mut self.core.nvic
    }
    fn active_core(&self) -> usize {
        0
    }
    fn event_flag(&self, _: usize) -> bool {
        self.core.event
    }
    fn consume_event_flag(&mut self, _: usize) -> bool {
        core::mem::take(&mut self.core.event)
    }
    fn set_wfe_waiting(&mut self, _: usize, sleeping: bool) {
        self.core.sleeping = sleeping;
    }
    fn signal_sev(&mut self) {
        self.core.event = true;
    }
}
