//! The board: what a test builds, runs, cuts the power of, and looks at.

use crate::bus::Bus;
use crate::cpu::{Cpu, Event};
use crate::devices::nor::Stop;
use crate::devices::resets::ChipReset;
use crate::devices::watchdog::{REASON_FORCE, REASON_TIMER, Watchdog};
use crate::exit::{Exit, Fault, Reset};
use crate::log::{Line, Log};
use crate::memory::Memory;
use crate::network::Forwards;
use crate::{rom, rtt};
use ota_sim::{Cut, Flash, Tear};
use rp2040_emu::core::CoreBus as _;

/// How often the logs are collected, in instructions.
const COLLECT: u64 = 8192;
/// How often RAM is searched for log buffers that no ELF file told of, in collections.
const SEARCH: u64 = 64;

/// What the boot ROM takes until it jumps to the second stage, in nanoseconds.
const BOOT_ROM_NS: u64 = 5_000_000;

/// What the board is doing between two runs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Runs,
    /// It will not go on by itself; every run says the same.
    Stopped(Exit),
}

/// A W5500-EVB-Pico: an RP2040 with its flash chip and a W5500 Ethernet chip, in software.
///
/// A clone is a snapshot of all of it; what a clone does not have is the network connections
/// that were open, which break as if the peer had restarted.
#[derive(Debug, Clone)]
pub struct Board {
    cpu: Cpu,
    bus: Bus,
    log: Log,
    state: State,
    instructions: u64,
    /// The flash contents that the core has decoded.
    generation: u64,
    /// RTT control blocks that were found in RAM.
    found: Vec<u32>,
    /// Lines that [`run_until`](Self::run_until) has looked at.
    looked_at: usize,
    delivers_hard_faults: bool,
    stops_before_flash: bool,
    /// The flash call that the run stopped before is to be made now.
    calls_flash: bool,
    locked_up: bool,
}

impl Board {
    /// A board whose flash chip holds what `flash` does, switched on.
    ///
    /// # Panics
    /// If the flash is not such a chip: see [`flash`](crate::flash).
    #[must_use]
    pub fn new(flash: Flash) -> Self {
        let mut board = Self {
            cpu: Cpu::starting_at(0, 0),
            bus: Bus::new(flash),
            log: Log::default(),
            state: State::Runs,
            instructions: 0,
            generation: 0,
            found: Vec::new(),
            looked_at: 0,
            delivers_hard_faults: false,
            stops_before_flash: false,
            calls_flash: false,
            locked_up: false,
        };
        board.boot();
        board
    }

    /// Runs `limit` instructions, or until something ends the run earlier. Sleeping costs an
    /// instruction for each thing that happens meanwhile.
    pub fn run(&mut self, limit: u64) -> Exit {
        let exit = self.go(limit, None);
        self.collect();
        exit
    }

    /// Runs until a line is logged that holds `text`, through resets, for `limit` instructions
    /// at most. A line that was logged before the call does not count.
    pub fn run_until(&mut self, text: &str, limit: u64) -> Exit {
        self.collect();
        self.looked_at = self.log.lines().len();
        let end = self.instructions.saturating_add(limit);
        loop {
            let exit = self.go(end.saturating_sub(self.instructions), Some(text));
            self.collect();
            if self.seen(text) {
                return Exit::Seen;
            }
            if !matches!(exit, Exit::Reset(_)) {
                return exit;
            }
        }
    }

    /// Runs until the firmware is about to erase or program flash through the boot ROM, which
    /// answers [`Exit::FlashCall`]; the next run makes the call. What a sweep forks at.
    pub fn run_to_flash_call(&mut self, limit: u64) -> Exit {
        self.stops_before_flash = true;
        let exit = self.run(limit);
        self.stops_before_flash = false;
        exit
    }

    fn go(&mut self, limit: u64, text: Option<&str>) -> Exit {
        if let State::Stopped(exit) = &self.state {
            return exit.clone();
        }
        let end = self.instructions.saturating_add(limit);
        while self.instructions < end {
            if let Some(exit) = self.step() {
                return exit;
            }
            self.instructions += 1;
            if self.instructions.is_multiple_of(COLLECT) {
                self.collect();
                if text.is_some_and(|text| self.seen(text)) {
                    return Exit::Seen;
                }
            }
        }
        Exit::Limit
    }

    fn step(&mut self) -> Option<Exit> {
        let exit = if self.locked_up {
            self.wait_locked_up()
        } else if self.bus.core.sleeping || self.cpu.is_halted() {
            self.sleep()
        } else {
            self.execute()
        };
        match exit {
            Some(exit) => Some(exit),
            None => self.settle(),
        }
    }

    /// One instruction.
    fn execute(&mut self) -> Option<Exit> {
        let pc = self.cpu.pc();
        match pc >> 28 {
            0 => {
                if self.serve_rom(pc) {
                    return Some(Exit::FlashCall);
                }
            }
            1 => {
                if let Some(fault) = self.bus.xip_fault(pc) {
                    self.bus.fail(fault);
                    return None;
                }
            }
            _ => self.bus.memory.execute(pc),
        }
        let (cycles, event) = self.cpu.step(&mut self.bus);
        self.bus.spend(cycles);
        match event {
            Event::HardFault if !self.delivers_hard_faults => {
                let fault = self.cpu.hard_fault(&mut self.bus);
                self.bus.fail(fault);
            }
            Event::HardFault => self.bus.core.nothing_at = None,
            Event::LockedUp => self.locked_up = true,
            Event::None | Event::Waits => {}
        }
        None
    }

    /// Serves a function of the boot ROM; true: not yet, the run is to stop before it.
    fn serve_rom(&mut self, pc: u32) -> bool {
        if self.stops_before_flash && !self.calls_flash && rom::changes_flash(pc) {
            self.calls_flash = true;
            return true;
        }
        self.calls_flash = false;
        if let Some(result) = rom::serve(&mut self.bus, pc, self.cpu.arguments()) {
            self.cpu.set_result(result);
        }
        false
    }

    /// What follows from the instruction: devices, caches, faults, resets.
    fn settle(&mut self) -> Option<Exit> {
        if self.bus.now >= self.bus.deadline {
            self.bus.run_devices();
        }
        self.bus.raise_interrupts();
        if let Some(addresses) = self.bus.memory.take_changed_code() {
            self.cpu.forget_code(&addresses);
        }
        if self.generation != self.bus.nor.generation() {
            self.generation = self.bus.nor.generation();
            self.cpu.forget_flash();
            self.bus.stale = true;
        }
        if let Some(stop) = self.bus.stop.take() {
            return Some(self.stop(match stop {
                Stop::PowerCut => Exit::PowerCut,
                Stop::Fault(fault) => Exit::Fault(fault),
            }));
        }
        let reset = self.bus.reset.take()?;
        Some(self.reset(reset))
    }

    fn stop(&mut self, exit: Exit) -> Exit {
        self.state = State::Stopped(exit.clone());
        exit
    }

    /// Wakes the core if there is a reason to, or lets time pass until the next thing happens.
    fn sleep(&mut self) -> Option<Exit> {
        let core = &mut self.bus.core;
        let interrupted = core.nvic.pending_and_enabled() != 0;
        if interrupted || (core.sleeping && core.event) {
            core.event &= interrupted;
            core.sleeping = false;
            self.cpu.wake();
            return None;
        }
        if self.bus.deadline <= self.bus.now {
            // Somebody has just changed something: the devices say what follows.
            return None;
        }
        let Some(next) = self.bus.next_event() else {
            return Some(Exit::Asleep);
        };
        let most = next.saturating_sub(self.bus.now);
        self.bus.now += if self.bus.network.has_connections() {
            self.bus.network.wait(most)
        } else {
            most
        };
        self.bus.deadline = 0;
        None
    }

    /// Nothing but the watchdog ends a lock-up.
    fn wait_locked_up(&mut self) -> Option<Exit> {
        let Some(fires) = self.bus.watchdog.fires() else {
            let pc = self.cpu.pc();
            return Some(self.stop(Exit::LockedUp { pc }));
        };
        self.bus.now = self.bus.now.max(fires);
        self.bus.deadline = 0;
        None
    }

    fn reset(&mut self, cause: Reset) -> Exit {
        let reason = match cause {
            Reset::WatchdogTimeout => Some(REASON_TIMER),
            Reset::WatchdogForced => Some(REASON_FORCE),
            Reset::System => None,
        };
        if reason.is_some() && !self.bus.power_sequence.watchdog_resets_core() {
            return self.stop(Exit::Fault(Fault::WatchdogSelectsNothing));
        }
        self.collect();
        self.log.note(self.bus.now, format!("reset: {cause}"));
        match reason {
            Some(reason) => {
                self.bus.watchdog = self.bus.watchdog.after_reset(reason);
                self.bus.reset_devices();
            }
            // The core resets itself and nothing else: not even the watchdog stops.
            None => self.bus.reset_core(),
        }
        self.boot();
        Exit::Reset(cause)
    }

    /// What the boot ROM does: leave the continuous read, fetch the second stage, jump there.
    fn boot(&mut self) {
        self.log.cut_off();
        self.bus.network.forget_connections();
        self.locked_up = false;
        self.calls_flash = false;
        self.bus.stop = None;
        self.bus.reset = None;
        self.generation = self.bus.nor.generation();
        self.bus.now += BOOT_ROM_NS;
        self.cpu = Cpu::starting_at(rom::SECOND_STAGE, rom::SECOND_STAGE);
        self.state = if rom::load_second_stage(&mut self.bus) {
            State::Runs
        } else {
            State::Stopped(Exit::NoSecondStage)
        };
    }

    /// The power comes back after a cut; if it was on, it goes for a moment. Everything but the
    /// contents of the flash starts anew, RAM with rubbish in it.
    pub fn power_up(&mut self) {
        self.collect();
        self.bus.nor.power_up();
        self.cold_start(ChipReset::Power);
        self.bus.memory = Memory::new();
        self.log.note(self.bus.now, "power on");
        self.boot();
    }

    /// Pulls the RUN pin low for a moment: the whole chip is reset, RAM keeps its contents.
    pub fn press_reset(&mut self) {
        self.collect();
        self.cold_start(ChipReset::RunPin);
        self.log.note(self.bus.now, "reset: RUN pin");
        self.boot();
    }

    fn cold_start(&mut self, cause: ChipReset) {
        self.bus.chip_reset = cause;
        self.bus.watchdog = Watchdog::default();
        self.bus.ethernet.reset();
        self.bus.reset_devices();
    }

    /// Starts at a vector table (in flash or RAM) instead of where the boot ROM would, with the
    /// flash readable and all else as after a power-up.
    pub fn start_at(&mut self, vectors: u32) {
        self.bus.ssi.enter_slow_xip(&self.bus.nor);
        let [sp, entry] = [0, 4].map(|offset| self.bus.read32(vectors + offset));
        self.bus.core.ppb.0.vtor = vectors;
        self.cpu = Cpu::starting_at(entry, sp);
        self.state = State::Runs;
    }

    /// Plugs the W5500 into a network with one host, 10.0.2.2/24: what the firmware opens to a
    /// port there is a TCP connection to that port of 127.0.0.1, or to the one that `forwards`
    /// names. There is no DHCP: the firmware takes any other address of 10.0.2.0/24.
    pub fn attach_network(&mut self, forwards: Forwards) {
        self.bus.network.attach(forwards);
    }

    /// Plugs the network cable in or out.
    pub fn set_link(&mut self, up: bool) {
        self.bus.ethernet.set_link(up);
        self.bus.deadline = 0;
    }

    /// Learns to decode the `defmt` logs of the firmware in an ELF file. May be called for
    /// several, as bootloader and application are.
    ///
    /// # Errors
    /// If the file is no ELF, or its firmware does not log with `defmt` over RTT.
    pub fn load_defmt(&mut self, elf: &[u8]) -> anyhow::Result<()> {
        self.log.load_defmt(elf)
    }

    /// The power goes in the `operation`-th flash operation from now (1 is the next one), which
    /// is torn as `tear` says. A page that is programmed is one operation, and each sector that
    /// is erased. Replaces what was armed.
    pub fn cut_at(&mut self, operation: u64, tear: Tear) {
        self.edit_flash(|flash| flash.arm(Cut::new(operation, tear)));
    }

    /// The flash: its contents, counters, and the cuts so far.
    #[must_use]
    pub const fn flash(&self) -> &Flash {
        self.bus.nor.flash()
    }

    /// Changes the flash from outside: programs it, protects ranges, arms cuts.
    pub fn edit_flash<R>(&mut self, change: impl FnOnce(&mut Flash) -> R) -> R {
        let result = self.bus.nor.edit(change);
        self.generation = self.bus.nor.generation();
        self.cpu.forget_flash();
        result
    }

    /// Flash operations so far: pages programmed and sectors erased, torn ones included.
    #[must_use]
    pub const fn operations(&self) -> u64 {
        self.flash().operations()
    }

    /// A copy of the whole board. The same as `clone`.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        self.clone()
    }

    /// Everything that was logged so far.
    #[must_use]
    pub fn logs(&self) -> &[Line] {
        self.log.lines()
    }

    /// Whether any line logged so far holds `text`.
    #[must_use]
    pub fn has_logged(&self, text: &str) -> bool {
        self.logs().iter().any(|line| line.text.contains(text))
    }

    /// Microseconds of the board's time since it was made.
    #[must_use]
    pub const fn now(&self) -> u64 {
        self.bus.now / 1000
    }

    /// Instructions executed so far.
    #[must_use]
    pub const fn instructions(&self) -> u64 {
        self.instructions
    }

    /// The address of the next instruction.
    #[must_use]
    pub fn pc(&self) -> u32 {
        self.cpu.pc()
    }

    /// A word of RAM.
    #[must_use]
    pub fn word(&self, address: u32) -> Option<u32> {
        self.bus.memory.read(address).map(u32::from_le_bytes)
    }

    /// Whether the firmware drives this pin high.
    ///
    /// # Panics
    /// If there is no such pin.
    #[must_use]
    pub fn pin(&self, pin: usize) -> bool {
        self.bus.gpio.output(pin)
    }

    /// Drives a pin from outside. A pin that nobody drives is high.
    pub fn drive(&mut self, pin: usize, high: bool) {
        self.bus.gpio.drive(pin, high);
        self.bus.deadline = 0;
    }

    /// Sends bytes to UART0 of the firmware.
    pub fn send_uart(&mut self, bytes: &[u8]) {
        self.bus.uart.feed(bytes);
        self.bus.deadline = 0;
    }

    /// Whether a hard fault is delivered to the firmware's handler, as on silicon. By default it
    /// ends the run: in a test it is a mistake unless the test says otherwise.
    pub const fn deliver_hard_faults(&mut self, deliver: bool) {
        self.delivers_hard_faults = deliver;
    }

    /// Whether `text` is in a line that was not looked at before.
    fn seen(&mut self, text: &str) -> bool {
        let new = self.log.lines().get(self.looked_at..).unwrap_or_default();
        let seen = new.iter().any(|line| line.text.contains(text));
        self.looked_at = self.log.lines().len();
        seen
    }

    /// Takes what the firmware has logged out of its buffers.
    fn collect(&mut self) {
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
                self.log.rtt(now, block, self.cpu.pc(), &bytes);
            }
        }
    }
}
