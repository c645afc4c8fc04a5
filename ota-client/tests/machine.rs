//! The machine where drivers and sources seldom take it: answers abandoned, attempts begun anew,
//! flash that takes nothing, a release in the place of another.

mod support;

use ota_bootloader::{AcceptError, Index, Region};
use ota_client::{Config, Download, Failure, Fault, Next, Outcome, Range, Reply};
use ota_testkit::{Geometry, Rig};
use support::{CONFIG, End, Server, Trick, assert_runs, attempt, device, release};

/// What the machine wants next, when it has done what it can do by itself.
macro_rules! next {
    ($download:expr, $updater:expr, $anchors:expr) => {
        loop {
            match $download.poll($updater, $anchors) {
                Ok(Next::Working | Next::Wait { .. }) => {}
                other => break other,
            }
        }
    };
}

fn answer(download: &mut Download<'_>, range: Range) {
    download.on_reply(Reply {
        offset: range.offset,
        length: range.length,
        total: None,
    });
}

fn give(download: &mut Download<'_>, bytes: &[u8]) {
    download.space()[..bytes.len()].copy_from_slice(bytes);
    download.received(bytes.len());
}

fn rig_for(images: &[&[u8]]) -> Rig {
    let rig = device(Geometry::small(8));
    images.iter().for_each(|image| rig.approve(image));
    rig
}

#[test]
fn of_an_abandoned_answer_only_the_rest_is_asked_for_and_a_whole_piece_is_taken() {
    let release = release(2, 5000, 1024);
    let package = release.package();
    let mut rig = rig_for(&[&release.image]);
    let mut buffer = vec![0; 1024];
    rig.updater(|updater, anchors| {
        let mut download = Download::new(CONFIG, &mut buffer);
        let Ok(Next::Request(first)) = next!(download, updater, anchors) else {
            panic!("nothing is asked for");
        };
        assert_eq!((first.offset, first.length), (0, 1024));
        answer(&mut download, first);
        give(&mut download, &package[..1000]);
        download.abandon();
        let Ok(Next::Request(rest)) = next!(download, updater, anchors) else {
            panic!("the rest is not asked for");
        };
        assert_eq!((rest.offset, rest.length), (1000, 24));
        answer(&mut download, rest);
        give(&mut download, &package[1000..1024]);
        // Whole now: there is nothing to ask for again.
        download.abandon();
        let Ok(Next::Request(table)) = next!(download, updater, anchors) else {
            panic!("the envelope was not taken");
        };
        // 5 digests; asking for nothing would be wrong, too.
        assert_eq!((table.offset, table.length), (1024, 5 * 32));
        // An answer abandoned between two pieces is not read on.
        answer(&mut download, table);
        let (from, piece) = (table.offset as usize, download.space().len());
        give(&mut download, &package[from..from + piece]);
        download.abandon();
        let Ok(Next::Request(chunks)) = next!(download, updater, anchors) else {
            panic!("an abandoned answer is read on");
        };
        assert_eq!(chunks.offset as usize, from + piece);
    })
    .expect("a journal");
}

#[test]
fn polling_after_the_end_begins_another_attempt() {
    let release = release(2, 5000, 1024);
    let package = release.package();
    let mut rig = rig_for(&[&release.image]);
    let mut buffer = vec![0; 1024];
    rig.updater(|updater, anchors| {
        let mut download = Download::new(CONFIG, &mut buffer);
        for _ in 0..3 {
            assert!(matches!(
                next!(download, updater, anchors),
                Ok(Next::Request(_))
            ));
            download.on_fault(Fault::NotFound);
            let end = next!(download, updater, anchors);
            assert!(
                matches!(end, Err(Failure::Fault(Fault::NotFound))),
                "{end:?}"
            );
        }
        let mut asked = 0;
        let outcome = loop {
            match next!(download, updater, anchors).expect("no failure") {
                Next::Request(range) => {
                    answer(&mut download, range);
                    asked = range.offset as usize;
                }
                Next::Receive => {
                    let piece = download.space().len();
                    give(&mut download, &package[asked..asked + piece]);
                    asked += piece;
                }
                Next::Done(outcome) => break outcome,
                Next::Working | Next::Wait { .. } => unreachable!("passed over"),
            }
        };
        assert!(matches!(outcome, Outcome::Staged(_)));
    })
    .expect("a journal");
}

#[test]
fn cells_that_take_nothing_end_the_attempt_after_the_retries_and_not_before() {
    let release = release(2, 5000, 1024);
    let mut rig = rig_for(&[&release.image]);
    let area = rig.product.map.area(Region::Slot(Index::One));
    rig.flash.fail_program(area.offset..area.offset + area.size);
    let mut requests = Vec::new();
    for retries in [0, 3] {
        let mut server = Server::new(&release.package());
        let config = Config { retries, ..CONFIG };
        let end = attempt(&mut rig, &mut server, config).map_err(|error| error.failure);
        assert_eq!(end, Err(Failure::Accept(AcceptError::Flash)));
        requests.push(server.asked.len());
    }
    assert!(requests[0] < requests[1], "{requests:?}");
}

/// Each piece of the newer release costs a fault, and there is one retry: what the older one had
/// gained must not count against it.
#[test]
fn a_newer_release_in_the_place_of_a_long_one_is_forgiven_its_own_faults() {
    let (long, newer) = (release(2, 20_000, 1024), release(3, 5000, 1024));
    let mut rig = rig_for(&[&long.image, &newer.image]);
    let config = Config {
        window: 1,
        retries: 1,
        ..CONFIG
    };
    let mut server = Server::new(&long.package());
    server.replace = Some((15, newer.package()));
    server.tells_changes = true;
    // The request that meets the change, the envelope, and then every other one fails.
    for request in (18..60).step_by(2) {
        server.tricks.insert(request, Trick::Fails(Fault::Link));
    }
    assert_eq!(attempt(&mut rig, &mut server, config), Ok(End::Requested));
    assert!(server.asked.len() > 22, "{:?}", server.asked);
    assert_runs(&mut rig, &newer.image);
}
