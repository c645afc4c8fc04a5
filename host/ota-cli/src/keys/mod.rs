//! Key files.
//!
//! ```text
//! PREFIX.key   ota-role: release        mode 0600
//!              -----BEGIN PRIVATE KEY-----      PKCS#8
//! PREFIX.pub   ota-role: release
//!              -----BEGIN PUBLIC KEY-----       SubjectPublicKeyInfo
//! ```
//!
//! The role stands as explanatory text before the PEM block, which RFC 7468 allows: OpenSSL and
//! other tools read these files as they are. A file that comes from elsewhere (an HSM) has no
//! such line; whoever knows the role says it.

mod external;
mod private;
mod public;
mod recognise;
mod role;

pub use external::sign_with;
pub use private::{AlgorithmArg, PrivateKey};
pub(crate) use public::hex;
pub use public::{Anchors, LabelledKey, key_id};
pub(crate) use recognise::{BEGINNING, holds_private_key};
pub use role::{RoleArg, algorithm_name, role_name};
