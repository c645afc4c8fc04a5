//! The power goes at any moment, by `--cut` and by killing the process: the device is never lost.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::bench::ota;
use crate::shop::{LENGTH, NEW, OLD, Shop, events, image_of, of_kind};

/// How many flash operations a run to its end takes.
fn operations(shop: &Shop, more: &[&str]) -> u64 {
    shop.copy("dev", "whole");
    let outcome = shop.run("whole", &[more, &["--json"]].concat());
    let events = events(&outcome);
    let end = of_kind(&events, "end")[0];
    end["operations"].as_u64().unwrap()
}

/// Cuts a copy of the device in its `operation`-th flash operation: status 99, and it can still be
/// looked at.
#[track_caller]
fn cut(shop: &Shop, operation: u64, more: &[&str]) -> String {
    shop.copy("dev", "cut");
    let id = format!("{operation}:{}", operation * 31);
    let outcome = shop.run("cut", &[more, &["--cut", &id]].concat());
    assert_eq!(
        outcome.status, 99,
        "--cut {id}: {}{}",
        outcome.stdout, outcome.stderr
    );
    assert!(
        outcome.stderr.starts_with("power cut (") && outcome.stderr.lines().count() == 1,
        "{}",
        outcome.stderr
    );
    let version = shop.show("cut")["version"].clone();
    assert!(version == OLD || version == NEW, "--cut {id}: {version}");
    id
}

/// Operations from 1 to `last`, about so many, never the same distance from a unit's start.
fn sample(last: u64, count: u64) -> impl Iterator<Item = u64> {
    let step = (last / count).max(1) | 1;
    (1..=last).step_by(usize::try_from(step).unwrap())
}

#[test]
fn an_update_cut_at_any_operation_is_completed_by_the_next_run() {
    for (map, count) in [("rp2040", 14), ("stm32l476", 10), ("esp32c3", 8)] {
        let shop = Shop::with(map, &[]);
        shop.server.offer(&shop.new_release());
        let last = operations(&shop, &[]);
        assert!(last > 30, "{map}: {last} operations");
        for operation in sample(last, count) {
            let id = cut(&shop, operation, &[]);
            let outcome = shop.run("cut", &[]);
            assert_eq!(outcome.status, 0, "{map} --cut {id}: {}", outcome.stderr);
            shop.assert_runs("cut", NEW, LENGTH);
            assert_eq!(
                shop.show("cut")["failed"],
                serde_json::json!([]),
                "{map} --cut {id}: blamed"
            );
        }
    }
}

#[test]
fn two_cuts_in_a_row_are_survived_as_well() {
    let shop = Shop::new();
    shop.server.offer(&shop.new_release());
    let last = operations(&shop, &[]);
    for operation in sample(last, 6) {
        let id = cut(&shop, operation, &[]);
        for second in [2, 20] {
            shop.copy("cut", "twice");
            let again = format!("{second}:{operation}");
            let outcome = shop.run("twice", &["--cut", &again]);
            assert!(
                [0, 99].contains(&outcome.status),
                "{id} {again}: {}",
                outcome.stderr
            );
            shop.run_ok("twice", &[]);
            shop.assert_runs("twice", NEW, LENGTH);
        }
    }
}

#[test]
fn a_rollback_cut_at_any_operation_still_ends_in_the_former_image() {
    let shop = Shop::new();
    shop.server.offer(&shop.new_release());
    let behave = ["--behave", "1.1.0=hang"];
    shop.run_ok("dev", &["--cycles", "1"]);
    let last = operations(&shop, &behave);
    for operation in sample(last, 14) {
        let id = cut(&shop, operation, &behave);
        let outcome = shop.run("cut", &behave);
        assert_eq!(outcome.status, 1, "--cut {id}: {}", outcome.stdout);
        assert!(
            outcome.stderr.contains("0x1112"),
            "--cut {id}: {}",
            outcome.stderr
        );
        shop.assert_runs("cut", OLD, LENGTH);
        assert_eq!(shop.show("cut")["last_failure"], "watchdog", "--cut {id}");
    }
}

#[test]
fn a_cut_after_the_end_is_none() {
    let shop = Shop::new();
    shop.server.offer(&shop.new_release());
    shop.run_ok("dev", &["--cut", "100000"]);
    shop.assert_runs("dev", NEW, LENGTH);
}

/// Numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u128) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u64::try_from(u128::from(self.0) % end.max(1)).unwrap()
    }
}

#[test]
fn a_device_that_is_killed_again_and_again_arrives_and_asks_for_little_twice() {
    for (map, seed) in [
        ("rp2040", 1),
        ("stm32l476", 2),
        ("esp32c3", 3),
        ("rp2040", 4),
    ] {
        kill_until_it_arrives(map, seed);
    }
}

fn kill_until_it_arrives(map: &str, seed: u64) {
    const LONG: usize = 120_000;
    const WINDOW: usize = 2;
    let patience = ["--attempts", "255", "--interruptions", "255"];
    let shop = Shop::with(map, &[&patience[..], &["--window", "2"]].concat());
    let package = shop.release(NEW, 110, &image_of(NEW, LONG));
    shop.server.offer(&package);
    shop.server.delay(Duration::from_millis(10));
    shop.copy("dev", "whole");
    let begun = Instant::now();
    shop.run_ok("whole", &[]);
    let whole = begun.elapsed();
    shop.server.asked();

    let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ seed);
    let (mut kills, mut resumed) = (0, 0);
    loop {
        let mut child = Command::new(ota().get_program())
            .args(shop.run_args("dev", &["--json"]))
            .current_dir(shop.bench.path("."))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // So many events are waited for, and then a moment: long enough to get into a swap.
        let events = BufReader::new(child.stdout.take().unwrap()).lines();
        let events = events.take(1 + usize::try_from(dice.below(12)).unwrap());
        resumed += events
            .filter(|line| line.as_ref().unwrap().contains("resume"))
            .count();
        std::thread::sleep(Duration::from_micros(dice.below(whole.as_micros() / 10)));
        // The kill comes too late for a run that has ended: then it has no effect.
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => break,
            Some(status) => panic!("after {kills} kills: status {status}, {said}"),
            None => kills += 1,
        }
        let version = shop.show("dev")["version"].clone();
        assert!(
            version == OLD || version == NEW,
            "after {kills} kills: {version}"
        );
        assert!(kills < 500, "it does not arrive");
    }
    assert!(
        kills >= 5 && resumed >= 3,
        "only {kills} kills, {resumed} of them in the download"
    );
    shop.assert_runs("dev", NEW, LONG);
    // Health checks ask for one byte; the last look for an update is no part of the download.
    let asked = shop.server.asked();
    let bytes: usize = asked.iter().map(|ask| ask.length).filter(|l| *l > 1).sum();
    let bound = package.len() + 1024 + kills * WINDOW * 4096;
    assert!(
        bytes <= bound,
        "{bytes} bytes asked for, {kills} kills, bound {bound}"
    );
    let counted = shop.show("dev")["bytes_asked"].as_u64().unwrap();
    assert!(
        counted >= bytes as u64,
        "{counted} counted, {bytes} asked for"
    );
}
