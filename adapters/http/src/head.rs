//! The head of an answer: from bytes to the few facts that matter here.

use crate::tag::Tag;

/// More fields than any file server or CDN sends.
const MAX_FIELDS: usize = 64;

/// What the head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) content_length: Once<u64>,
    pub(crate) content_range: Once<ContentRange>,
    pub(crate) tag: Tag,
    pub(crate) transfer_encoded: bool,
    pub(crate) content_encoded: bool,
    pub(crate) multipart: bool,
    pub(crate) keep_alive: bool,
}

/// A field that may stand once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Once<T> {
    Absent,
    Is(T),
    /// Unreadable, or there more than once.
    Bad,
}

impl<T> Once<T> {
    fn found(&mut self, value: Option<T>) {
        *self = match (&self, value) {
            (Self::Absent, Some(value)) => Self::Is(value),
            _ => Self::Bad,
        };
    }
}

/// `bytes first-last/total`; last is inclusive, as on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentRange {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) total: Option<u64>,
}

/// Why bytes are not a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadError {
    NotHttp,
    TooManyFields,
}

/// Reads a head; says where it ends, or `None` if more bytes are needed.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, HeadError> {
    // Garbage is refused by its first byte, not when the buffer is full of it.
    if !b"HTTP/1.".iter().zip(bytes).all(|(want, got)| want == got) {
        return Err(HeadError::NotHttp);
    }
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let end = match response.parse(bytes) {
        Ok(httparse::Status::Complete(end)) => end,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooManyFields),
        Err(_) => return Err(HeadError::NotHttp),
    };
    let mut head = Head {
        status: response.code.ok_or(HeadError::NotHttp)?,
        content_length: Once::Absent,
        content_range: Once::Absent,
        tag: Tag::NONE,
        transfer_encoded: false,
        content_encoded: false,
        multipart: false,
        keep_alive: response.version == Some(1),
    };
    for field in response.headers.iter() {
        head.field(field.name, field.value);
    }
    // Wherever it stands.
    head.keep_alive &= !response.headers.iter().any(|field| closes(field));
    Ok(Some((head, end)))
}

impl Head {
    fn field(&mut self, name: &str, value: &[u8]) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("content-length") {
            self.content_length.found(number(value));
        } else if is("content-range") {
            self.content_range.found(content_range(value));
        } else if is("etag") {
            self.tag = Tag::from_header(value);
        } else if is("transfer-encoding") {
            self.transfer_encoded = true;
        } else if is("content-encoding") {
            // Each of them was applied, in all fields: one that is not identity is enough.
            self.content_encoded |= !options(value).all(|coding| named(coding, "identity"));
        } else if is("content-type") {
            // Whatever follows, and however it is separated.
            let parts = "multipart/byteranges";
            let kind = value.get(..parts.len());
            self.multipart |= kind.is_some_and(|kind| named(kind, parts));
        } else if is("connection") {
            self.keep_alive |= options(value).any(|option| named(option, "keep-alive"));
        }
    }
}

fn closes(field: &httparse::Header<'_>) -> bool {
    named(field.name.as_bytes(), "connection")
        && options(field.value).any(|option| named(option, "close"))
}

/// The elements of a list.
fn options(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

fn named(text: &[u8], name: &str) -> bool {
    text.eq_ignore_ascii_case(name.as_bytes())
}

fn content_range(value: &[u8]) -> Option<ContentRange> {
    let (unit, rest) = value.split_at_checked(6)?;
    if !unit.eq_ignore_ascii_case(b"bytes ") {
        return None;
    }
    let text = core::str::from_utf8(rest).ok()?;
    let (range, total) = text.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let total = match total {
        "*" => None,
        digits => Some(number(digits.as_bytes())?),
    };
    Some(ContentRange {
        first: number(first.as_bytes())?,
        last: number(last.as_bytes())?,
        total,
    })
}

/// Digits and nothing else: `parse` alone would let a sign through.
fn number(value: &[u8]) -> Option<u64> {
    if !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use super::*;

    fn head(text: &str) -> Head {
        let (head, end) = parse(text.as_bytes()).expect("a head").expect("complete");
        assert_eq!(end, text.len());
        head
    }

    #[test]
    fn the_facts_are_found_whatever_their_case() {
        let head = head(concat!(
            "HTTP/1.1 206 Partial Content\r\nCONTENT-LENGTH: 10\r\n",
            "content-range: Bytes 5-14/100\r\nETag: \"x\"\r\n\r\n"
        ));
        assert_eq!(head.status, 206);
        assert_eq!(head.content_length, Once::Is(10));
        let range = ContentRange {
            first: 5,
            last: 14,
            total: Some(100),
        };
        assert_eq!(head.content_range, Once::Is(range));
        assert_eq!(head.tag.strong(), Some("\"x\""));
        assert!(head.keep_alive && !head.transfer_encoded && !head.content_encoded);
    }

    #[test]
    fn a_repeated_or_unreadable_field_is_bad() {
        for text in [
            "HTTP/1.1 206 P\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "HTTP/1.1 206 P\r\nContent-Length: 1, 1\r\n\r\n",
            "HTTP/1.1 206 P\r\nContent-Length: +1\r\n\r\n",
            "HTTP/1.1 206 P\r\nContent-Length: \r\n\r\n",
            "HTTP/1.1 206 P\r\nContent-Length: 99999999999999999999\r\n\r\n",
        ] {
            assert_eq!(head(text).content_length, Once::Bad, "{text}");
        }
        for value in [
            "",
            "bytes",
            "bytes ",
            "bytes */100",
            "items 0-1/2",
            "bytes 0-1",
            "bytes -1/2",
            "bytes 0-/2",
            "bytes 0-1/",
            "bytes 0 - 1/2",
            "bytes 0-1/x",
            "bytes 0-1/2/3",
        ] {
            let text = format!("HTTP/1.1 206 P\r\nContent-Range: {value}\r\n\r\n");
            assert_eq!(head(&text).content_range, Once::Bad, "{text}");
        }
    }

    #[test]
    fn an_unknown_total_is_no_error() {
        let head = head("HTTP/1.1 206 P\r\nContent-Range: bytes 0-1/*\r\n\r\n");
        assert!(matches!(
            head.content_range,
            Once::Is(ContentRange { total: None, .. })
        ));
    }

    #[test]
    fn keep_alive_follows_version_and_field() {
        for (text, keep_alive) in [
            ("HTTP/1.1 200 O\r\n\r\n", true),
            ("HTTP/1.1 200 O\r\nConnection: Close\r\n\r\n", false),
            ("HTTP/1.1 200 O\r\nConnection: x, close\r\n\r\n", false),
            (
                "HTTP/1.1 200 O\r\nConnection: close, keep-alive\r\n\r\n",
                false,
            ),
            (
                "HTTP/1.1 200 O\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n",
                false,
            ),
            ("HTTP/1.0 200 O\r\n\r\n", false),
            ("HTTP/1.0 200 O\r\nConnection: keep-alive\r\n\r\n", true),
        ] {
            assert_eq!(head(text).keep_alive, keep_alive, "{text}");
        }
    }

    #[test]
    fn encodings_are_noticed() {
        assert!(head("HTTP/1.1 206 P\r\nTransfer-Encoding: chunked\r\n\r\n").transfer_encoded);
        assert!(head("HTTP/1.1 206 P\r\nContent-Encoding: gzip\r\n\r\n").content_encoded);
        assert!(!head("HTTP/1.1 206 P\r\nContent-Encoding: Identity\r\n\r\n").content_encoded);
        assert!(head("HTTP/1.1 206 P\r\nContent-Encoding: identity,\r\n\r\n").content_encoded);
        assert!(head("HTTP/1.1 206 P\r\nContent-Encoding: \r\n\r\n").content_encoded);
        assert!(head("HTTP/1.1 206 P\r\nContent-Type: multipart/byteranges\r\n\r\n").multipart);
        assert!(!head("HTTP/1.1 206 P\r\nContent-Type: multipart/x\r\n\r\n").multipart);
    }

    #[test]
    fn every_beginning_of_a_head_asks_for_more() {
        let text = b"HTTP/1.1 206 Partial Content\r\nETag: \"x\"\r\n\r\n";
        for length in 0..text.len() {
            assert_eq!(parse(&text[..length]), Ok(None), "{length}");
        }
    }

    #[test]
    fn garbage_is_refused_at_its_first_byte() {
        for bytes in [
            &b"\0"[..],
            b"S",
            b"HTTP/2",
            b"HTTP/1.1 abc",
            b"HTTP/1.1 200\r\n\0:",
        ] {
            assert_eq!(parse(bytes), Err(HeadError::NotHttp), "{bytes:?}");
        }
    }

    #[test]
    fn too_many_fields_are_an_error() {
        let mut text = String::from("HTTP/1.1 200 O\r\n");
        text.push_str(&"A: b\r\n".repeat(MAX_FIELDS + 1));
        text.push_str("\r\n");
        assert_eq!(parse(text.as_bytes()), Err(HeadError::TooManyFields));
    }
}
