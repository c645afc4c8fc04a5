//! The entity tag: how a server says which content it is talking about.

/// Longer tags than this are treated as absent; the content is checked by its digests anyway.
const MAX: usize = 72;

/// An entity tag as the server wrote it, quotes and all; or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    bytes: [u8; MAX],
    length: u8,
}

impl Tag {
    pub(crate) const NONE: Self = Self {
        bytes: [0; MAX],
        length: 0,
    };

    /// Takes a header's value; what is not a well-formed tag counts as none, as it will be sent
    /// back verbatim.
    pub(crate) fn from_header(value: &[u8]) -> Self {
        let opaque = value.strip_prefix(b"W/").unwrap_or(value);
        let well_formed = opaque.len() >= 2
            && opaque.starts_with(b"\"")
            && opaque.ends_with(b"\"")
            && opaque.iter().filter(|byte| **byte == b'"').count() == 2
            && opaque.iter().all(u8::is_ascii_graphic);
        let mut tag = Self::NONE;
        if well_formed
            && let Some(to) = tag.bytes.get_mut(..value.len())
            && let Ok(length) = u8::try_from(value.len())
        {
            to.copy_from_slice(value);
            tag.length = length;
        }
        tag
    }

    pub(crate) const fn is_none(&self) -> bool {
        self.length == 0
    }

    /// The tag as it may stand in `If-Range`, where a weak one may not.
    pub(crate) fn strong(&self) -> Option<&str> {
        let bytes = self.bytes.get(..usize::from(self.length))?;
        let text = core::str::from_utf8(bytes).ok()?;
        (!text.is_empty() && !text.starts_with("W/")).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strong_tag_comes_back_as_it_was() {
        assert_eq!(Tag::from_header(b"\"abc-1\"").strong(), Some("\"abc-1\""));
    }

    #[test]
    fn a_weak_tag_is_kept_to_compare_but_never_sent() {
        let tag = Tag::from_header(b"W/\"abc\"");
        assert!(!tag.is_none());
        assert_eq!(tag.strong(), None);
    }

    #[test]
    fn what_is_not_a_tag_counts_as_none() {
        for value in [
            &b""[..],
            b"\"",
            b"abc",
            b"\"a\"b\"",
            b"\"a b\"",
            b"\"a\r\nX: y\"",
            b"W/abc",
            &[b'"'; 73],
        ] {
            assert!(Tag::from_header(value).is_none(), "{value:?}");
        }
        let mut long = [b'a'; 73];
        long[0] = b'"';
        long[72] = b'"';
        assert!(Tag::from_header(&long).is_none());
        long[71] = b'"';
        assert!(!Tag::from_header(&long[..72]).is_none());
    }
}
