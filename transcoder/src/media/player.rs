//! Decodes what was encoded here, as a player does.

use super::Stop;
use ffmpeg_next::{Packet, codec, decoder, frame};

/// Plays groups of pictures of one rung, one after the other.
pub(super) struct Player {
    decoder: decoder::Video,
}

impl Player {
    /// A player that knows what an encoder said of its pictures.
    pub(super) fn open(parameters: &codec::Parameters) -> Result<Self, Stop> {
        let mut context = codec::Context::from_parameters(parameters.clone()).map_err(fault())?;
        context.set_threading(codec::threading::Config::count(1));
        Ok(Self { decoder: context.decoder().video().map_err(fault())? })
    }

    /// Plays a packet, the next in coding order, and hands each picture that it lets be shown to `show`, with its tick.
    pub(super) fn play(&mut self, packet: &Packet, show: impl FnMut(u64, frame::Video) -> Result<(), Stop>) -> Result<(), Stop> {
        self.decoder.send_packet(packet).map_err(fault())?;
        self.drain(show)
    }

    /// Hands the last pictures of a group to `show`. What is played next begins another.
    pub(super) fn finish(&mut self, show: impl FnMut(u64, frame::Video) -> Result<(), Stop>) -> Result<(), Stop> {
        self.decoder.send_eof().map_err(fault())?;
        self.drain(show)?;
        self.forget();
        Ok(())
    }

    /// Leaves out the rest of a group. What is played next begins another.
    pub(super) fn forget(&mut self) {
        self.decoder.flush();
    }

    fn drain(&mut self, mut show: impl FnMut(u64, frame::Video) -> Result<(), Stop>) -> Result<(), Stop> {
        let mut picture = frame::Video::empty();
        while self.decoder.receive_frame(&mut picture).is_ok() {
            let shown = std::mem::replace(&mut picture, frame::Video::empty());
            if let Some(tick) = shown.pts().and_then(|pts| u64::try_from(pts).ok()) {
                show(tick, shown)?;
            }
        }
        Ok(())
    }
}

fn fault() -> impl FnOnce(ffmpeg_next::Error) -> Stop {
    Stop::fault("decode what was encoded")
}
