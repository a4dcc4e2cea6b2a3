//! One sample encoded by one trial: what it takes, and what a viewer would see of it.

use super::{
    Stop,
    encode_video::VideoEncoder,
    pictures::{Work, share},
    player::Player,
    video::Job,
};
use ffmpeg_next::{Packet, codec, format::Pixel, frame, software::scaling};
use marquee_core::plan::Rung;
use std::sync::mpsc::{Receiver, channel};

/// Pictures of a sample, in order, with their ticks.
pub(super) type Pictures = Vec<(u64, frame::Video)>;

/// An encoded sample.
pub(super) struct Attempt {
    parameters: codec::Parameters,
    packets: Vec<Packet>,
}

impl Attempt {
    /// Encodes `pictures`.
    pub(super) fn make(job: &Job<'_>, rung: &Rung, pictures: &Pictures) -> Result<Self, Stop> {
        let frame_rate = rung.frame_rate(job.plan.picture.frame_rate(&job.source.video));
        let mut encoder = VideoEncoder::open(rung, &job.plan.timeline, frame_rate, job.plan.encoder_threads)?;
        let parameters = encoder.parameters();
        let mut packets = Vec::new();
        encoder.run(work(pictures)?, &mut packets)?;
        Ok(Self { parameters, packets })
    }

    /// Mean bits a second of a title that is like this sample of `seconds`, and has a keyframe every `group_seconds`.
    pub(super) fn bitrate_bps(&self, seconds: f64, group_seconds: f64) -> f64 {
        let bits = |packets: &[Packet]| packets.iter().map(Packet::size).sum::<usize>() as f64 * 8.0;
        let (keyframe, others) = self.packets.split_at(self.packets.len().min(1));
        let frames_a_group = self.packets.len() as f64 * group_seconds / seconds;
        let each = bits(others) / others.len().max(1) as f64;
        (bits(keyframe) + each * (frames_a_group - 1.0).max(0.0)) / group_seconds
    }

    /// The picture at `wanted`, as a player shows it on a screen of `width` × `height`; `None` if it has none there.
    pub(super) fn shown(&self, wanted: u64, width: u32, height: u32) -> Result<Option<frame::Video>, Stop> {
        let mut player = Player::open(&self.parameters)?;
        let mut found = None;
        for packet in self.packets.iter().map(Some).chain([None]) {
            let look = |tick: u64, picture: frame::Video| {
                if tick == wanted {
                    found = Some(picture);
                }
                Ok(())
            };
            match packet {
                Some(packet) => player.play(packet, look)?,
                None => player.finish(look)?,
            }
            if let Some(picture) = &found {
                return enlarged(picture, width, height).map(Some);
            }
        }
        Ok(None)
    }
}

/// What an encoder gets of `pictures`.
fn work(pictures: &Pictures) -> Result<Receiver<Work>, Stop> {
    let (sender, work) = channel();
    let gone = |_| Stop::Fault("nobody takes the pictures of a trial".into());
    for (place, (tick, picture)) in pictures.iter().enumerate() {
        // A sample begins with a group of pictures and is shorter than one.
        sender.send(Work::Picture { picture: share(picture)?, tick: *tick, starts_group: place == 0 }).map_err(gone)?;
    }
    let end_ticks = pictures.last().map_or(0, |(tick, _)| tick + 1);
    sender.send(Work::End { end_ticks }).map_err(gone)?;
    Ok(work)
}

fn enlarged(picture: &frame::Video, width: u32, height: u32) -> Result<frame::Video, Stop> {
    let fault = || Stop::fault("scale a trial");
    let flags = scaling::Flags::BICUBIC | scaling::Flags::ACCURATE_RND | scaling::Flags::BITEXACT;
    let from = (picture.format(), picture.width(), picture.height());
    let mut scaler = scaling::Context::get(from.0, from.1, from.2, Pixel::YUV420P, width, height, flags).map_err(fault())?;
    let mut large = frame::Video::empty();
    scaler.run(picture, &mut large).map_err(fault())?;
    Ok(large)
}
