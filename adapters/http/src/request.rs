//! The one request that is ever made.

use core::fmt::{self, Write};

use ota_client::Range;

use crate::{Url, tag::Tag};

/// Further fields for every request, as name and value: credentials, say.
pub(crate) type Fields<'a> = &'a [(&'a str, &'a str)];

/// Whether the fields can stand in a request without changing its meaning.
pub(crate) fn fields_are_clean(fields: Fields<'_>) -> bool {
    fields.iter().all(|(name, value)| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
            && value
                .bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' ')
    })
}

/// Writes the request into `buffer` and says how long it is; an error when it does not fit.
pub(crate) fn compose(
    buffer: &mut [u8],
    url: &Url<'_>,
    fields: Fields<'_>,
    range: Range,
    tag: &Tag,
) -> Result<usize, fmt::Error> {
    let mut out = Cursor { buffer, length: 0 };
    let slash = if url.path().starts_with('/') { "" } else { "/" };
    let last = range.end().checked_sub(1).ok_or(fmt::Error)?;
    write!(
        out,
        "GET {slash}{} HTTP/1.1\r\nHost: {}\r\nRange: bytes={}-{last}\r\n",
        url.path(),
        url.authority(),
        range.offset,
    )?;
    if let Some(tag) = tag.strong() {
        write!(out, "If-Range: {tag}\r\n")?;
    }
    out.write_str(concat!(
        "Accept-Encoding: identity\r\nUser-Agent: ota-http/",
        env!("CARGO_PKG_VERSION"),
        "\r\n"
    ))?;
    for (name, value) in fields {
        write!(out, "{name}: {value}\r\n")?;
    }
    out.write_str("\r\n")?;
    Ok(out.length)
}

struct Cursor<'a> {
    buffer: &'a mut [u8],
    length: usize,
}

impl Write for Cursor<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length.checked_add(text.len()).ok_or(fmt::Error)?;
        self.buffer
            .get_mut(self.length..end)
            .ok_or(fmt::Error)?
            .copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use super::*;

    fn request(url: &str, fields: Fields<'_>, tag: &[u8]) -> String {
        let mut buffer = [0; 512];
        let url = Url::parse(url).expect("an address");
        let range = Range {
            offset: 1024,
            length: 512,
        };
        let length = compose(&mut buffer, &url, fields, range, &Tag::from_header(tag))
            .expect("the request fits");
        String::from_utf8(buffer[..length].to_vec()).expect("text")
    }

    #[test]
    fn the_request_asks_for_the_range_and_for_unchanged_content() {
        let text = request("http://h:81/a.ota", &[("X-Token", "a b")], b"\"t\"");
        assert_eq!(
            text,
            concat!(
                "GET /a.ota HTTP/1.1\r\nHost: h:81\r\nRange: bytes=1024-1535\r\n",
                "If-Range: \"t\"\r\nAccept-Encoding: identity\r\nUser-Agent: ota-http/",
                env!("CARGO_PKG_VERSION"),
                "\r\nX-Token: a b\r\n\r\n"
            )
        );
    }

    #[test]
    fn a_weak_tag_or_none_sends_no_condition() {
        assert!(!request("http://h/", &[], b"W/\"t\"").contains("If-Range"));
        assert!(!request("http://h/", &[], b"").contains("If-Range"));
    }

    #[test]
    fn a_missing_path_is_the_root() {
        assert!(request("http://h", &[], b"").starts_with("GET / HTTP/1.1\r\n"));
        assert!(request("http://h?q", &[], b"").starts_with("GET /?q HTTP/1.1\r\n"));
    }

    #[test]
    fn a_request_that_does_not_fit_is_an_error() {
        let url = Url::parse("http://h/").expect("an address");
        let range = Range {
            offset: 0,
            length: 1,
        };
        for size in 0..100 {
            let mut buffer = vec![0; size];
            assert!(compose(&mut buffer, &url, &[], range, &Tag::NONE).is_err());
        }
    }

    #[test]
    fn fields_cannot_smuggle_others() {
        assert!(fields_are_clean(&[("Authorization", "Bearer x.y-z")]));
        for bad in [
            ("", "x"),
            ("A B", "x"),
            ("A", "x\r\nB: y"),
            ("A:", "x"),
            ("A", "\u{e4}"),
        ] {
            assert!(!fields_are_clean(&[bad]), "{bad:?}");
        }
    }
}
