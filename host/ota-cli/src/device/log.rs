//! Tells what happens, and counts what is asked of the server.

use anyhow::Result;
use ota_client::Range;

use super::{Device, Event, Traffic};

/// Of one run.
pub(super) struct Log<'a> {
    device: &'a Device,
    traffic: Traffic,
    pub(super) requests: u64,
    pub(super) bytes_asked: u64,
    /// What went wrong where nothing could be returned.
    trouble: Option<anyhow::Error>,
    on_event: &'a mut dyn FnMut(&Event),
}

impl<'a> Log<'a> {
    pub(super) fn new(device: &'a Device, on_event: &'a mut dyn FnMut(&Event)) -> Result<Self> {
        Ok(Self {
            device,
            traffic: device.traffic()?,
            requests: 0,
            bytes_asked: 0,
            trouble: None,
            on_event,
        })
    }

    pub(super) fn tell(&mut self, event: &Event) {
        (self.on_event)(event);
    }

    /// Counts before the request is sent.
    pub(super) fn ask(&mut self, range: Range, purpose: &'static str) {
        let length = u64::from(range.length);
        self.requests += 1;
        self.bytes_asked += length;
        self.traffic.requests += 1;
        self.traffic.bytes_asked += length;
        self.save();
        self.tell(&Event::Request {
            offset: range.offset,
            length: range.length,
            purpose,
            bytes_asked: self.bytes_asked,
        });
    }

    /// What was asked for turned out not to be needed by a download.
    pub(super) fn was_a_check(&mut self, bytes: u64) {
        self.traffic.bytes_asked_for_checks += bytes;
        self.save();
    }

    fn save(&mut self) {
        if let Err(error) = self.device.save_traffic(&self.traffic) {
            self.trouble.get_or_insert(error);
        }
    }

    /// Whether everything could be counted.
    pub(super) fn check(&mut self) -> Result<()> {
        self.trouble.take().map_or(Ok(()), Err)
    }
}
