//! `ota-bootloader`, the application's side, and `ota-client`.

use bare_metal::{ChipFlash, MAP, PRODUCT};
use ota_bootloader::{
    Admission, FlashMap, HealthWindow, OneFlash, Product, ReleaseTag, Storage, TwoFlash, Updater,
    Verdict, Work,
};
use ota_client::{Config, Download, Next, Outcome};
use ota_image::{PublicKey, TrustAnchors};

use crate::boot::layout;
use crate::chip::{ChipCrypto, fault, long, number, reply, show, show_bytes, some};
use crate::image::key;

type Application<'a, S> = Updater<'a, S, ChipCrypto>;

fn anchors<'a>(release: &'a [PublicKey], boot: &'a [PublicKey]) -> Option<TrustAnchors<'a>> {
    TrustAnchors::new(release, boot).ok()
}

/// With one flash and a constant map, and with two and a map that is known at run time only.
fn with_updaters(
    one: fn(&mut Application<'_, OneFlash<ChipFlash>>, &TrustAnchors<'_>),
    two: fn(&mut Application<'_, TwoFlash<ChipFlash, ChipFlash>>, &TrustAnchors<'_>),
) {
    let (release, boot) = ([key(), key()], [key()]);
    let Some(anchors) = anchors(&release, &boot) else {
        return;
    };
    if let Ok(storage) = OneFlash::new(ChipFlash, MAP) {
        match Updater::open(&PRODUCT, storage, ChipCrypto) {
            Ok(mut updater) => {
                one(&mut updater, &anchors);
                let _ = updater.close();
            }
            Err(error) => show(error.code()),
        }
    }
    let Ok(map) = FlashMap::new(layout()) else {
        return;
    };
    let product = Product { map, ..PRODUCT };
    if let Ok(storage) = TwoFlash::new(ChipFlash, ChipFlash, map)
        && let Ok(mut updater) = Updater::open(&product, storage, ChipCrypto)
    {
        two(&mut updater, &anchors);
    }
}

pub(crate) fn update() {
    with_updaters(stage, stage);
}

pub(crate) fn confirm() {
    with_updaters(prove, prove);
    watch();
}

pub(crate) fn download() {
    with_updaters(by_hand, by_hand);
}

fn stage<S: Storage>(updater: &mut Application<'_, S>, anchors: &TrustAnchors<'_>) {
    let mut buffer = [0; 4096];
    let mut staging = match updater.resume(anchors, some(&mut buffer)) {
        Some(staging) => staging,
        None => match updater.admit(anchors, some(&mut buffer)) {
            Ok(Admission::Download(staging)) => staging,
            Ok(Admission::UpToDate | Admission::AlreadyStaged) => return,
            Err(error) => return show(error.code()),
        },
    };
    loop {
        show(staging.chunks_done() ^ staging.manifest().image_length);
        match updater.poll(&mut staging, some(&mut buffer), number()) {
            Ok(Work::Busy) => {}
            Ok(Work::Fetch(need)) => {
                show(need.offset ^ need.length ^ need.package_len ^ need.piece);
                if let Err(error) = updater.accept(&mut staging, some(&mut buffer)) {
                    show(error.code());
                }
            }
            Ok(Work::Complete(staged)) => {
                show_tag(staged.release());
                return match updater.request(staged) {
                    Ok(()) => show(0_u32),
                    Err(error) => show(error.code()),
                };
            }
            Err(error) => show(error.code()),
        }
    }
}

fn show_tag(tag: ReleaseTag) {
    show_bytes(&tag.id);
    show_bytes(&tag.sequence.to_le_bytes());
}

fn prove<S: Storage>(updater: &mut Application<'_, S>, anchors: &TrustAnchors<'_>) {
    show(updater.floor() ^ updater.record().position);
    let record = updater.record();
    show(record.failure_of(&record.candidate).is_some());
    if let Some(manifest) = updater.running(&anchors.boot()) {
        show_tag(ReleaseTag::of(&manifest));
    }
    let counters = [("errors", number())];
    let health = updater.health(&anchors.boot(), number(), &counters);
    show(u32::from(health.attempts_used) ^ health.floor ^ u32::from(health.last_problem));
    show(health.version.is_some());
    match updater.confirm(anchors) {
        Ok(confirmation) => show(confirmation.floor ^ confirmation.fallback as u32),
        Err(error) => show(error.code()),
    }
    if let Err(error) = updater.give_up() {
        show(error.code());
    }
}

fn watch() {
    let mut window = HealthWindow::open(["network", "sensor", "server"], long(), number());
    let mut name = [0; 10];
    let name = str::from_utf8(some(&mut name)).unwrap_or_default();
    show(window.pass(name, long()));
    show(window.may_feed(long()));
    match window.verdict(long()) {
        Verdict::Waiting(ms) => show(ms),
        Verdict::Healthy => show(0_u32),
        Verdict::Unhealthy(check) => show_bytes(check.as_bytes()),
    }
}

fn config() -> Config {
    Config {
        window: number(),
        retries: number() as u8,
        backoff_initial_ms: number(),
        backoff_max_ms: number(),
        stall_timeout_ms: number(),
        seed: number(),
    }
}

fn finish(outcome: Outcome) {
    match outcome {
        Outcome::UpToDate | Outcome::AlreadyStaged => show(0_u32),
        Outcome::Staged(staged) => show_tag(staged.release()),
    }
}

/// What the drivers do, and what they would never do.
fn by_hand<S: Storage>(updater: &mut Application<'_, S>, anchors: &TrustAnchors<'_>) {
    let mut buffer = [0; 4096];
    let mut download = Download::new(config(), some(&mut buffer));
    loop {
        match number() {
            0 => download.on_reply(reply()),
            1 => download.received(number() as usize),
            2 => download.on_fault(fault()),
            3 => download.abandon(),
            4 => download.space().fill(number() as u8),
            5 => show(download.progress().map_or(0, |p| p.done ^ p.total)),
            6 => show(download.config().window),
            7 => return,
            _ => match download.poll(updater, anchors) {
                Ok(Next::Working | Next::Receive) => {}
                Ok(Next::Request(range)) => show(range.end()),
                Ok(Next::Wait { ms, fault }) => show(ms ^ u32::from(fault.code())),
                Ok(Next::Done(outcome)) => finish(outcome),
                Err(failure) => show(failure.code()),
            },
        }
    }
}
