//! The server at the end of a cable: a pseudo-terminal.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use embedded_io_adapters::std::FromStd;
use ota_bootloader::{Decision, Index, ResetCause};
use ota_client::blocking::Timer;
use ota_client::{Config, Download, Outcome, RunError};
use ota_serial::{Blocking, Patience, SerialError, SerialSource};
use ota_testkit::{Geometry, Release, Rig, random_image};
use serialport::{SerialPort, TTYPort};

use crate::bench::Bench;

const CONFIG: Config = Config {
    backoff_initial_ms: 1,
    backoff_max_ms: 1,
    retries: 1,
    ..Config::DEFAULT
};

/// A cable: this end of it, and the name of the other.
struct Cable {
    here: TTYPort,
    /// Stays open, so that the line outlives the server.
    _there: TTYPort,
    name: String,
}

impl Cable {
    fn new() -> Self {
        let (mut here, there) = TTYPort::pair().expect("a pseudo-terminal");
        here.set_timeout(Duration::from_millis(500))
            .expect("a time-out");
        let name = there.name().expect("it has one");
        Self {
            here,
            _there: there,
            name,
        }
    }
}

/// The tool, serving.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
    }
}

impl Serving {
    fn start(bench: &Bench, name: &str) -> Self {
        let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("ota"))
            .args(["serve", ".", "--serial", name])
            .current_dir(bench.path("."))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        stdout.read_line(&mut line).expect("a line");
        assert_eq!(line.trim(), name);
        Self(child)
    }

    /// Ends it, and returns its log.
    fn end(mut self) -> String {
        self.0.kill().expect("it runs");
        let stderr = self.0.stderr.take().expect("piped");
        self.0.wait().expect("it ends");
        io::read_to_string(stderr).expect("text")
    }
}

/// The time of this machine, from its start.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl ota_client::blocking::Clock for Clock {
    fn now_ms(&mut self) -> u32 {
        u32::try_from(self.0.elapsed().as_millis()).expect("a short test")
    }
}

impl embedded_hal::delay::DelayNs for Clock {
    fn delay_ns(&mut self, ns: u32) {
        std::thread::sleep(Duration::from_nanos(ns.into()));
    }
}

fn release() -> Release {
    Release::new(2, random_image(30_000, 2), 1024)
}

fn device() -> Rig {
    let mut rig = Rig::new(Geometry::small(8));
    rig.provision(&Release::new(1, random_image(3000, 1), 1024).package());
    rig.approve(&release().image);
    assert!(matches!(rig.boot(ResetCause::Power), Decision::Boot(_)));
    rig
}

fn download(
    rig: &mut Rig,
    line: &mut (impl Read + Write),
    name: &str,
) -> Result<(), RunError<SerialError>> {
    let (mut block, mut chunk) = ([0; 512 + 22], [0; 1024]);
    let (port, clock) = (Blocking(FromStd::new(line)), Clock(Instant::now()));
    let source = SerialSource::new(port, Timer(clock), name, &mut block)
        .expect("usable")
        .with_patience(Patience {
            tries: 8,
            ..Patience::DEFAULT
        });
    rig.updater(|updater, anchors| {
        let mut download = Download::new(CONFIG, &mut chunk);
        match ota_client::blocking::run(&mut download, updater, anchors, source, clock)? {
            Outcome::Staged(image) => updater.request(image).expect("taken"),
            other => panic!("{other:?}"),
        }
        Ok(())
    })
    .expect("the journal is there")
}

#[test]
fn a_release_comes_over_a_cable_and_each_request_is_logged() {
    let (bench, mut cable, mut rig) = (Bench::new(), Cable::new(), device());
    bench.write("app.ota", &release().package());
    let serving = Serving::start(&bench, &cable.name);
    download(&mut rig, &mut cable.here, "app.ota").expect("it comes");
    let decision = rig.boot(ResetCause::Software);
    assert!(matches!(decision, Decision::Boot(start) if start.trial));
    assert!(rig.holds(Index::Zero, 0, &release().image));
    let log = serving.end();
    assert!(
        log.contains(&format!("{} app.ota 0 512\n", cable.name)),
        "{log}"
    );
}

#[test]
fn a_server_that_comes_back_finds_the_download_where_it_was() {
    let (bench, mut cable, mut rig) = (Bench::new(), Cable::new(), device());
    let package = release().package();
    bench.write("app.ota", &package);
    let mut port = Interrupted {
        line: &mut cable.here,
        server: Some(Serving::start(&bench, &cable.name)),
        after: 20_000,
        read: 0,
    };
    let error = download(&mut rig, &mut port, "app.ota").expect_err("nobody answers");
    assert_eq!(error.code(), 0x3102);
    let first = port.read;
    assert!(port.server.is_none() && first >= 20_000);

    port.server = Some(Serving::start(&bench, &cable.name));
    port.after = usize::MAX;
    download(&mut rig, &mut port, "app.ota").expect("it comes");
    let window = 1024 * usize::from(u16::try_from(CONFIG.window).expect("small"));
    // Frames are a twentieth more.
    let most = (package.len() + window) * 21 / 20;
    assert!(port.read <= most, "{first}, then {}", port.read - first);
    assert!(matches!(rig.boot(ResetCause::Software), Decision::Boot(start) if start.trial));
}

/// A line whose server is killed after so many bytes.
struct Interrupted<'a> {
    line: &'a mut TTYPort,
    server: Option<Serving>,
    after: usize,
    read: usize,
}

impl Read for Interrupted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.line.read(buffer)?;
        self.read += count;
        if self.read >= self.after {
            self.server.take().map(Serving::end);
        }
        Ok(count)
    }
}

impl Write for Interrupted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.line.flush()
    }
}

#[test]
fn what_is_not_served_over_a_network_is_not_served_over_a_cable() {
    let (bench, mut cable) = (Bench::with_keys(), Cable::new());
    let serving = Serving::start(&bench, &cable.name);
    for name in ["release.key", "../secret", "missing.ota", "."] {
        let error = download(&mut device(), &mut cable.here, name).expect_err("nothing there");
        assert_eq!(error.code(), 0x3107, "{name}");
    }
    assert!(serving.end().contains("release.key NotFound"));
}

#[test]
fn a_port_that_is_not_there_is_refused() {
    let serve = ["serve", ".", "--serial", "no-such-port"];
    Bench::new().refused(&serve, "cannot open no-such-port");
}
