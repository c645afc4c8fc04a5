//! Ids: what is printed replays exactly.

mod common;

use common::{geometries, pattern};
use ota_sim::{Cut, Flash, Plan, Tear};

/// Some work with several power-ups in it; stops for good after the third.
fn work(flash: &mut Flash) {
    for round in 0..4 {
        let bytes = pattern(round, 512);
        let _ = flash
            .erase(0, 2048)
            .and_then(|()| flash.program(256, &bytes));
        flash.power_up();
    }
}

#[test]
fn every_id_can_be_read_back() {
    let seeds = [0, 1, 123, u64::MAX].map(Tear::Random);
    for tear in Tear::ALL.into_iter().chain(seeds) {
        let cut = Cut::new(17, tear);
        assert_eq!(cut.to_string().parse(), Ok(cut));
        let plan = Plan(vec![
            cut,
            Cut::new(0, tear),
            Cut::new(u64::MAX, Tear::Noise),
        ]);
        assert_eq!(plan.to_string().parse(), Ok(plan));
    }
    assert_eq!(Plan::default().to_string().parse(), Ok(Plan::default()));
}

#[test]
fn ids_look_as_documented() {
    assert_eq!(Cut::new(17, Tear::BlankWeak).to_string(), "17:blank-weak");
    assert_eq!(Cut::new(17, Tear::Random(123)).to_string(), "17:r123");
    let plan: Plan = "17:blank-weak+3:r5".parse().unwrap();
    assert_eq!(
        plan.0,
        [Cut::new(17, Tear::BlankWeak), Cut::new(3, Tear::Random(5))]
    );
}

#[test]
fn what_is_no_id_is_refused() {
    for text in [
        "",
        ":",
        "1",
        "1:",
        ":mixed",
        "x:mixed",
        "1:r",
        "1:rx",
        "-1:mixed",
        "1:Mixed",
        "1:mixed:2",
    ] {
        assert!(text.parse::<Cut>().is_err(), "{text}");
    }
    for text in ["", "+", "1:mixed+", "+1:mixed", "1:mixed 2:mixed"] {
        assert!(text.parse::<Plan>().is_err(), "{text}");
    }
}

#[test]
fn the_history_replays_to_the_same_bytes() {
    for config in geometries() {
        for seed in 0..50 {
            let plan: Plan = format!("{}:r{seed}+{}:r{}", 1 + seed % 4, 1 + seed % 3, seed * 7)
                .parse()
                .unwrap();
            let mut first = Flash::new(config);
            first.arm(plan.clone());
            work(&mut first);
            let history = first.history();
            assert_eq!(history, plan);
            let mut second = Flash::new(config);
            second.arm(history.to_string().parse::<Plan>().unwrap());
            work(&mut second);
            assert_eq!(first.bytes(), second.bytes(), "{history}");
            assert_eq!(first.stats(), second.stats(), "{history}");
        }
    }
}

#[test]
fn another_seed_and_another_place_tear_differently() {
    let torn = |operation, seed| {
        let mut flash = Flash::new(ota_sim::Config::new(4096, 4, 1024));
        flash.load(0, &pattern(1, 4096));
        flash.cut_at(operation, seed);
        flash.erase(0, 4096).unwrap_err();
        flash.bytes().to_vec()
    };
    let all: std::collections::HashSet<Vec<u8>> = (1..=4)
        .flat_map(|op| (0..100).map(move |seed| torn(op, seed)))
        .collect();
    assert!(all.len() > 200, "{}", all.len());
}

#[test]
fn a_clone_taken_before_the_cut_is_cut_alike() {
    let mut flash = Flash::new(ota_sim::Config::new(4096, 4, 1024));
    flash.arm("3:r9+1:r2".parse::<Plan>().unwrap());
    let mut clone = flash.clone();
    work(&mut flash);
    work(&mut clone);
    assert_eq!(
        (flash.bytes(), flash.history()),
        (clone.bytes(), clone.history())
    );
}

#[test]
fn each_cut_of_a_plan_counts_from_the_power_up_before() {
    let mut flash = Flash::new(ota_sim::Config::new(4096, 4, 1024));
    flash.arm("2:after+0:mixed+1:after".parse::<Plan>().unwrap());
    flash.program(0, &[1; 4]).unwrap();
    flash.program(4, &[1; 4]).unwrap_err();
    flash.power_up();
    assert!(flash.is_off(), "the second cut is at once");
    flash.power_up();
    flash.program(8, &[1; 4]).unwrap_err();
    flash.power_up();
    flash.program(12, &[1; 4]).unwrap();
    assert_eq!(flash.bytes()[..16], [1; 16]);
    assert_eq!(flash.history().to_string(), "2:after+0:mixed+1:after");
}

#[test]
fn a_cut_armed_since_some_operations_tears_as_if_armed_before_them() {
    let mut early = Flash::new(ota_sim::Config::new(4096, 4, 1024));
    let mut late = early.clone();
    let cut = Cut::new(3, Tear::Random(9));
    early.arm(cut);
    for flash in [&mut early, &mut late] {
        flash.program(0, &pattern(1, 512)).unwrap();
    }
    late.arm_since(cut, 2);
    for flash in [&mut early, &mut late] {
        assert!(flash.program(512, &pattern(2, 256)).is_err());
    }
    assert_eq!(
        (early.bytes(), early.history()),
        (late.bytes(), late.history())
    );
}
