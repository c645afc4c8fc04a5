//! A device's life, through the command line.

use std::process::{Command, Stdio};

use ota_cli::package::Package;

use crate::bench::ota;
use crate::shop::{FLOOR, LENGTH, NEW, OLD, Shop, events, image_of, of_kind};
use crate::tricks::Then;

#[test]
fn an_update_is_downloaded_swapped_tried_and_confirmed() {
    for map in ["rp2040", "stm32l476", "stm32l476-dual-bank", "esp32c3"] {
        let shop = Shop::with(map, &[]);
        shop.server.offer(&shop.new_release());
        let events = events(&shop.run_ok("dev", &["--json"]));
        let kinds: Vec<_> = [
            "download",
            "staged",
            "swap",
            "trial",
            "confirm",
            "up-to-date",
        ]
        .iter()
        .map(|kind| (*kind, of_kind(&events, kind).len()))
        .collect();
        assert!(
            kinds.iter().all(|(_, count)| *count == 1),
            "{map}: {kinds:?}"
        );
        shop.assert_runs("dev", NEW, LENGTH);
        let status = shop.show("dev");
        assert_eq!(status["floor"], FLOOR);
        assert_eq!(status["fallback"], true, "{map}");
        assert_eq!(status["last_failure"], serde_json::Value::Null);
        assert_eq!(status["attempts_left"], serde_json::Value::Null);
    }
}

#[test]
fn images_from_one_byte_to_a_full_slot_go_through_in_chunks_of_any_size() {
    let shop = Shop::new();
    let full = 512 * 1024;
    for (step, (length, chunk)) in [
        (1, 4096),
        (1, 1024),
        (4096, 1024),
        (4097, 2048),
        (full - 1, 4096),
        (full, 2048),
        (400 * 1024, 1024),
        (1, 2048),
    ]
    .into_iter()
    .enumerate()
    {
        let version = format!("2.{step}.0");
        let mut recipe = shop.recipe(&version, 200 + step as u64);
        recipe.chunk_size = chunk;
        let package = Package::build(&recipe, &image_of(&version, length)).unwrap();
        shop.server.offer(&shop.sign(package, &["release", "boot"]));
        shop.run_ok("dev", &[]);
        shop.assert_runs("dev", &version, length);
    }
}

#[test]
fn one_request_asks_for_a_window_and_all_of_them_for_the_package() {
    let shop = Shop::with("rp2040", &["--window", "2"]);
    let package = shop.new_release();
    shop.server.offer(&package);
    shop.run_ok("dev", &["--cycles", "1"]);
    let lengths: Vec<_> = shop.server.asked().iter().map(|ask| ask.length).collect();
    // The envelope, the digest table, two chunks, the last one.
    assert_eq!(lengths, [1024, 96, 8192, LENGTH - 8192]);
    let status = shop.show("dev");
    assert_eq!(status["state"], "staged");
    assert_eq!(status["bytes_asked"], package.len());
    assert_eq!(status["bytes_asked_for_checks"], 0);
    assert_eq!(status["requests"], 4);
}

#[test]
fn firmware_that_fails_is_rolled_back_after_its_attempts_and_not_fetched_again() {
    for (behaviour, reason) in [
        ("crash", "crash"),
        ("hang", "watchdog"),
        ("unhealthy", "gave-up"),
    ] {
        let shop = Shop::with("rp2040", &["--attempts", "2"]);
        shop.server.offer(&shop.new_release());
        let behave = format!("{NEW}={behaviour}");
        let outcome = shop.run("dev", &["--behave", &behave, "--json"]);
        assert_eq!(outcome.status, 1, "{behaviour}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains("failed here before"),
            "{}",
            outcome.stderr
        );
        let events = events(&outcome);
        let left: Vec<_> = of_kind(&events, "trial")
            .iter()
            .map(|trial| trial["attempts_left"].as_u64().unwrap())
            .collect();
        assert_eq!(left, [1, 0], "{behaviour}");
        assert_eq!(of_kind(&events, "rollback")[0]["reason"], reason);
        assert_eq!(of_kind(&events, "refused")[0]["code"], 0x1112);
        assert!(of_kind(&events, "confirm").is_empty());
        shop.assert_runs("dev", OLD, LENGTH);
        let status = shop.show("dev");
        assert_eq!(status["last_failure"], reason);
        assert_eq!(status["failed"][0]["sequence"], 110);
        assert_eq!(status["failed"][0]["reason"], reason);

        let slots = shop.slots("dev");
        shop.server.asked();
        shop.run_refused("dev", &[], "0x1112");
        let asked: Vec<_> = shop.server.asked().iter().map(|ask| ask.length).collect();
        assert_eq!(asked, [1024], "{behaviour}: fetched again");
        assert!(shop.slots("dev") == slots);

        // A corrected one is.
        let corrected = shop.release("1.1.1", 111, &image_of("1.1.1", LENGTH));
        shop.server.offer(&corrected);
        shop.run_ok("dev", &[]);
        shop.assert_runs("dev", "1.1.1", LENGTH);
    }
}

#[test]
fn firmware_that_cannot_reach_the_server_is_rolled_back() {
    let shop = Shop::with("rp2040", &["--attempts", "1", "--health-window-ms", "200"]);
    shop.server.offer(&shop.new_release());
    shop.run_ok("dev", &["--cycles", "1"]);
    shop.server.trick(|_, _| Some((Vec::new(), Then::Close)));
    let outcome = shop.run("dev", &["--json"]);
    assert_eq!(outcome.status, 1);
    let events = events(&outcome);
    assert_eq!(of_kind(&events, "give-up")[0]["check"], "server");
    assert_eq!(of_kind(&events, "rollback")[0]["reason"], "gave-up");
    shop.assert_runs("dev", OLD, LENGTH);
}

#[test]
fn a_server_without_an_update_is_no_fault_of_the_firmware() {
    let shop = Shop::new();
    shop.server.offer(&shop.new_release());
    shop.run_ok("dev", &["--cycles", "1"]);
    shop.server
        .trick(|_, _| Some(crate::tricks::status(404, "")));
    shop.run_refused("dev", &[], "404");
    shop.assert_runs("dev", NEW, LENGTH);
}

#[test]
fn a_lost_link_is_status_1_and_the_next_run_goes_on_where_it_was() {
    let shop = Shop::with("rp2040", &["--window", "1"]);
    let package = shop.new_release();
    shop.server.offer(&package);
    // The second chunk is cut short, and then there is nothing any more.
    let second = 1024 + 96 + 4096;
    shop.server.trick(move |ask, offer| match ask.first {
        first if first == second => {
            let (mut bytes, _) = crate::tricks::honest(ask, offer);
            bytes.truncate(1000);
            Some((bytes, Then::Close))
        }
        first if first > second => Some((Vec::new(), Then::Close)),
        _ => None,
    });
    shop.run_refused("dev", &[], "(code 0x30");
    let status = shop.show("dev");
    assert_eq!(
        (&status["state"], &status["version"]),
        (&"downloading".into(), &OLD.into())
    );
    // One page of the digest table, one chunk.
    assert_eq!(status["position"], 2);

    shop.server.asked();
    shop.server.offer(&package);
    let events = events(&shop.run_ok("dev", &["--json"]));
    assert_eq!(of_kind(&events, "download")[0]["phase"], "resume");
    let asked = shop.server.asked();
    assert_eq!(asked[0].first, second, "{asked:?}");
    shop.assert_runs("dev", NEW, LENGTH);
}

#[test]
fn a_link_that_drops_within_a_run_is_taken_up_again_where_it_broke() {
    let shop = Shop::new();
    shop.server.offer(&shop.new_release());
    let mut dropped = false;
    shop.server.trick(move |ask, offer| {
        if dropped || ask.first < 1120 {
            return None;
        }
        dropped = true;
        let (mut bytes, _) = crate::tricks::honest(ask, offer);
        bytes.truncate(7_000);
        Some((bytes, Then::Close))
    });
    let events = events(&shop.run_ok("dev", &["--json"]));
    assert_eq!(of_kind(&events, "retry").len(), 1);
    let asked = shop.server.asked();
    assert_eq!(asked[2].first, 1120);
    assert!(
        asked[3].first > 1120 + 4096,
        "the first chunk is here: {:?}",
        asked[3]
    );
    shop.assert_runs("dev", NEW, LENGTH);
}

#[test]
fn a_newer_release_takes_the_place_of_one_that_is_half_here() {
    let shop = Shop::with("rp2040", &["--window", "1"]);
    shop.server.offer(&shop.new_release());
    let outcome = shop.run("dev", &["--cut", "40"]);
    assert_eq!(outcome.status, 99);
    let newer = shop.release("1.2.0", 120, &image_of("1.2.0", LENGTH));
    shop.server.offer(&newer);
    shop.run_ok("dev", &[]);
    shop.assert_runs("dev", "1.2.0", LENGTH);
}

#[test]
fn firmware_that_always_crashes_is_not_run_for_ever() {
    let shop = Shop::new();
    shop.server.offer(&shop.old());
    let behave = format!("{OLD}=crash");
    shop.run_refused(
        "dev",
        &["--behave", &behave],
        "no end after 50 power cycles",
    );
    let events = events(&shop.run_ok("dev", &["--behave", &behave, "--cycles", "4", "--json"]));
    assert_eq!(of_kind(&events, "power-up").len(), 4);
    assert_eq!(of_kind(&events, "end")[0]["result"], "stopped");
}

#[test]
fn looking_at_a_device_changes_nothing() {
    let shop = Shop::new();
    shop.server.offer(&shop.new_release());
    assert_eq!(shop.run("dev", &["--cut", "40:fading"]).status, 99);
    let files = || {
        [
            "flash.bin",
            "flash.bin.cells",
            "device.toml",
            "traffic.json",
        ]
        .map(|name| std::fs::read(shop.bench.path("dev").join(name)).ok())
    };
    let before = files();
    assert!(before[1].is_some(), "the cut left no weak cells");
    for _ in 0..3 {
        shop.show("dev");
        assert!(
            shop.bench
                .ok(&["device", "show", "dev"])
                .contains("downloading")
        );
    }
    assert!(files() == before);
}

#[test]
fn a_device_is_not_replaced_without_force_and_nothing_else_ever_is() {
    let shop = Shop::new();
    let bench = &shop.bench;
    let args = shop.new_args("dev", "old.ota");
    let flash = bench.read("dev/flash.bin");
    shop.server.offer(&shop.new_release());
    shop.run_ok("dev", &[]);
    bench.refused(&args, "dev exists: choose another name, or --force");
    shop.assert_runs("dev", NEW, LENGTH);
    bench.ok(&[&args[..], &["--force"]].concat());
    assert!(bench.read("dev/flash.bin") == flash);
    assert_eq!(shop.show("dev")["requests"], 0);

    bench.write("dev/diary.txt", b"mine");
    bench.refused(&[&args[..], &["--force"]].concat(), "diary.txt");
    std::fs::create_dir(bench.path("folder")).unwrap();
    bench.write("folder/diary.txt", b"mine");
    let args = shop.new_args("folder", "old.ota");
    bench.refused(&[&args[..], &["--force"]].concat(), "diary.txt");
    assert_eq!(bench.read("folder/diary.txt"), b"mine");
    bench.refused(&["device", "show", "folder"], "is no device");
    bench.refused(&["device", "show", "nowhere"], "is no device");
}

#[test]
fn a_device_is_made_only_of_a_release_that_it_would_take() {
    let shop = Shop::new();
    let bench = &shop.bench;
    let args = shop.new_args("other", "old.ota");
    for (more, reason) in [
        (["--hw", "9"], "0x0403"),
        (["--floor", "8"], "0x0409"),
        (["--class", "toaster"], "0x0402"),
        (["--vendor", "other"], "0x0401"),
    ] {
        bench.refused(&[&args[..], &more].concat(), reason);
    }
    let mut bytes = bench.read("old.ota");
    *bytes.last_mut().unwrap() ^= 1;
    bench.write("bad.ota", &bytes);
    bench.refused(&shop.new_args("other", "bad.ota"), "chunk 2");
    // One key for both roles.
    bench.write(
        "both.pub",
        bench
            .text("release.pub")
            .replace("release", "boot")
            .as_bytes(),
    );
    let both: Vec<_> = args
        .iter()
        .map(|arg| if *arg == "boot.pub" { "both.pub" } else { arg })
        .collect();
    bench.refused(&both, "one key stands for both roles");
    // A map whose regions overlap.
    let map = std::fs::read_to_string(crate::bench::here("maps/rp2040.toml")).unwrap();
    bench.write("bad.toml", map.replace("0x01_6000", "0x01_5000").as_bytes());
    let bad: Vec<_> = args
        .iter()
        .map(|arg| if *arg == "rp2040" { "bad.toml" } else { arg })
        .collect();
    bench.refused(&bad, "overlaps");
    assert!(!bench.path("other").exists());
}

#[test]
fn a_device_runs_in_one_process_at_a_time() {
    let shop = Shop::new();
    shop.server.offer(&shop.new_release());
    shop.server.trick(|_, _| Some((Vec::new(), Then::Silence)));
    let mut args = shop.run_args("dev", &[]);
    args.extend(["--stall-ms", "60000"].map(str::to_owned));
    args.retain(|arg| arg != "300");
    let position = args.iter().position(|arg| arg == "--stall-ms").unwrap();
    args.remove(position);
    let mut child = Command::new(ota().get_program())
        .args(&args)
        .current_dir(shop.bench.path("."))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while shop.server.asked().is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        std::thread::yield_now();
    }
    shop.run_refused("dev", &[], "running in another process");
    assert_eq!(shop.show("dev")["state"], "confirmed");
    child.kill().unwrap();
    child.wait().unwrap();
    shop.server.offer(&shop.new_release());
    shop.run_ok("dev", &[]);
    shop.assert_runs("dev", NEW, LENGTH);
}

#[test]
fn wrong_usage_of_devices_is_status_2() {
    let shop = Shop::new();
    for usage in [
        "device",
        "device run dev",
        "device run dev --url ftp://x/y",
        "device run dev --url https://x/y",
        "device run dev --url http://x/y --cut 0",
        "device run dev --url http://x/y --cut 5:sideways",
        "device run dev --url http://x/y --behave 1.0.0=dance",
        "device run dev --url http://x/y --cycles 0",
        "device new other --map rp2040 --app old.ota --release release.pub",
        "device new other --map rp2040 --app old.ota --release release.pub --boot boot.pub --attempts 0",
    ] {
        let args: Vec<_> = usage.split(' ').collect();
        assert_eq!(shop.bench.run(&args).status, 2, "{usage}");
    }
    assert_eq!(shop.show("dev")["state"], "unknown");
}
