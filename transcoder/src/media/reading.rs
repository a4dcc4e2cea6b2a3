//! Tells how far it is when a source is read from end to end.

use crate::child::{Link, Output};
use ffmpeg_next::Packet;
use std::io;

/// Packets between two reports.
const PACKETS: u64 = 2000;

/// A reading of a whole source.
pub(super) struct Reading<'a> {
    link: &'a Link,
    size_bytes: u64,
    packets: u64,
}

impl<'a> Reading<'a> {
    pub(super) fn new(link: &'a Link, size_bytes: u64) -> Self {
        Self { link, size_bytes, packets: 0 }
    }

    /// Takes note of a packet, and says now and then where it lies.
    pub(super) fn passes(&mut self, packet: &Packet) -> io::Result<()> {
        self.packets += 1;
        if !self.packets.is_multiple_of(PACKETS) {
            return Ok(());
        }
        let position = u64::try_from(packet.position()).unwrap_or(0);
        self.link.output(Output::Progress(position as f32 / self.size_bytes.max(1) as f32))
    }
}
