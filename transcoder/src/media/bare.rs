//! Pictures without a container, as they leave an encoder: nothing says when they are decoded, so it is counted.

use ffmpeg_next::{Packet, format::context::Input as Context};

/// Demuxers that cut such a stream into pictures, and give them no times.
const DEMUXERS: [&str; 2] = ["h264", "hevc"];

/// Gives packets the times of their places.
#[derive(Debug)]
pub(super) struct Count {
    /// Units of a picture.
    step: i64,
    next: i64,
}

impl Count {
    /// `None` if `context` has a container.
    pub(super) fn of(context: &Context) -> Option<Self> {
        let stream = context.streams().next().filter(|_| DEMUXERS.contains(&context.format().name()))?;
        let units = 1.0 / (f64::from(stream.time_base()) * f64::from(stream.avg_frame_rate()));
        // What its headers say of its rate, or else what libav takes for usual.
        let step = if units.is_finite() { units.round().clamp(1.0, 1e9) as i64 } else { 1 };
        Some(Self { step, next: 0 })
    }

    pub(super) fn time(&mut self, packet: &mut Packet) {
        packet.set_pts(None);
        packet.set_dts(Some(self.next));
        self.next = self.next.saturating_add(self.step);
    }
}
