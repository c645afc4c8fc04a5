//! What the sweep found, each by its name. `docs/power-loss.md` tells the stories.

use ota_proof::sweep::{Choice, Found, Story, Sweep, all, replay};
use ota_sim::{Cut, Tear};

/// What turns only later: words that read right, untouched or blank until a later power-up.
struct Turning;

impl Choice for Turning {
    fn first(&self, _: u64) -> Vec<Tear> {
        vec![
            Tear::Fading,
            Tear::Late,
            Tear::BlankFading,
            Tear::BlankVanishing,
        ]
    }
    fn second(&self, _: Cut, _: u64) -> Vec<Tear> {
        Vec::new()
    }
    fn pairs(&self) -> bool {
        false
    }
}

/// The cuts that were found, and every cut of their configuration that turns later.
fn holds(configuration: &str, cuts: &[&str]) {
    for cut in cuts {
        let id = format!("{configuration}/{cut}");
        assert_eq!(replay(&id), Ok(()), "{id}");
    }
    let known = all().into_iter().find(|known| known.name == configuration);
    let story = Story::new(known.expect(configuration).plot);
    let sweep = Sweep::new(&story).expect("an undisturbed run");
    let mut found = Found::default();
    for operation in 1..=sweep.operations() {
        sweep.at(operation, &Turning, &mut found);
    }
    assert!(found.cuts > 50, "{} cuts", found.cuts);
    assert!(found.failures.is_empty(), "{:?}", found.failures);
}

#[test]
fn equal_steps_do_not_hide_the_step_that_a_cut_was_in() {
    holds("w1-u1024-swap/ab-aa/unplugged", &["44:fading"]);
    holds("w1-u1024-swap/ba-bb/unplugged", &["44:fading"]);
    holds("w1-u1024-swap/aba-aab/unplugged", &["51:fading"]);
}

#[test]
fn a_step_that_only_one_image_has_is_made_again_behind_a_cut_in_it() {
    holds(
        "w8-u512-swap/grow/healthy",
        &["52:fading", "58:fading", "2:saturated+58:r24"],
    );
}

#[test]
fn a_step_left_in_the_spare_does_not_hide_the_step_that_a_cut_was_in() {
    holds("w1-u1024-swap/equal/rot-in-swap", &["53:late+6:fading"]);
}

#[test]
fn a_chunk_put_back_among_good_ones_is_written_again_behind_a_cut_in_it() {
    holds("w4-u1024-ab/equal/rot-in-staged", &["22:fading"]);
}

#[test]
fn an_undisturbed_start_leaves_nothing_in_the_spare() {
    holds("w8-u2048-ecc-c1024-swap/equal/lost", &["80:late+10:fading"]);
}

#[test]
fn what_vanishes_from_the_spare_is_not_put_over_what_is_firm() {
    holds(
        "w1-u1024-swap/grow/unplugged",
        &["82:late+13:r3", "78:late+13:r3"],
    );
    holds(
        "w1-u128-swap/shrink/unplugged",
        &["125:late+29:unstable", "125:r7+30:front"],
    );
}

#[test]
fn no_attempt_comes_back_with_a_record_that_was_written_over_a_torn_place() {
    holds(
        "w1-u1024-swap/grow/unplugged",
        &[
            "54:blank-fading",
            "59:blank-vanishing",
            "10:r12+57:blank-fading",
        ],
    );
    holds("w4-u1024-ab/grow/unplugged", &["35:blank-fading"]);
    holds("w8-u512-swap/shrink/unplugged", &["47:blank-fading"]);
    holds(
        "w1-u1024-swap/equal/hangs",
        &["43:blank-fading+2:saturated"],
    );
}

#[test]
fn an_id_that_names_nothing_is_refused() {
    for id in ["", "w1-u1024-swap/ab-aa/unplugged", "no/such/thing/1:late"] {
        assert!(replay(id).is_err(), "{id}");
    }
}
