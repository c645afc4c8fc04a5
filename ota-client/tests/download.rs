//! What a download promises while nothing goes wrong.

mod support;

use ota_bootloader::Strategy;
use ota_client::{Config, Download, Next, Progress};
use ota_testkit::{Geometry, Rig};
use support::{
    CONFIG, Clock, End, Server, assert_runs, attempt, attempt_observed, device, release, slots,
};

#[test]
fn a_release_goes_all_the_way_and_no_byte_is_asked_for_twice() {
    let mut rig = device(Geometry::small(16));
    let release = release(2, 50_000, 4096);
    let package = release.package();
    rig.approve(&release.image);
    let programmed = rig.flash.stats().bytes;
    let mut server = Server::new(&package);
    assert_eq!(attempt(&mut rig, &mut server, CONFIG), Ok(End::Requested));
    assert!(rig.flash.stats().bytes - programmed >= 50_000);
    assert_eq!(server.bytes_asked(), package.len() as u64);
    assert_runs(&mut rig, &release.image);
}

#[test]
fn the_blocking_driver_does_the_same() {
    let mut rig = device(Geometry::small(16));
    let release = release(2, 50_000, 4096);
    rig.approve(&release.image);
    let mut server = Server::new(&release.package());
    let mut buffer = [0; 4096];
    rig.updater(|updater, anchors| {
        let mut download = Download::new(CONFIG, &mut buffer);
        let clock = Clock::default();
        let outcome =
            ota_client::blocking::run(&mut download, updater, anchors, &mut server, clock);
        match outcome {
            Ok(ota_client::Outcome::Staged(image)) => updater.request(image).expect("taken"),
            other => panic!("{other:?}"),
        }
    })
    .expect("the journal is there");
    assert_eq!(server.bytes_asked(), release.package().len() as u64);
    assert_runs(&mut rig, &release.image);
}

#[test]
fn one_request_asks_for_a_window_and_no_more() {
    for window in [1, 2, 3, 8, 1000] {
        let mut rig = device(Geometry::small(16));
        let release = release(2, 40_000, 1024);
        rig.approve(&release.image);
        let package = release.package();
        let mut server = Server::new(&package);
        let config = Config { window, ..CONFIG };
        assert_eq!(attempt(&mut rig, &mut server, config), Ok(End::Requested));
        assert_eq!(server.bytes_asked(), package.len() as u64);
        let (chunks, pages) = (40_u32, 2_u32);
        let requests = 1 + pages.div_ceil(window) + chunks.div_ceil(window);
        assert_eq!(server.asked.len(), requests as usize, "window {window}");
        let largest = server.asked.iter().map(|range| range.length).max();
        assert!(largest <= Some(window.saturating_mul(1024)), "{largest:?}");
    }
}

#[test]
fn a_window_of_nothing_counts_as_one() {
    let mut rig = device(Geometry::small(4));
    let release = release(2, 3000, 1024);
    rig.approve(&release.image);
    let mut server = Server::new(&release.package());
    let config = Config {
        window: 0,
        ..CONFIG
    };
    assert_eq!(attempt(&mut rig, &mut server, config), Ok(End::Requested));
}

#[test]
fn every_size_of_image_chunk_word_and_erase_unit_goes_through() {
    let mut done = 0;
    for strategy in [Strategy::Swap, Strategy::Ab] {
        for (write_size, erase_size) in [(1, 4096), (4, 256), (8, 2048), (16, 8192), (32, 32_768)] {
            let geometry = Geometry {
                strategy,
                write_size,
                erase_size,
                step: erase_size.max(16_384),
                slot: 65_536,
                bank: 8192,
                ..Geometry::small(1)
            };
            for chunk in [1024, 2048, 4096, 8192, 16_384] {
                for length in [1, 31, chunk - 1, chunk, chunk + 1, 65_535, 65_536] {
                    goes_through(device(geometry), length, chunk);
                    done += 1;
                }
            }
        }
    }
    assert_eq!(done, 2 * 5 * 5 * 7);
}

fn goes_through(mut rig: Rig, length: u32, chunk: u32) {
    let release = release(2, length, chunk);
    let package = release.package();
    rig.approve(&release.image);
    let mut server = Server::new(&package);
    let end = attempt(&mut rig, &mut server, CONFIG);
    assert_eq!(end, Ok(End::Requested), "{length} in chunks of {chunk}");
    assert_eq!(server.bytes_asked(), package.len() as u64);
    assert_runs(&mut rig, &release.image);
}

#[test]
fn half_a_mebibyte_goes_through() {
    let geometry = Geometry {
        bank: 24 * 1024,
        ..Geometry::small(128)
    };
    for chunk in [1024, 4096] {
        goes_through(device(geometry), 512 * 1024, chunk);
    }
}

#[test]
fn the_running_release_costs_one_small_request_and_no_flash_operation() {
    let mut rig = device(Geometry::small(4));
    let running = ota_testkit::Release::new(1, ota_testkit::random_image(3000, 1), 4096);
    let operations = rig.flash.operations();
    let mut server = Server::new(&running.package());
    assert_eq!(attempt(&mut rig, &mut server, CONFIG), Ok(End::UpToDate));
    assert_eq!(server.bytes_asked(), 1024);
    assert_eq!(rig.flash.operations(), operations);
}

#[test]
fn a_staged_release_is_not_downloaded_again() {
    let mut rig = device(Geometry::small(4));
    let release = release(2, 9000, 1024);
    rig.approve(&release.image);
    let mut server = Server::new(&release.package());
    assert_eq!(attempt(&mut rig, &mut server, CONFIG), Ok(End::Requested));
    let (asked, bytes) = (server.bytes_asked(), slots(&rig));
    assert_eq!(
        attempt(&mut rig, &mut server, CONFIG),
        Ok(End::AlreadyStaged)
    );
    assert_eq!(server.bytes_asked() - asked, 1024);
    assert_eq!(slots(&rig), bytes);
}

#[test]
fn a_staged_release_that_was_not_requested_yet_is_found_after_a_reset() {
    let mut rig = device(Geometry::small(4));
    let release = release(2, 9000, 1024);
    rig.approve(&release.image);
    let mut server = Server::new(&release.package());
    let mut buffer = [0; 1024];
    rig.updater(|updater, anchors| {
        let mut download = Download::new(CONFIG, &mut buffer);
        let mut clock = Clock::default();
        let run = ota_client::run(&mut download, updater, anchors, &mut server, &mut clock);
        let outcome = embassy_futures::block_on(run);
        assert!(
            matches!(outcome, Ok(ota_client::Outcome::Staged(_))),
            "{outcome:?}"
        );
    })
    .expect("the journal is there");
    let asked = server.bytes_asked();
    assert_eq!(attempt(&mut rig, &mut server, CONFIG), Ok(End::Requested));
    assert!(
        server.bytes_asked() - asked <= 1024,
        "at most the last chunk, which may be marginal"
    );
    assert_runs(&mut rig, &release.image);
}

#[test]
fn progress_rises_to_the_whole_package() {
    let mut rig = device(Geometry::small(4));
    let release = release(2, 9000, 1024);
    let total = u32::try_from(release.package().len()).expect("small");
    rig.approve(&release.image);
    let mut server = Server::new(&release.package());
    let mut seen: Vec<Progress> = Vec::new();
    let end = attempt_observed(
        &mut rig,
        &mut server,
        CONFIG,
        &mut Clock::default(),
        |download, next| {
            if matches!(next, Next::Working | Next::Done(_)) {
                seen.extend(download.progress());
            }
        },
    );
    assert_eq!(end, Ok(End::Requested));
    assert!(seen.windows(2).all(|pair| pair[0].done <= pair[1].done));
    assert!(seen.iter().all(|progress| progress.total == total));
    assert!(seen.iter().any(|progress| progress.done == total));
}

/// The driver lets others run: a future that never returned would starve a watchdog's task.
#[test]
fn the_driver_returns_to_the_executor_again_and_again() {
    use std::{future::Future, pin::pin, task};
    let mut rig = device(Geometry::small(4));
    let release = release(2, 9000, 1024);
    rig.approve(&release.image);
    let mut server = Server::new(&release.package());
    let mut buffer = [0; 1024];
    let returned = rig
        .updater(|updater, anchors| {
            let mut download = Download::new(CONFIG, &mut buffer);
            let mut clock = Clock::default();
            let mut run = pin!(ota_client::run(
                &mut download,
                updater,
                anchors,
                &mut server,
                &mut clock
            ));
            let mut context = task::Context::from_waker(task::Waker::noop());
            let mut returned = 0;
            while run.as_mut().poll(&mut context).is_pending() {
                returned += 1;
            }
            returned
        })
        .expect("the journal is there");
    assert!(returned > 9, "{returned} times for 9 chunks");
}

/// All these tests rest on it: the model refuses what nobody approved.
#[test]
#[should_panic(expected = "flash violation")]
fn the_guard_is_awake() {
    let mut rig = device(Geometry::small(4));
    let mut server = Server::new(&release(2, 9000, 1024).package());
    let _ = attempt(&mut rig, &mut server, CONFIG);
}
