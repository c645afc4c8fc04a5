//! Vendor and class identifiers.
//!
//! The manifest carries two 16-byte UUIDs. People write names: the tool derives the UUIDs from
//! them (version 5, SHA-1 over namespace and name), a literal UUID is taken as it is. A class
//! lives in its vendor's namespace, so that two vendors' "sensor" are two classes:
//!
//! ```text
//! vendor = UUIDv5(NAMESPACE, vendor name)      class = UUIDv5(vendor, class name)
//! ```

use anyhow::{Result, bail};
use uuid::Uuid;

/// The namespace of vendor names. Frozen: another value would be other vendors.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x8f1d_3a52_6c07_5e4b_9a60_2d4e_b7c1_f035);

/// The vendor's identifier: from a name, or a literal UUID (`8-4-4-4-12` digits).
///
/// # Errors
/// If the name is empty, padded with blanks, or longer than 100 characters.
pub fn vendor(name: &str) -> Result<[u8; 16]> {
    derive(&NAMESPACE, name, "vendor")
}

/// The identifier of a class of devices of this vendor: from a name, or a literal UUID.
///
/// # Errors
/// As [`vendor`].
pub fn class(vendor: [u8; 16], name: &str) -> Result<[u8; 16]> {
    derive(&Uuid::from_bytes(vendor), name, "class")
}

/// Writes an identifier as people read it.
#[must_use]
pub fn display(id: [u8; 16]) -> String {
    Uuid::from_bytes(id).hyphenated().to_string()
}

fn derive(namespace: &Uuid, name: &str, what: &str) -> Result<[u8; 16]> {
    if let Some(literal) = literal(name) {
        return Ok(literal);
    }
    if name.is_empty() || name.trim() != name || name.chars().count() > 100 {
        bail!("{name:?} is not a {what} name: give 1 to 100 characters, or a UUID");
    }
    Ok(Uuid::new_v5(namespace, name.as_bytes()).into_bytes())
}

/// Only the hyphenated form: 32 digits without hyphens could as well be a name.
fn literal(name: &str) -> Option<[u8; 16]> {
    (name.len() == 36)
        .then(|| Uuid::try_parse(name).ok())
        .flatten()
        .map(Uuid::into_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_the_same_identifiers_for_ever() {
        let acme = vendor("acme").unwrap();
        assert_eq!(display(acme), "5bd98a2b-f186-505c-9abd-abeea11dba9e");
        assert_eq!(
            display(class(acme, "sensor").unwrap()),
            "9206f8bd-49f8-5265-89b8-a5d5559be1a1"
        );
    }

    #[test]
    fn the_same_class_name_of_two_vendors_is_two_classes() {
        let [a, b] = ["acme", "example"].map(|v| vendor(v).unwrap());
        assert_ne!(class(a, "sensor").unwrap(), class(b, "sensor").unwrap());
    }

    #[test]
    fn a_literal_uuid_is_taken_as_it_is() {
        let text = "01234567-89ab-cdef-0123-456789abcdef";
        assert_eq!(display(vendor(text).unwrap()), text);
        assert_eq!(display(class([7; 16], text).unwrap()), text);
    }

    #[test]
    fn empty_padded_and_endless_names_are_refused() {
        for name in ["", " ", "acme ", "\tacme", &"x".repeat(101)] {
            assert!(vendor(name).is_err(), "{name:?}");
        }
    }
}
