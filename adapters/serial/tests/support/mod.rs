//! A line with a server at its end, which loses, changes and invents bytes.

use core::future::poll_fn;
use core::task::Poll;
use std::collections::VecDeque;

use embedded_io_async::{ErrorType, Read, Write};
use ota_serial::{Deframer, File, Problem, Shelf, respond};

/// A shelf with one file, which may be exchanged.
pub(crate) struct OneFile {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) tag: u64,
    pub(crate) readable: bool,
}

impl Shelf for OneFile {
    fn find(&mut self, name: &str) -> Result<File, Problem> {
        if name != self.name {
            return Err(Problem::NotFound);
        }
        let length = self.bytes.len().try_into().expect("short");
        Ok(File {
            tag: self.tag,
            length,
        })
    }

    fn read(&mut self, _: &str, offset: u32, buffer: &mut [u8]) -> Result<(), Problem> {
        if !self.readable {
            return Err(Problem::Unavailable);
        }
        buffer.copy_from_slice(&self.bytes[offset as usize..][..buffer.len()]);
        Ok(())
    }
}

/// What the line does to bytes, in both directions.
pub(crate) trait Weather {
    /// What comes out for the byte that goes in.
    fn byte(&mut self, byte: u8) -> Vec<u8>;
}

/// Nothing.
pub(crate) struct Fair;

impl Weather for Fair {
    fn byte(&mut self, byte: u8) -> Vec<u8> {
        vec![byte]
    }
}

/// One byte in so many is lost, changed, doubled, or has another before it.
pub(crate) struct Noise {
    pub one_in: u64,
    pub(crate) seed: u64,
}

impl Noise {
    fn next(&mut self) -> u64 {
        // SplitMix64 (Steele, Lea, Flood 2014).
        self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Weather for Noise {
    fn byte(&mut self, byte: u8) -> Vec<u8> {
        if !self.next().is_multiple_of(self.one_in) {
            return vec![byte];
        }
        let other = self.next().to_le_bytes()[0];
        match self.next() % 4 {
            0 => vec![],
            1 => vec![byte ^ other.max(1)],
            2 => vec![byte, byte],
            _ => vec![other, byte],
        }
    }
}

/// The line, seen from the device.
pub(crate) struct Line<W> {
    pub(crate) shelf: OneFile,
    pub(crate) weather: W,
    /// Called with each whole request's count before it is answered.
    pub(crate) before: fn(u32, &mut OneFile),
    /// Answers are late by so many requests.
    pub(crate) late: usize,
    pub(crate) requests: u32,
    /// Bytes of files that were sent.
    pub(crate) sent: usize,
    deframer: Deframer,
    message: [u8; 256],
    answers: VecDeque<Vec<u8>>,
    incoming: VecDeque<u8>,
}

impl<W: Weather> Line<W> {
    pub(crate) fn new(bytes: Vec<u8>, weather: W) -> Self {
        Self {
            shelf: OneFile {
                name: "app.ota",
                bytes,
                tag: 1,
                readable: true,
            },
            weather,
            before: |_, _| {},
            late: 0,
            requests: 0,
            sent: 0,
            deframer: Deframer::new(),
            message: [0; 256],
            answers: VecDeque::new(),
            incoming: VecDeque::new(),
        }
    }

    fn serve(&mut self, byte: u8) {
        let Some(length) = self.deframer.push(byte, &mut self.message) else {
            return;
        };
        self.requests += 1;
        (self.before)(self.requests, &mut self.shelf);
        let (mut block, mut out) = ([0; 4096], [0; 5000]);
        let message = &self.message[..length];
        let count = respond(message, &mut self.shelf, &mut block, &mut out).expect("room");
        self.sent += count;
        self.answers.push_back(out[..count].to_vec());
        if self.answers.len() > self.late {
            let answer = self.answers.pop_front().expect("it is there");
            for byte in answer {
                self.incoming.extend(self.weather.byte(byte));
            }
        }
    }
}

impl<W> ErrorType for Line<W> {
    type Error = embedded_io::ErrorKind;
}

impl<W: Weather> Write for Line<W> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        for byte in bytes {
            for byte in self.weather.byte(*byte) {
                self.serve(byte);
            }
        }
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl<W: Weather> Read for Line<W> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        if self.incoming.is_empty() {
            // Nothing comes any more: time passes.
            poll_fn(|_| Poll::<()>::Pending).await;
        }
        let count = buffer.len().min(self.incoming.len());
        for (to, from) in buffer.iter_mut().zip(self.incoming.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }
}

/// Time that passes when nothing else happens.
#[derive(Clone, Copy)]
pub(crate) struct Clock;

impl embedded_hal_async::delay::DelayNs for Clock {
    async fn delay_ns(&mut self, _: u32) {}
}
