//! A flash in a file: what survives the process.

mod common;

use common::{pattern, read};
use ota_sim::{Config, Cut, Flash, FlashError, OnViolation, Tear};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

const CONFIG: Config = Config::new(8192, 8, 1024);

/// An empty directory of this test's own, gone at the end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ota-sim-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn flash(&self) -> PathBuf {
        self.0.join("flash.bin")
    }

    fn open(&self) -> Flash {
        Flash::open_file(self.flash(), CONFIG).unwrap()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_missing_file_becomes_a_blank_flash() {
    let dir = Dir::new("missing");
    assert_eq!(dir.open().bytes(), [0xFF; 8192]);
    assert_eq!(std::fs::read(dir.flash()).unwrap(), [0xFF; 8192]);
}

#[test]
fn the_file_is_the_contents_after_every_call() {
    let dir = Dir::new("contents");
    let mut flash = dir.open();
    let same = |flash: &Flash| assert_eq!(std::fs::read(dir.flash()).unwrap(), flash.bytes());
    flash.program(512, &pattern(1, 2048)).unwrap();
    same(&flash);
    flash.erase(1024, 2048).unwrap();
    same(&flash);
    flash.corrupt(520, 0);
    same(&flash);
    flash.load(4090, b"across units");
    same(&flash);
    flash.cut_at(2, 3);
    flash.program(5120, &pattern(2, 512)).unwrap_err();
    same(&flash);
    drop(flash);
    same(&dir.open());
}

#[test]
fn programmed_words_are_still_programmed_after_opening() {
    let dir = Dir::new("programmed");
    dir.open().program(8, &[1; 8]).unwrap();
    let mut flash = dir.open();
    flash.on_violation(OnViolation::Record);
    assert_eq!(flash.program(8, &[1; 8]), Err(FlashError::ProgrammedTwice));
    flash.program(16, &[1; 8]).unwrap();
}

#[test]
fn every_torn_state_is_the_same_in_a_file_as_in_memory() {
    for config in [CONFIG, CONFIG.with_ecc(), CONFIG.with_erased(0)] {
        for tear in Tear::ALL.into_iter().chain((0..60).map(Tear::Random)) {
            for erase in [false, true] {
                let dir = Dir::new("torn");
                let mut memory = Flash::new(config);
                let mut file = Flash::open_file(dir.flash(), config).unwrap();
                for flash in [&mut memory, &mut file] {
                    flash.program(0, &pattern(3, 512)).unwrap();
                    flash.arm(Cut::new(1, tear));
                    let bytes = pattern(4, 256);
                    let done = if erase {
                        flash.erase(0, 1024)
                    } else {
                        flash.program(896, &bytes)
                    };
                    assert_eq!(done, Err(FlashError::PowerCut));
                }
                drop(file);
                for _ in 0..4 {
                    memory.power_up();
                    let mut file = Flash::open_file(dir.flash(), config).unwrap();
                    assert_eq!(file.bytes(), memory.bytes(), "{tear}");
                    for at in (0..2048).step_by(8) {
                        let (left, right) = (read(&mut file, at, 8), read(&mut memory, at, 8));
                        assert_eq!(left, right, "{tear} at {at}");
                    }
                    let (mut file, mut memory) = (file.clone(), memory.clone());
                    for at in (0..2048).step_by(8) {
                        file.on_violation(OnViolation::Record);
                        memory.on_violation(OnViolation::Record);
                        let (left, right) =
                            (file.program(at, &[7; 8]), memory.program(at, &[7; 8]));
                        assert_eq!(left, right, "{tear} at {at}");
                    }
                }
            }
        }
    }
}

#[test]
fn an_erase_forgets_the_torn_cells_and_their_file() {
    let dir = Dir::new("forget");
    let cells = dir.0.join("flash.bin.cells");
    let mut flash = dir.open();
    flash.arm(Cut::new(1, Tear::BlankWeak));
    flash.program(0, &[1; 8]).unwrap_err();
    assert!(cells.exists());
    let mut flash = dir.open();
    assert_eq!(flash.program(0, &[1; 8]), Err(FlashError::ProgramFailed));
    flash.erase(0, 1024).unwrap();
    assert!(!cells.exists());
    flash.program(0, &[1; 8]).unwrap();
}

#[test]
fn a_clone_leaves_the_file_alone() {
    let dir = Dir::new("clone");
    let flash = dir.open();
    flash.clone().program(0, &[1; 8]).unwrap();
    assert_eq!(std::fs::read(dir.flash()).unwrap(), [0xFF; 8192]);
}

#[test]
fn files_that_do_not_fit_are_refused() {
    let dir = Dir::new("refused");
    std::fs::write(dir.flash(), [0xFF; 8191]).unwrap();
    let error = Flash::open_file(dir.flash(), CONFIG).unwrap_err();
    assert_eq!(error.to_string(), "the flash file has 8191 bytes, not 8192");
    std::fs::write(dir.flash(), [0xFF; 8192]).unwrap();
    let header = "ota-sim cells 1\n";
    for bad in [
        String::new(),
        "something else\n".into(),
        format!("{header}unit 8 00\n"),
        format!("{header}unit 0 00\n"),
        format!("{header}unit 0 {}\n", "0".repeat(255)),
        format!("{header}unit 0 {}\n", "é".repeat(256)),
        format!("{header}moving 8190 1 1 000000\n"),
        format!("{header}moving 4294967295 1 1 00\n"),
        format!("{header}other\n"),
    ] {
        std::fs::write(dir.0.join("flash.bin.cells"), &bad).unwrap();
        assert!(Flash::open_file(dir.flash(), CONFIG).is_err(), "{bad}");
    }
    assert!(Flash::open_file(dir.0.join("no/such/dir"), CONFIG).is_err());
}

/// The victim of the test below: counts up in the flash and says so, until it is killed.
fn victim(path: OsString) -> ! {
    let mut flash = Flash::open_file(path, CONFIG).unwrap();
    let mut count = newest(&flash);
    loop {
        count += 1;
        let at = place(count);
        if at.is_multiple_of(1024) {
            flash.erase(at, at + 1024).unwrap();
        }
        flash.program(at, &record(count)).unwrap();
        println!("wrote {count}");
        std::io::stdout().flush().unwrap();
    }
}

/// Each unit begins with an erase, so the oldest eighth is always missing.
fn place(count: u64) -> u32 {
    u32::try_from(count * 8 % 8192).unwrap()
}

fn record(count: u64) -> [u8; 8] {
    (count << 32 | !count & 0xFFFF_FFFF).to_le_bytes()
}

fn newest(flash: &Flash) -> u64 {
    let counts = flash.bytes().chunks(8).filter_map(|word| {
        let count = u64::from_le_bytes(word.try_into().unwrap()) >> 32;
        (record(count) == word).then_some(count)
    });
    counts.max().unwrap_or(0)
}

#[test]
fn killing_the_process_loses_nothing_that_was_acknowledged() {
    // The same test in another process is the one to be killed.
    if let Some(path) = std::env::var_os("OTA_SIM_VICTIM") {
        victim(path);
    }
    let name = "killing_the_process_loses_nothing_that_was_acknowledged";
    let dir = Dir::new("killed");
    let mut acknowledged = 0;
    for round in 0..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture", "--test-threads=1"])
            .env("OTA_SIM_VICTIM", dir.flash())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut counts = lines.filter_map(|line| line.ok()?.split("wrote ").nth(1)?.parse().ok());
        let first: u64 = counts.next().expect("the victim writes");
        assert!(first > acknowledged, "it went on where it was, or after");
        acknowledged = counts.by_ref().take(97 + 50 * round).last().unwrap();
        child.kill().unwrap();
        acknowledged = counts.last().unwrap_or(acknowledged);
        assert!(!child.wait().unwrap().success());
        let found = newest(&dir.open());
        assert!(
            (acknowledged..=acknowledged + 1).contains(&found),
            "{acknowledged} {found}"
        );
    }
    assert!(acknowledged > 2048, "the flash was filled more than once");
}
