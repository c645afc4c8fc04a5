//! Intel HEX.

use anyhow::{Context as _, Result, bail, ensure};
use ihex::{Reader, ReaderOptions, Record};

use super::Part;

/// The data of all records, those that follow one another together.
pub(super) fn parts(bytes: &[u8]) -> Result<Vec<Part>> {
    let text = std::str::from_utf8(bytes).context("not Intel HEX: it is no text")?;
    let (mut parts, mut base, mut ended) = (Vec::<Part>::new(), 0_u32, false);
    // Two files in one have an end in the middle.
    let options = ReaderOptions {
        stop_after_first_error: true,
        stop_after_eof: false,
    };
    for (number, record) in (1..).zip(Reader::new_with_options(text, options)) {
        let record = record.with_context(|| format!("not Intel HEX, in record {number}"))?;
        ensure!(
            !ended,
            "record {number} comes after the end: give one HEX file at a time"
        );
        match record {
            Record::Data { offset, value } => {
                let Some(address) = base.checked_add(u32::from(offset)) else {
                    bail!("record {number} is for an address above 4 GiB");
                };
                match parts.last_mut() {
                    Some(last) if last.end() == u64::from(address) => last.bytes.extend(value),
                    _ => parts.push(Part {
                        address,
                        bytes: value,
                    }),
                }
            }
            Record::ExtendedLinearAddress(upper) => base = u32::from(upper) << 16,
            Record::ExtendedSegmentAddress(segment) => base = u32::from(segment) << 4,
            Record::EndOfFile => ended = true,
            // Where a processor begins to run is in its vector table.
            Record::StartLinearAddress(_) | Record::StartSegmentAddress { .. } => {}
        }
    }
    ensure!(
        ended,
        "the HEX file has no end: it is cut short, copy it again"
    );
    parts.retain(|part| !part.bytes.is_empty());
    ensure!(!parts.is_empty(), "the HEX file has no data");
    Ok(parts)
}
