//! The ESP32-C3 in software. So far its processor.

pub mod cpu;
