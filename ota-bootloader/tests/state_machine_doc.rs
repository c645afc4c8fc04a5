//! `docs/state-machine.md` is generated from `step`, and `step` keeps its promises for every state
//! and every event.
//!
//! `BLESS=1 cargo test -p ota-bootloader --test state_machine_doc` writes the page anew.

mod machine;

use std::fmt::Write as _;

use machine::{events, show, states};
use ota_bootloader::{Action, BootEvent, BootState, Transition, TrialLimits, rescues, step};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/state-machine.md");

const HEAD: &str = "\
<!-- Generated: BLESS=1 cargo test -p ota-bootloader --test state_machine_doc -->
# The state machine

`step` in `ota-bootloader/src/state.rs` is the only place that decides. It takes a state and an event,
and gives the next state, an effect on the rest of the record, and an action. It reads and writes
nothing. Bootloader and application ask it, and do what it says. A test compares this page with
the code.

A state is stored in the journal, as part of a record that holds everything else: active bank, floor,
candidate, failed releases. *Active* is the image of the active bank, *other* that of the other bank.

| state | the device is in it |
|---|---|
| `Unknown` | with no valid record: new, or the journal is lost; never written |
| `Confirmed(f)` | with an active image that has proved itself; `f`: whether the other one is whole and was confirmed |
| `Downloading` | as confirmed, with a release on its way into staging; there is no fallback |
| `Staged` | as confirmed, with a whole release in staging that the application asked for |
| `Swapping` | while the images change places |
| `Trial{a, i, phase}` | with an active image on trial: `a` starts left, `i` power failures left that cost none |
| `Reverting(c)` | while the images change places back: the trial `Failed`, the update was `Abandoned`, or a confirmed image is `Left` |
| `Restoring(w, r)` | while one image is put together from what both slots hold, to be `r`: confirmed, or on trial |

The phase of a trial: `Pending`, not started since the last reset was accounted for; `Running`,
started and not heard of; `GaveUp`, it said that it is not healthy.

- What the bootloader does at power-up begins with the event `PowerUp`. Its actions (`VerifyActive`,
  `VerifyStaged`, `Swap`, `Revert`, `FindRescue`, `Restore`) each end in the next event, until the action
  is `Boot` or `Recover`. After 16 transitions it is `Recover` in any case.
- The state is written before slots are erased (`Swap`, `Revert`, `Restore`), and before `Boot`, if it
  has changed. So the start of a trial is counted before the jump.
- `Recover` is no state: it is not stored, and the next power-up tries again.
- `SwapDone` and `RescueFound` carry the product's limits: by default 3 attempts, 3 interruptions.
- The events `DownloadBegun`, `UpdateRequested`, `UpdateCancelled`, `RevertRequested`, `HealthConfirmed` and
  `HealthDenied` are the application's, all others the bootloader's.
- `Unrecorded` is the answer to `Swap`, and to `Boot` of a trial, when the journal does not take the
  record that they need. The way back and the putting together of an image go on without it.
- `Relapsed` takes the place of `PowerUp` when a confirmed image has crashed as often in a row as the product puts
  up with, and the former one is whole.

## Which state follows which

Loops from a state to itself are left out; `Trial` counts as one state here.

";

const TABLE: &str = "
## All transitions

`RescueNone` changes nothing, in every state, and its action is `Recover`. Every other event that is
not in the table is refused in that state: action `Refuse`, and nothing changes. Numbers in a `Trial`
stand for their kind: 0 is none left, others are some left. `RescueFound` stands here with the images
that `rescues` names in that state; the bootloader offers no others. It also sends its events only in
answer to an action, so that some rows (`ActiveVerified` in a trial that is `Running`, say) never
come up.

| state | event | next state | effect | action |
|---|---|---|---|---|
";

/// Events that the tables show.
fn shown(state: BootState, event: BootEvent) -> bool {
    match event {
        BootEvent::RescueFound(which, _) => rescues(state).contains(&which),
        BootEvent::RescueNone => false,
        _ => true,
    }
}

/// Events that differ in a detail only, and do the same, share a row.
fn rows(state: BootState) -> Vec<(Vec<BootEvent>, Transition)> {
    let mut rows: Vec<(Vec<BootEvent>, Transition)> = vec![];
    for event in events(&[TrialLimits::default()]) {
        let transition = step(state, event);
        if transition.action == Action::Refuse || !shown(state, event) {
            continue;
        }
        let same = |(known, result): &&mut (Vec<BootEvent>, Transition)| {
            *result == transition && show::event_name(known[0]) == show::event_name(event)
        };
        match rows.iter_mut().find(same) {
            Some((known, _)) => known.push(event),
            None => rows.push((vec![event], transition)),
        }
    }
    rows
}

fn table() -> String {
    let mut out = String::new();
    for state in machine::representatives() {
        for (events, transition) in rows(state) {
            let next = if transition.next == state {
                "the same".to_owned()
            } else {
                format!("`{}`", show::state(transition.next))
            };
            writeln!(
                out,
                "| `{}` | `{}` | {next} | {} | `{:?}` |",
                show::state(state),
                show::events(&events),
                show::effect(transition.effect),
                transition.action
            )
            .unwrap();
        }
    }
    out
}

/// Arrows between kinds of states, in Mermaid.
fn diagram() -> String {
    let mut arrows: Vec<(&str, &str, Vec<&str>)> = vec![];
    for state in states() {
        for event in events(&[TrialLimits::default()]) {
            let transition = step(state, event);
            let (from, to) = (show::kind(state), show::kind(transition.next));
            if from == to || !shown(state, event) {
                continue;
            }
            let name = show::event_name(event);
            match arrows.iter_mut().find(|(a, b, _)| (*a, *b) == (from, to)) {
                Some((.., names)) if names.contains(&name) => {}
                Some((.., names)) => names.push(name),
                None => arrows.push((from, to, vec![name])),
            }
        }
    }
    let mut out = String::from("```mermaid\nstateDiagram-v2\n    [*] --> Unknown\n");
    for (from, to, names) in arrows {
        writeln!(out, "    {from} --> {to}: {}", names.join(", ")).unwrap();
    }
    out + "```\n"
}

#[test]
fn the_page_on_the_state_machine_says_what_the_state_machine_does() {
    let page = [HEAD, &diagram(), TABLE, &table()].concat();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let known = std::fs::read_to_string(PAGE).unwrap();
    assert!(
        known == page,
        "docs/state-machine.md differs from state.rs; run with BLESS=1 and read the difference"
    );
}
