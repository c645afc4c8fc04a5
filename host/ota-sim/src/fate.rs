//! fates
