//! ELF and HEX files made by hand, so that they can be wrong in one way at a time.

const LOAD: u32 = 1;
const NOTE: u32 = 4;
pub(crate) const ARM: u16 = 40;

pub(crate) struct Segment<'a> {
    kind: u32,
    physical: u32,
    bytes: &'a [u8],
}

/// Loaded at this address.
pub(crate) fn load(physical: u32, bytes: &[u8]) -> Segment<'_> {
    Segment {
        kind: LOAD,
        physical,
        bytes,
    }
}

/// Not loaded.
pub(crate) fn note(bytes: &[u8]) -> Segment<'_> {
    Segment {
        kind: NOTE,
        physical: 0,
        bytes,
    }
}

/// An executable for an ARM that begins in its first segment, behind two vectors.
pub(crate) fn elf(segments: &[Segment<'_>]) -> Vec<u8> {
    let first = segments.first().map_or(0, |segment| segment.physical);
    elf_for(ARM, first.wrapping_add(9), segments)
}

/// A little-endian 32-bit executable with these program headers and nothing else.
pub(crate) fn elf_for(machine: u16, entry: u32, segments: &[Segment<'_>]) -> Vec<u8> {
    let count = u16::try_from(segments.len()).unwrap();
    let mut data = 52 + 32 * u32::from(count);
    let mut file = b"\x7FELF\x01\x01\x01".to_vec();
    file.resize(16, 0);
    // Executable, the machine, version 1, entry, program headers at 52, no sections, flags.
    file.extend([2_u16, machine].map(u16::to_le_bytes).concat());
    file.extend([1_u32, entry, 52, 0, 0].map(u32::to_le_bytes).concat());
    file.extend([52_u16, 32, count, 40, 0, 0].map(u16::to_le_bytes).concat());
    for segment in segments {
        let length = u32::try_from(segment.bytes.len()).unwrap();
        // Virtual addresses in RAM: it must be the physical ones that count.
        let header = [
            segment.kind,
            data,
            0x2000_0000,
            segment.physical,
            length,
            length + 64,
            5,
            4,
        ];
        file.extend(header.map(u32::to_le_bytes).concat());
        data += length;
    }
    segments
        .iter()
        .for_each(|segment| file.extend(segment.bytes));
    file
}

/// The same as Intel HEX.
pub(crate) fn hex(segments: &[(u32, &[u8])]) -> Vec<u8> {
    let mut records = Vec::new();
    for (address, bytes) in segments {
        for (at, value) in (*address..).step_by(16).zip(bytes.chunks(16)) {
            let (upper, offset) = ((at >> 16) as u16, (at & 0xFFFF) as u16);
            records.push(ihex::Record::ExtendedLinearAddress(upper));
            records.push(ihex::Record::Data {
                offset,
                value: value.to_vec(),
            });
        }
    }
    records.push(ihex::Record::StartLinearAddress(0x1002_0009));
    records.push(ihex::Record::EndOfFile);
    ihex::create_object_file_representation(&records)
        .unwrap()
        .into_bytes()
}
