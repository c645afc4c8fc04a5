//! The digest table: no byte counts that the manifest does not vouch for.

use ota_image::{
    Boot, BootKeys, ChunkDigest, ChunkMismatch, Digest, Hasher, PageError, Pages, Role,
    SoftwareCrypto, TableError, Verified, chunk_hasher,
};

use crate::common::{BOOT_ED, Package, page_digest, parse};

fn verified(package: &Package) -> Verified<Boot> {
    let envelope = package.sign(&[(Role::Boot, BOOT_ED)]);
    let keys = [BOOT_ED.public()];
    let keys = BootKeys::new(&keys).unwrap();
    parse(&envelope)
        .verify_boot(&mut SoftwareCrypto, &keys, 0)
        .unwrap()
}

/// Offset and length of each read.
type Asked = Vec<(u32, u32)>;

/// Reads digests out of `table`, and notes what was asked for.
fn read(
    release: &Verified<Boot>,
    table: &[u8],
    first: u32,
    out: &mut [Option<ChunkDigest>],
) -> (Result<usize, TableError<()>>, Asked) {
    let mut asked = vec![];
    let result = release.read_digests(&mut SoftwareCrypto, first, out, |offset, buffer| {
        asked.push((offset, u32::try_from(buffer.len()).unwrap()));
        let start = offset as usize;
        buffer.copy_from_slice(&table[start..start + buffer.len()]);
        Ok(())
    });
    (result, asked)
}

#[test]
fn the_parts_of_a_package_follow_each_other_without_gaps() {
    for chunk_size in [1024, 2048, 4096, 8192, 16_384] {
        let page = chunk_size / 32 * chunk_size;
        for length in [
            1,
            chunk_size - 1,
            chunk_size,
            chunk_size + 1,
            page,
            page + 1,
            3 * page - 1,
        ] {
            let package = Package::new(length, chunk_size);
            let m = &package.manifest;
            let file = package.file(&package.sign(&[]));
            assert_eq!(file.len(), m.package_len() as usize);
            assert_eq!(m.table_offset(), 1024);
            assert_eq!(m.table_len() as usize, package.table.len());

            let mut end = 1024;
            for page in 0..m.page_count() {
                assert_eq!(m.page_offset(page), Some(end));
                end += m.page_len(page).unwrap();
            }
            assert_eq!(end, m.payload_offset());
            for chunk in 0..m.chunk_count() {
                assert_eq!(m.chunk_offset(chunk), Some(end));
                end += m.chunk_len(chunk).unwrap();
                let page = chunk / (chunk_size / 32);
                assert_eq!(m.page_of_chunk(chunk), Some(page));
            }
            assert_eq!(end, m.package_len());
            for past in [0, 1, u32::MAX / 2, u32::MAX - m.chunk_count()] {
                let past = past + m.chunk_count();
                assert_eq!((m.chunk_len(past), m.chunk_offset(past)), (None, None));
                assert_eq!((m.page_len(past), m.page_offset(past)), (None, None));
                assert_eq!(m.page_of_chunk(past), None);
            }
        }
    }
}

#[test]
fn the_largest_image_of_each_chunk_size_needs_16_pages() {
    for (chunk_size, reach) in [(1024, 512 << 10), (2048, 2 << 20), (4096, 8 << 20)] {
        assert_eq!(Package::new(reach, chunk_size).manifest.pages.count(), 16);
    }
}

#[test]
fn pages_and_chunks_of_the_release_verify() {
    let package = Package::new(40_000, 1024);
    let release = verified(&package);
    let mut digests = [None; 32];
    for (page, count) in [(0, 32), (1, 8)] {
        let bytes = &package.table[page as usize * 1024..][..count * 32];
        let proof = release
            .verify_page(&mut SoftwareCrypto, page, bytes)
            .unwrap();
        assert_eq!((proof.page(), proof.bytes()), (page, bytes));
        assert_eq!(proof.release(), release.id());

        let first = page * 32;
        let (found, _) = read(&release, &package.table, first, &mut digests);
        assert_eq!(found, Ok(count));
        for (index, digest) in (first..).zip(digests.iter().flatten()) {
            let chunk = package.image.chunks(1024).nth(index as usize).unwrap();
            assert_eq!(
                (digest.index(), digest.len() as usize),
                (index, chunk.len())
            );
            let proof = digest.verify(&mut SoftwareCrypto, chunk).unwrap();
            assert_eq!((proof.index(), proof.bytes()), (index, chunk));
            assert_eq!(
                (proof.release(), digest.release()),
                (release.id(), release.id())
            );
        }
    }
}

#[test]
fn a_page_with_a_flipped_bit_is_refused() {
    let package = Package::new(40_000, 1024);
    let release = verified(&package);
    let mut page = package.table[..1024].to_vec();
    for bit in 0..page.len() * 8 {
        page[bit / 8] ^= 1 << (bit % 8);
        let result = release.verify_page(&mut SoftwareCrypto, 0, &page);
        assert_eq!(result.unwrap_err(), PageError::WrongDigest);
        page[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn a_page_of_another_length_number_or_place_is_refused() {
    let package = Package::new(70_000, 1024);
    let release = verified(&package);
    let check = |page, bytes: &[u8]| {
        release
            .verify_page(&mut SoftwareCrypto, page, bytes)
            .map(|_| ())
            .unwrap_err()
    };
    assert_eq!(check(0, &package.table[..992]), PageError::WrongLength);
    assert_eq!(check(0, &package.table[..1056]), PageError::WrongLength);
    assert_eq!(check(0, &[]), PageError::WrongLength);
    assert_eq!(check(1, &package.table[..1024]), PageError::WrongDigest);
    assert_eq!(check(3, &package.table[..1024]), PageError::NoSuchPage);
    assert_eq!(
        check(u32::MAX, &package.table[..1024]),
        PageError::NoSuchPage
    );
}

#[test]
fn digests_are_read_from_the_chunk_asked_for_to_the_end_of_its_page() {
    let package = Package::new(40_000, 1024);
    let release = verified(&package);
    for first in 0..40 {
        for room in [0, 1, 3, 8, 40] {
            let mut out = vec![None; room];
            let (found, asked) = read(&release, &package.table, first, &mut out);
            let left = if first < 32 { 32 - first } else { 40 - first };
            assert_eq!(found, Ok(room.min(left as usize)));
            assert_eq!(out.iter().flatten().count(), found.unwrap());
            let indices: Vec<_> = out.iter().flatten().map(ChunkDigest::index).collect();
            assert_eq!(indices, (first..).take(indices.len()).collect::<Vec<_>>());

            let (start, end) = if first < 32 { (0, 1024) } else { (1024, 1280) };
            let mut at = start;
            for (offset, len) in asked {
                assert_eq!((offset, offset % 32, len % 32), (at, 0, 0));
                assert!((32..=128).contains(&len));
                at += len;
            }
            assert_eq!(at, end, "the whole page, and no other");
        }
    }
}

#[test]
fn a_stored_page_that_is_damaged_anywhere_gives_no_digest() {
    let package = Package::new(40_000, 1024);
    let release = verified(&package);
    let mut table = package.table.clone();
    let mut out = [None; 8];
    for offset in 1024..1280 {
        read(&release, &package.table, 32, &mut out).0.unwrap();
        table[offset] ^= 0x10;
        let (result, _) = read(&release, &table, 32, &mut out);
        assert_eq!((result, out), (Err(TableError::WrongDigest), [None; 8]));
        // The other page is as good as before.
        assert_eq!(read(&release, &table, 0, &mut out).0, Ok(8));
        table[offset] ^= 0x10;
    }
}

#[test]
fn a_read_error_gives_no_digest() {
    let package = Package::new(40_000, 1024);
    let release = verified(&package);
    let mut out = [None; 32];
    for failing in 0..8 {
        read(&release, &package.table, 0, &mut out).0.unwrap();
        let mut reads = 0;
        let result = release.read_digests(&mut SoftwareCrypto, 0, &mut out, |offset, buffer| {
            buffer.copy_from_slice(&package.table[offset as usize..][..buffer.len()]);
            reads += 1;
            if reads > failing {
                Err("flash")
            } else {
                Ok(())
            }
        });
        assert_eq!((result, out), (Err(TableError::Read("flash")), [None; 32]));
    }
}

#[test]
fn a_chunk_past_the_end_is_not_read() {
    let package = Package::new(40_000, 1024);
    let release = verified(&package);
    for first in [40, 41, u32::MAX] {
        let (result, asked) = read(&release, &package.table, first, &mut [None]);
        assert_eq!((result, asked), (Err(TableError::NoSuchChunk), vec![]));
    }
}

#[test]
fn a_chunk_that_is_changed_cut_or_another_is_refused() {
    let package = Package::new(2_500, 1024);
    let release = verified(&package);
    let mut digests = [None; 3];
    read(&release, &package.table, 0, &mut digests).0.unwrap();
    let last = digests[2].unwrap();
    let chunk = &package.image[2048..];
    assert_eq!((last.len(), chunk.len()), (452, 452));
    assert!(last.matches(&mut SoftwareCrypto, chunk));
    let refused = |bytes: &[u8]| last.verify(&mut SoftwareCrypto, bytes).err();
    let mut flipped = chunk.to_vec();
    flipped[451] ^= 0x80;
    let longer = [chunk, &[0]].concat();
    for bytes in [
        &flipped,
        &chunk[..451],
        &longer,
        &[][..],
        &package.image[..1024],
    ] {
        assert_eq!(refused(bytes), Some(ChunkMismatch));
    }
}

#[test]
fn a_chunk_can_be_hashed_in_pieces() {
    let package = Package::new(2_500, 1024);
    let release = verified(&package);
    let mut digests = [None; 1];
    read(&release, &package.table, 1, &mut digests).0.unwrap();
    let mut crypto = SoftwareCrypto;
    let mut hasher = chunk_hasher(&mut crypto);
    for piece in package.image[1024..2048].chunks(100) {
        hasher.update(piece);
    }
    assert!(digests[0].unwrap().matches_digest(hasher.finish()));
    assert!(!digests[0].unwrap().matches_digest(Digest([0; 32])));
}

#[test]
fn a_page_never_passes_for_a_chunk_nor_an_image_for_either() {
    let package = Package::new(1024, 1024);
    let chunk = &package.image[..];
    let leaf = crate::common::chunk_digest(chunk);
    let plain = ota_image::sha256_of(&mut SoftwareCrypto, chunk);
    assert!(leaf != plain && leaf != page_digest(chunk) && plain != page_digest(chunk));
}

#[test]
fn a_manifest_with_the_digest_of_another_table_vouches_for_none_of_it() {
    let package = Package::new(2_500, 1024)
        .with(|manifest| manifest.pages = Pages::new(&[Digest([9; 32])]).unwrap());
    let release = verified(&package);
    let (result, _) = read(&release, &package.table, 0, &mut [None; 3]);
    assert_eq!(result, Err(TableError::WrongDigest));
}

#[test]
fn a_digest_takes_72_bytes_of_ram() {
    assert_eq!(size_of::<ChunkDigest>(), 72);
}
