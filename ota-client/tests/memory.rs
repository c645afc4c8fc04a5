//! What a download costs in RAM, besides the buffer of one chunk.

mod support;

use std::mem::{size_of, size_of_val};

use embedded_storage_inmemory::MemFlash;
use ota_bootloader::{OneFlash, Updater};
use ota_client::Download;
use ota_image::SoftwareCrypto;
use ota_testkit::Geometry;
use support::{CONFIG, Clock, Server, device, release};

/// A driver that owns its flash by reference, as drivers of memory-mapped flash do.
type Flash = OneFlash<&'static mut MemFlash<4096, 4096, 1>>;

#[test]
fn machine_and_updater_fit_one_kibibyte_besides_the_chunk() {
    let download = size_of::<Download<'_>>();
    let borrowed = size_of::<Updater<'_, &mut Flash, SoftwareCrypto>>();
    assert!(download + borrowed <= 1024, "{download} + {borrowed}");
}

/// The drivers add little: what they keep between two steps are references.
#[test]
fn the_drivers_future_is_small() {
    let mut rig = device(Geometry::small(4));
    let mut server = Server::new(&release(2, 3000, 1024).package());
    let mut buffer = [0; 1024];
    rig.updater(|updater, anchors| {
        let mut download = Download::new(CONFIG, &mut buffer);
        let mut clock = Clock::default();
        let run = ota_client::run(&mut download, updater, anchors, &mut server, &mut clock);
        let size = size_of_val(&run);
        assert!(size <= 512, "{size}");
    })
    .expect("the journal is there");
}
