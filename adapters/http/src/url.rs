//! The address of a package.

use core::fmt;

/// An `http` or `https` address, taken apart.
///
/// Only its parts are used here: [`Connect`](crate::Connect) decides how a connection is made,
/// and so whether it is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Url<'a> {
    secure: bool,
    authority: &'a str,
    host: &'a str,
    port: Option<u16>,
    path: &'a str,
}

/// Why a text is not an address that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// It does not begin with `http://` or `https://`.
    Scheme,
    /// The host is missing, or has characters that a host cannot have.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
    /// It names a user; credentials belong in a header.
    UserInfo,
    /// It has a space, a control character or one outside ASCII; these must be percent-encoded.
    Character,
}

impl UrlError {
    /// A number that stays the same for ever: `0x31xx`.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Scheme => 0x3101,
            Self::Host => 0x3102,
            Self::Port => 0x3103,
            Self::UserInfo => 0x3104,
            Self::Character => 0x3105,
        }
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the address must begin with http:// or https://",
            Self::Host => "the address has no usable host: write http://HOST[:PORT]/PATH",
            Self::Port => "the port must be a number from 1 to 65535",
            Self::UserInfo => "the address names a user: send credentials in a header instead",
            Self::Character => "the address has a character that must be percent-encoded",
        })
    }
}

impl core::error::Error for UrlError {}

impl<'a> Url<'a> {
    /// Takes `http://HOST[:PORT][/PATH][?QUERY][#FRAGMENT]` apart; the fragment is dropped.
    ///
    /// # Errors
    ///
    /// Whatever could not be put into a request as it stands; nothing is repaired.
    pub fn parse(text: &'a str) -> Result<Self, UrlError> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlError::Character);
        }
        let (secure, rest) = scheme(text)?;
        let rest = rest.split('#').next().unwrap_or(rest);
        let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(authority_end);
        let (host, port) = host_and_port(authority)?;
        Ok(Self {
            secure,
            authority,
            host,
            port,
            path,
        })
    }

    /// Whether the scheme is `https`.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host, a name or an IP address; an IPv6 address without its brackets.
    #[must_use]
    pub const fn host(&self) -> &'a str {
        self.host
    }

    /// The port; the scheme's own (80 or 443) if the address names none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.secure { 443 } else { 80 })
    }

    /// Host and port as they stand in the address: the `Host` header.
    #[must_use]
    pub const fn authority(&self) -> &'a str {
        self.authority
    }

    /// Path and query: empty, or beginning with `/` or `?`.
    #[must_use]
    pub const fn path(&self) -> &'a str {
        self.path
    }
}

fn scheme(text: &str) -> Result<(bool, &str), UrlError> {
    for (prefix, secure) in [("http://", false), ("https://", true)] {
        if let Some((head, rest)) = text.split_at_checked(prefix.len())
            && head.eq_ignore_ascii_case(prefix)
        {
            return Ok((secure, rest));
        }
    }
    Err(UrlError::Scheme)
}

fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), UrlError> {
    if authority.contains('@') {
        return Err(UrlError::UserInfo);
    }
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(UrlError::Host)?;
        check_host(host, |byte| {
            byte.is_ascii_hexdigit() || b":.".contains(&byte)
        })?;
        match after.strip_prefix(':') {
            Some(port) => (host, port),
            None if after.is_empty() => (host, ""),
            None => return Err(UrlError::Host),
        }
    } else {
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        check_host(host, |byte| {
            byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)
        })?;
        (host, port)
    };
    Ok((host, check_port(port)?))
}

fn check_host(host: &str, allowed: impl Fn(u8) -> bool) -> Result<(), UrlError> {
    if host.is_empty() || !host.bytes().all(allowed) {
        return Err(UrlError::Host);
    }
    Ok(())
}

fn check_port(port: &str) -> Result<Option<u16>, UrlError> {
    if port.is_empty() {
        return Ok(None);
    }
    // `parse` alone would let a sign through.
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UrlError::Port);
    }
    match port.parse() {
        Ok(0) | Err(_) => Err(UrlError::Port),
        Ok(port) => Ok(Some(port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (bool, &str, u16, &str, &str) {
        let url = Url::parse(text).expect(text);
        (
            url.is_secure(),
            url.host(),
            url.port(),
            url.authority(),
            url.path(),
        )
    }

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(
            parts("http://example.com/app.ota"),
            (false, "example.com", 80, "example.com", "/app.ota")
        );
        assert_eq!(
            parts("HTTPS://cdn.example:8443/a/b.ota?x=1#part"),
            (
                true,
                "cdn.example",
                8443,
                "cdn.example:8443",
                "/a/b.ota?x=1"
            )
        );
        assert_eq!(
            parts("http://[::1]:8080/x"),
            (false, "::1", 8080, "[::1]:8080", "/x")
        );
        assert_eq!(
            parts("http://[fe80::1]"),
            (false, "fe80::1", 80, "[fe80::1]", "")
        );
        assert_eq!(parts("https://h?q"), (true, "h", 443, "h", "?q"));
        assert_eq!(parts("http://h:/p"), (false, "h", 80, "h:", "/p"));
    }

    #[test]
    fn what_is_not_an_address_says_why() {
        for (text, error) in [
            ("", UrlError::Scheme),
            ("ftp://h/x", UrlError::Scheme),
            ("http:/h/x", UrlError::Scheme),
            ("http://", UrlError::Host),
            ("http:///x", UrlError::Host),
            ("http://[::1/x", UrlError::Host),
            ("http://[::1]x/", UrlError::Host),
            ("http://[g]/", UrlError::Host),
            ("http://a,b/", UrlError::Host),
            ("http://h:0/", UrlError::Port),
            ("http://h:65536/", UrlError::Port),
            ("http://h:+80/", UrlError::Port),
            ("http://h:8x/", UrlError::Port),
            ("http://me:secret@h/", UrlError::UserInfo),
            ("http://h/a b", UrlError::Character),
            ("http://h/\r\nX: y", UrlError::Character),
            ("http://h/\u{e4}", UrlError::Character),
        ] {
            assert_eq!(Url::parse(text), Err(error), "{text:?}");
        }
    }
}
