//! The digest table: a page counts if and only if it is the signed one, and a chunk if and only
//! if it is what the page says.

use ota_image::{
    BootKeys, ChunkSize, Digest, Distribution, Envelope, Hasher, MAX_BODY, Manifest, Pages, Role,
    TrustAnchors, Verified, Version, chunk_hasher, page_hasher, sha256_of, write_envelope,
};

use crate::input::Input;
use crate::keyed::{self, KeyedHash};

/// Longer images cost time and show nothing more: this is two pages and a bit of 1 KiB.
const LONGEST: u32 = 70 * 1024;

/// An image, its digest table, and a manifest that vouches for both.
struct Release {
    image: Vec<u8>,
    table: Vec<u8>,
    manifest: Verified<Distribution>,
}

impl Release {
    fn new(image: Vec<u8>, chunk_size: ChunkSize) -> Self {
        let size = chunk_size.bytes() as usize;
        let leaf = |chunk: &[u8]| {
            let mut crypto = KeyedHash;
            let mut hasher = chunk_hasher(&mut crypto);
            hasher.update(chunk);
            hasher.finish().0
        };
        let table: Vec<u8> = image.chunks(size).flat_map(leaf).collect();
        let page = |page: &[u8]| {
            let mut crypto = KeyedHash;
            let mut hasher = page_hasher(&mut crypto);
            hasher.update(page);
            hasher.finish()
        };
        let pages: Vec<Digest> = table.chunks(size).map(page).collect();
        let manifest = manifest(&image, chunk_size, &pages);
        Self {
            image,
            table,
            manifest,
        }
    }
}

fn manifest(image: &[u8], chunk_size: ChunkSize, pages: &[Digest]) -> Verified<Distribution> {
    let manifest = Manifest {
        vendor: [0; 16],
        class: [0; 16],
        hardware_min: 0,
        hardware_max: 0,
        component: 0,
        load_address: 0,
        version: Version::new("1").expect("a version"),
        sequence: 1,
        security_counter: 0,
        image_length: u32::try_from(image.len()).expect("a short image"),
        image_digest: sha256_of(&mut KeyedHash, image),
        chunk_size,
        pages: Pages::new(pages).expect("few pages"),
        payload_format: 0,
        lowest_boot_format: 0,
        revoked_boot_keys: 0,
    };
    let mut body = [0; MAX_BODY];
    let len = manifest.encode(&[], &mut body).expect("a manifest");
    let entries = [
        keyed::sign(Role::Release, &keyed::RELEASE, &body[..len]),
        keyed::sign(Role::Boot, &keyed::BOOT, &body[..len]),
    ];
    let envelope = write_envelope(&body[..len], &entries).expect("an envelope");
    let (release, boot) = ([keyed::RELEASE], [keyed::BOOT]);
    let anchors = TrustAnchors::new(&release, &boot).expect("two keys");
    let envelope = Envelope::parse(&envelope).expect("an envelope");
    let by_bootloader =
        BootKeys::new(&boot).map(|keys| envelope.verify_boot(&mut KeyedHash, &keys, 0));
    assert!(by_bootloader.is_ok_and(|verified| verified.is_ok()));
    envelope
        .verify(&mut KeyedHash, &anchors, 0)
        .expect("signed")
}

/// Input: exponent of the chunk size, length, first byte of the image, how many digests are
/// asked for, chunk asked for, and then changes to the stored table: place (2), bits (1).
///
/// # Panics
/// If a promise does not hold.
pub fn check(input: &[u8]) {
    let mut input = Input::new(input);
    let chunk_size = ChunkSize::from_log2(10 + input.byte() % 5).expect("10 to 14");
    let len = 1 + input.u32() % LONGEST;
    let seed = input.byte();
    let image: Vec<u8> = (0..len)
        .map(|i| (i.wrapping_mul(31) >> 3) as u8 ^ seed)
        .collect();
    let release = Release::new(image, chunk_size);
    let wanted = usize::from(input.byte() % 9);
    let first = u32::from(input.u16());
    let mut stored = release.table.clone();
    while !input.is_over() {
        let place = usize::from(input.u16()) % stored.len();
        stored[place] ^= input.byte();
    }
    check_pages(&release, &stored);
    check_digests(&release, &stored, first, wanted);
}

fn check_pages(release: &Release, stored: &[u8]) {
    let size = release.manifest.chunk_size.bytes() as usize;
    let honest: Vec<_> = release.table.chunks(size).collect();
    for (number, page) in stored.chunks(size).enumerate() {
        for claimed in 0..=honest.len() {
            let index = u32::try_from(claimed).expect("few pages");
            let verified = release.manifest.verify_page(&mut KeyedHash, index, page);
            let same = honest.get(claimed) == Some(&page);
            assert_eq!(verified.is_ok(), same, "page {number} as {claimed}");
            let short = &page[..page.len() - 1];
            assert!(
                release
                    .manifest
                    .verify_page(&mut KeyedHash, index, short)
                    .is_err()
            );
        }
    }
}

fn check_digests(release: &Release, stored: &[u8], first: u32, wanted: usize) {
    let manifest = &release.manifest;
    let mut found = vec![None; wanted];
    let (mut reads, mut next) = (0, None);
    let result = manifest.read_digests(&mut KeyedHash, first, &mut found, |offset, out| {
        let from = offset as usize;
        assert!(from.is_multiple_of(32) && out.len().is_multiple_of(32) && out.len() <= 128);
        assert!(
            next.is_none_or(|next| next == from),
            "read twice, or not at all"
        );
        next = Some(from + out.len());
        reads += out.len();
        out.copy_from_slice(stored.get(from..from + out.len()).ok_or(())?);
        Ok::<(), ()>(())
    });
    let size = manifest.chunk_size.bytes() as usize;
    let Some(page) = manifest.page_of_chunk(first) else {
        assert!(result.is_err() && reads == 0);
        return;
    };
    let page = page as usize * size..((page as usize + 1) * size).min(stored.len());
    let same = stored[page.clone()] == release.table[page.clone()];
    assert_eq!(result.is_ok(), same, "{result:?}");
    let count = result.unwrap_or(0);
    let expected = if same {
        wanted.min(page.len() / 32 - (first as usize - page.start / 32))
    } else {
        0
    };
    assert_eq!(count, expected);
    assert!(found[count..].iter().all(Option::is_none));
    for (digest, index) in found.iter().flatten().zip(first as usize..) {
        let chunk = release.image.chunks(size).nth(index).expect("a chunk");
        assert_eq!(
            (digest.index() as usize, digest.len() as usize),
            (index, chunk.len())
        );
        assert!(digest.verify(&mut KeyedHash, chunk).is_ok());
        let mut damaged = chunk.to_vec();
        damaged[chunk.len() / 2] ^= 1;
        assert!(digest.verify(&mut KeyedHash, &damaged).is_err());
        assert!(digest.verify(&mut KeyedHash, &chunk[1..]).is_err());
    }
}
