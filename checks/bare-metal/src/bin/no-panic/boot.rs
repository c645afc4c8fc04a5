//! `ota-bootloader`, the bootloader's side, and what both sides use.

use bare_metal::{ChipFlash, MAP, PRODUCT};
use ota_bootloader::{
    Area, BootEvent, Bootloader, Cause, Chip, Decision, Device, Failure, Fallback, Fed, FlashMap,
    Index, Layout, OneFlash, Product, Rebuilt, Region, ResetCause, Storage, Strategy, TrialLimits,
    TwoFlash, Which, rescues, step,
};
use ota_image::{BootKeys, PublicKey};

use crate::chip::{ChipCrypto, bytes, number, show};
use crate::image::key;

fn cause() -> ResetCause {
    match number() {
        0 => ResetCause::Power,
        1 => ResetCause::Watchdog,
        2 => ResetCause::Software,
        _ => ResetCause::Unknown,
    }
}

fn boot(product: &Product, keys: &[PublicKey], storage: impl Storage) {
    let keys = match BootKeys::new(keys) {
        Ok(keys) => keys,
        Err(error) => return show(error.code()),
    };
    let mut bootloader = Bootloader::new(product, keys, storage, ChipCrypto);
    match bootloader.boot(cause()) {
        Decision::Boot(start) => {
            show(u32::from(start.trial) | start.load_address);
            show(start.slot.number());
        }
        Decision::Recovery(recovery) => show(recovery.code()),
    }
    show(bootloader.record().position);
}

/// One flash and a constant map; two flashes and a map that is known at run time only.
pub(crate) fn decide() {
    let keys = [key(), key()];
    if let Ok(storage) = OneFlash::new(ChipFlash, MAP) {
        boot(&PRODUCT, &keys, Fed::new(storage, || show(1_u32)));
    }
    let Ok(map) = FlashMap::new(layout()) else {
        return;
    };
    let product = Product {
        map,
        load_addresses: [number(), number()],
        floor: number(),
        trial: limits(),
        ..PRODUCT
    };
    if let Ok(mut storage) = TwoFlash::new(ChipFlash, ChipFlash, map) {
        boot(&product, &keys, &mut storage);
    }
}

fn limits() -> TrialLimits {
    let [attempts, interruptions, crashes] = bytes();
    TrialLimits {
        attempts,
        interruptions,
        crashes,
    }
}

fn area() -> Area {
    Area {
        device: match number() {
            0 => Device::Internal,
            _ => Device::External,
        },
        offset: number(),
        size: number(),
    }
}

fn chip() -> Chip {
    Chip {
        size: number(),
        write_size: number(),
        erase_size: number(),
        erased: bytes::<1>()[0],
    }
}

pub(crate) fn layout() -> Layout {
    Layout {
        strategy: match number() {
            0 => Strategy::Swap,
            _ => Strategy::Ab,
        },
        internal: chip(),
        external: (number() == 0).then(chip),
        bootloader: area(),
        settings: area(),
        journal: area(),
        banks: [area(), area()],
        slots: [area(), area()],
        step: number(),
    }
}

fn region() -> Region {
    let index = match number() {
        0 => Index::Zero,
        _ => Index::One,
    };
    match number() {
        0 => Region::Journal,
        1 => Region::Bank(index),
        _ => Region::Slot(index),
    }
}

pub(crate) fn judge_maps() {
    let map = match FlashMap::new(layout()) {
        Ok(map) => map,
        Err(error) => return show(error as u32),
    };
    show(map.id() ^ map.image_capacity() ^ map.largest_chunk() ^ map.step());
    show(map.strategy() as u32 ^ map.layout().step);
    show(map.area(region()).size ^ map.geometry(region()).size);
    match OneFlash::new(ChipFlash, map) {
        Ok(mut storage) => {
            access(&mut storage);
            storage.into_inner();
        }
        Err(mismatch) => show(mismatch as u32),
    }
    if let Ok(storage) = TwoFlash::new(ChipFlash, ChipFlash, map) {
        access(&mut Fed::new(storage, || show(1_u32)));
    }
}

fn access(storage: &mut impl Storage) {
    let mut buffer = bytes::<32>();
    show(storage.geometry(region()).erase_size);
    show(storage.read(region(), number(), &mut buffer).is_ok());
    show(storage.program(region(), number(), &buffer).is_ok());
    show(storage.erase(region(), number(), number()).is_ok());
}

fn fallback() -> Fallback {
    match number() {
        0 => Fallback::Available,
        _ => Fallback::Gone,
    }
}

fn event() -> BootEvent {
    let which = match number() {
        0 => Which::Active,
        _ => Which::Other,
    };
    match number() {
        0 => BootEvent::DownloadBegun,
        1 => BootEvent::UpdateRequested,
        2 => BootEvent::HealthConfirmed(fallback()),
        3 => BootEvent::HealthDenied,
        4 => BootEvent::PowerUp(cause()),
        5 => BootEvent::StagedVerified,
        6 => BootEvent::StagedRefused,
        7 => BootEvent::SwapDone(limits()),
        8 => BootEvent::RevertDone,
        9 => BootEvent::Stuck,
        10 => BootEvent::ActiveVerified,
        11 => BootEvent::ActiveBad,
        12 => BootEvent::RescueFound(which, limits()),
        13 => BootEvent::RescueNone,
        _ => BootEvent::RestoreDone,
    }
}

/// From a state that any series of events leads to.
pub(crate) fn ask_the_state_machine() {
    use ota_bootloader::{BootState, Phase, TrialState};
    let [attempts_left, interruptions_left, code] = bytes();
    let trial = TrialState {
        attempts_left,
        interruptions_left,
        phase: match number() {
            0 => Phase::Pending,
            1 => Phase::Running,
            _ => Phase::GaveUp,
        },
    };
    let mut state = match number() {
        0 => BootState::Unknown,
        1 => BootState::Confirmed(fallback()),
        2 => BootState::Trial(trial),
        3 => BootState::Reverting(Cause::Failed),
        4 => BootState::Restoring(Which::Other, Rebuilt::Trial(trial)),
        _ => BootState::Swapping,
    };
    while number() != 0 {
        let transition = step(state, event());
        show(transition.action as u32);
        state = transition.next;
        show(rescues(state).len() as u32);
    }
    show(Failure::from_code(code).map_or(0, Failure::code));
}
