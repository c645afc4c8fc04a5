//! A download never starts over: lost links, resets and power cuts anywhere cost at most one
//! window of traffic each.

mod support;

use std::{future::Future, pin::pin, task};

use ota_bootloader::{Decision, ResetCause};
use ota_client::{Config, Download, Next, Outcome};
use ota_sim::{Cut, Tear};
use ota_testkit::{Geometry, Release, Rig};
use support::{CONFIG, Clock, End, Server, Trick, assert_runs, attempt, device, release};

/// A/B has no free step to save half a unit in: there a window should be whole units.
const WHOLE_UNITS: Config = Config {
    window: 4,
    ..CONFIG
};

/// What one interruption may cost: a window of pieces.
fn window_bytes(config: &Config, chunk: u32) -> u64 {
    u64::from(config.window) * u64::from(chunk)
}

fn start(geometry: Geometry, length: u32, chunk: u32) -> (Rig, Release) {
    let release = release(2, length, chunk);
    let rig = device(geometry);
    rig.approve(&release.image);
    (rig, release)
}

fn requests(geometry: Geometry, length: u32, chunk: u32) -> usize {
    let (mut rig, release) = start(geometry, length, chunk);
    let mut server = Server::new(&release.package());
    assert_eq!(attempt(&mut rig, &mut server, CONFIG), Ok(End::Requested));
    server.asked.len()
}

#[test]
fn a_link_lost_in_any_request_after_any_piece_costs_at_most_a_window() {
    let geometry = Geometry::small(8);
    let (length, chunk) = (20_000, 1024);
    let mut worst = 0;
    for request in 0..requests(geometry, length, chunk) {
        for given in [0, 1, 1023, 1024, 1025, 2048, 3071] {
            let (mut rig, release) = start(geometry, length, chunk);
            let package = release.package();
            let mut server = Server::new(&package).with(request, Trick::Loses(given));
            assert_eq!(attempt(&mut rig, &mut server, CONFIG), Ok(End::Requested));
            let again = server.bytes_asked() - package.len() as u64;
            assert!(again <= window_bytes(&CONFIG, chunk), "{again} bytes again");
            worst = worst.max(again);
            assert_runs(&mut rig, &release.image);
        }
    }
    assert_ne!(worst, 0, "nothing was interrupted");
}

/// Drives until the power goes: after `polls` returns to the executor.
fn run_until(rig: &mut Rig, server: &mut Server, config: Config, polls: usize) -> bool {
    let mut buffer = vec![0; 4096];
    rig.updater(|updater, anchors| {
        let mut download = Download::new(config, &mut buffer);
        let mut clock = Clock::default();
        let run = ota_client::run(&mut download, updater, anchors, server, &mut clock);
        match embassy_futures::block_on(first_polls(polls, run)) {
            None => false,
            Some(Ok(Outcome::Staged(_))) => true,
            Some(other) => panic!("{other:?}"),
        }
    })
    .expect("the journal is there")
}

#[test]
fn a_reset_at_any_step_costs_at_most_a_window() {
    let config = WHOLE_UNITS;
    for (geometry, chunk) in [
        (Geometry::small(8), 1024),
        (Geometry::small(8), 4096),
        (
            Geometry {
                erase_size: 1024,
                ..Geometry::small(8)
            },
            4096,
        ),
        (
            Geometry {
                strategy: ota_bootloader::Strategy::Ab,
                ..Geometry::small(8)
            },
            1024,
        ),
    ] {
        let length = 20_000;
        let mut resets = 0;
        loop {
            let (mut rig, release) = start(geometry, length, chunk);
            let package = release.package();
            let mut server = Server::new(&package);
            if run_until(&mut rig, &mut server, config, resets) {
                break;
            }
            assert!(matches!(rig.boot(ResetCause::Watchdog), Decision::Boot(_)));
            assert_eq!(attempt(&mut rig, &mut server, config), Ok(End::Requested));
            let bound = package.len() as u64 + window_bytes(&config, chunk);
            assert!(
                server.bytes_asked() <= bound,
                "{} of {bound}, reset at {resets}",
                server.bytes_asked()
            );
            assert_runs(&mut rig, &release.image);
            resets += 1;
        }
        assert!(resets > 10, "{resets} places to reset at");
    }
}

#[test]
fn resets_again_and_again_cost_at_most_a_window_each() {
    for polls in [3, 5, 8, 13] {
        let (mut rig, release) = start(Geometry::small(8), 20_000, 1024);
        let package = release.package();
        let mut server = Server::new(&package);
        let mut resets = 0;
        while !run_until(&mut rig, &mut server, CONFIG, polls + resets) {
            assert!(matches!(rig.boot(ResetCause::Power), Decision::Boot(_)));
            resets += 1;
            assert!(resets < 1000, "no end in sight");
        }
        let bound = package.len() as u64 + resets as u64 * window_bytes(&CONFIG, 1024);
        assert!(
            server.bytes_asked() <= bound,
            "{} of {bound}",
            server.bytes_asked()
        );
        assert!(resets > 1);
        assert_eq!(attempt(&mut rig, &mut server, CONFIG), Ok(End::Requested));
        assert_runs(&mut rig, &release.image);
    }
}

/// Every flash operation of a download, torn in every way.
#[test]
fn a_power_cut_in_any_flash_operation_costs_at_most_a_window() {
    for (geometry, chunk) in [
        (Geometry::small(4), 1024),
        (
            Geometry {
                write_size: 8,
                erase_size: 2048,
                ecc: true,
                ..Geometry::small(4)
            },
            4096,
        ),
        (
            Geometry {
                strategy: ota_bootloader::Strategy::Ab,
                write_size: 4,
                ..Geometry::small(4)
            },
            2048,
        ),
    ] {
        let (rig, release) = start(geometry, 9000, chunk);
        let package = release.package();
        let mut whole = rig.clone();
        let before = whole.flash.operations();
        assert_eq!(
            attempt(&mut whole, &mut Server::new(&package), WHOLE_UNITS),
            Ok(End::Requested)
        );
        let operations = whole.flash.operations() - before;
        assert!(operations > 20, "{operations} operations");
        for operation in 1..=operations {
            for tear in Tear::ALL.into_iter().chain((0..4).map(Tear::Random)) {
                let mut rig = rig.clone();
                rig.flash.arm(Cut::new(operation, tear));
                cut_and_go_on(rig, &release, &package, chunk);
            }
        }
    }
}

fn cut_and_go_on(mut rig: Rig, release: &Release, package: &[u8], chunk: u32) {
    let mut server = Server::new(package);
    let cut = attempt(&mut rig, &mut server, WHOLE_UNITS);
    assert!(rig.flash.is_off(), "{cut:?}");
    rig.flash.power_up();
    let booted = rig.boot(ResetCause::Power);
    assert!(
        matches!(booted, Decision::Boot(_)),
        "{booted:?} after {}",
        rig.flash.history()
    );
    if let Decision::Boot(start) = booted
        && !start.trial
    {
        let end = attempt(&mut rig, &mut server, WHOLE_UNITS);
        assert!(
            matches!(end, Ok(End::Requested | End::AlreadyStaged)),
            "{end:?} after {}",
            rig.flash.history()
        );
        assert_runs(&mut rig, &release.image);
    }
    let bound = package.len() as u64 + window_bytes(&WHOLE_UNITS, chunk);
    assert!(
        server.bytes_asked() <= bound,
        "{} of {bound} after {}",
        server.bytes_asked(),
        rig.flash.history()
    );
}

#[test]
fn dropping_the_future_is_like_a_reset() {
    let (mut rig, release) = start(Geometry::small(8), 20_000, 1024);
    let package = release.package();
    let mut server = Server::new(&package);
    let mut buffer = vec![0; 1024];
    rig.updater(|updater, anchors| {
        let mut download = Download::new(CONFIG, &mut buffer);
        let mut clock = Clock::default();
        let mut dropped = 0;
        // The same machine is driven on by a new future each time.
        let image = loop {
            let run = ota_client::run(&mut download, updater, anchors, &mut server, &mut clock);
            match embassy_futures::block_on(first_polls(7, run)) {
                None => dropped += 1,
                Some(Ok(Outcome::Staged(image))) => break image,
                Some(other) => panic!("{other:?}"),
            }
            assert!(dropped < 1000);
        };
        updater.request(image).expect("taken");
        assert!(dropped > 3);
    })
    .expect("the journal is there");
    assert_runs(&mut rig, &release.image);
}

/// What a future says when it is polled so many times, if it is ready by then.
async fn first_polls<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled =
            std::future::poll_fn(|context| task::Poll::Ready(future.as_mut().poll(context))).await;
        if let task::Poll::Ready(output) = polled {
            return Some(output);
        }
    }
    None
}

/// Without a driver: the machine alone, told of a lost link at each of its requests.
#[test]
fn the_machine_asks_again_for_exactly_what_is_missing() {
    let (mut rig, release) = start(Geometry::small(8), 5000, 1024);
    let package = release.package();
    let mut buffer = vec![0; 1024];
    rig.updater(|updater, anchors| {
        let mut download = Download::new(CONFIG, &mut buffer);
        let mut asked = Vec::new();
        let mut lost = false;
        loop {
            match download.poll(updater, anchors).expect("no failure") {
                Next::Working | Next::Wait { .. } => {}
                Next::Request(range) => {
                    asked.push(range);
                    lost = !lost;
                    if lost {
                        download.on_fault(ota_client::Fault::Link);
                    } else {
                        download.on_reply(ota_client::Reply {
                            offset: range.offset,
                            length: range.length,
                            total: None,
                        });
                    }
                }
                Next::Receive => {
                    let at = download
                        .progress()
                        .map_or(0, |progress| progress.done as usize);
                    let space = download.space();
                    let count = space.len();
                    space.copy_from_slice(&package[at..at + count]);
                    download.received(count);
                }
                Next::Done(outcome) => {
                    assert!(matches!(outcome, Outcome::Staged(_)));
                    break;
                }
            }
        }
        assert!(asked.chunks(2).all(|pair| pair[0] == pair[1]), "{asked:?}");
        assert!(asked.len() > 4);
    })
    .expect("the journal is there");
}
