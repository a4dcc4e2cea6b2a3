//! Encodes one sound track, whole: aligned to the picture's first frame, without drift, as long as the title, as loud as wanted.

use super::{
    Stop,
    damage::Damage,
    decode::Decoding,
    encode_audio::{AudioEncoder, FRAME_SAMPLES, TRACK},
    input::Input,
    loudness::{self, Measured, Meter},
    resample::{Clock, Level, Resampler},
};
use crate::child::{Link, Output, RemoteSource, Report};
use ffmpeg_next::{
    format::sample::{Sample, Type},
    frame,
};
use marquee_core::{
    plan::{AudioRendition, Plan},
    source::{Note, Source},
};
use marquee_packager::cmaf::Loudness;

/// A longer gap is filled with silence piece by piece: the resampler would fill it at once, which takes memory for all of it.
const GAP_SECONDS: f64 = 1.0;
/// Frames of sound between two reports of progress.
const PROGRESS_EVERY: u64 = 500;

/// Encodes `stream` into every rendition that the plan wants of it.
pub(super) fn encode(link: &Link, source: RemoteSource, found: &Source, plan: &Plan, stream: u32) -> Result<Report, Stop> {
    let mut mixes = mixes(link, plan, stream)?;
    let open = |source| Decoding::new(Input::open(source)?, stream as usize);
    let mut measured = Vec::new();
    if let Some(wanted) = plan.loudness {
        let seconds = plan.duration_ticks as f64 / f64::from(plan.timeline.timescale);
        // Read anew each time: where the container has no index, going back may lose what comes first.
        let survey = |mixes: &[Mix<'_>]| {
            let mixes: Vec<_> = mixes.iter().map(|mix| (mix.rendition, mix.level)).collect();
            loudness::survey(open(source.clone())?, found, &mixes, seconds)
        };
        measured = survey(&mixes)?;
        for (mix, measured) in mixes.iter_mut().zip(&measured) {
            (mix.level, mix.meter) = (Some(measured.level(wanted)), Some(Meter::new(mix.rendition)?));
        }
        // What holding back peaks takes away is known when it is heard.
        let again = measured.iter().any(|measured| measured.changes_within(wanted));
        let results = if again { survey(&mixes)? } else { measured.iter().map(|measured| measured.leveled(wanted)).collect() };
        for (mix, result) in mixes.iter_mut().zip(results) {
            mix.loudness = Some(result.said(wanted));
        }
    }
    for mix in &mixes {
        mix.describe()?;
    }
    let mut decoding = open(source)?;
    let Heard { damaged, damage, gaps } = decode(&mut decoding, found, &mut mixes)?;
    let mut notes = Vec::new();
    if gaps != Damage::default() {
        notes.push(Note::new("sound_gaps", format!("sound track {stream} has gaps, {gaps}: it is silent there")));
    }
    if mixes.iter().all(|mix| mix.resampler.is_none()) {
        let message = format!("nothing of sound track {stream} could be decoded while there is a picture: it is silent");
        notes.push(Note::new("audio_silent", message));
    }
    if damaged > 0 {
        let percent = (damaged as f64 / decoding.packets().max(1) as f64 * 100.0).clamp(0.1, 100.0);
        let message =
            format!("about {percent:.1} % of sound track {stream} is damaged, {damage}: it is silent there, or not as it was");
        notes.push(Note::new("sound_damaged", message));
    }
    for mix in &mut mixes {
        mix.finish()?;
    }
    if let Some(wanted) = plan.loudness {
        let done = |(measured, mix): (&Measured, &Mix<'_>)| {
            measured.note(mix.rendition, wanted, mix.meter.as_ref().and_then(Meter::lkfs))
        };
        notes.extend(measured.iter().zip(&mixes).map(done));
    }
    let frames = mixes.first().map_or(0, |mix| mix.total);
    Ok(Report { frames, decoded: decoding.frames(), damaged, notes, ..Report::default() })
}

/// What the plan makes of `stream`: one mix for each number of channels, in as many bitrates as are wanted of it.
fn mixes<'a>(link: &'a Link, plan: &'a Plan, stream: u32) -> Result<Vec<Mix<'a>>, Stop> {
    let mut mixes: Vec<Mix<'a>> = Vec::new();
    for rendition in plan.audio.iter().filter(|rendition| rendition.stream == stream) {
        let encoder = (rendition.id.clone(), AudioEncoder::open(rendition, &plan.timeline)?);
        match mixes.iter_mut().find(|mix| mix.rendition.channels == rendition.channels) {
            Some(mix) if mix.rendition.sample_rate_hz == rendition.sample_rate_hz => mix.encoders.push(encoder),
            Some(_) => return Err(Stop::Fault("renditions of one mix differ in their sample rate".into())),
            None => mixes.push(Mix::new(link, plan, rendition, encoder)),
        }
    }
    if mixes.is_empty() { Err(Stop::Fault("the plan wants nothing of this sound track".into())) } else { Ok(mixes) }
}

/// What came of the decoding of a sound track.
#[derive(Default)]
struct Heard {
    /// Packets that were damaged, and where.
    damaged: u64,
    damage: Damage,
    /// Where nothing came for longer than [`GAP_SECONDS`].
    gaps: Damage,
}

/// Decodes the stream until it or the title ends.
fn decode(decoding: &mut Decoding, found: &Source, mixes: &mut [Mix<'_>]) -> Result<Heard, Stop> {
    let mut clock = Clock::new(found, decoding);
    let mut frame = frame::Audio::empty();
    let mut heard = Heard::default();
    let ms = |seconds: f64| (seconds.max(0.0) * 1000.0) as u64;
    let mut before: Option<f64> = None;
    while mixes.iter().any(|mix| mix.done < mix.total) && decoding.next(&mut frame)? {
        let Some((start, end)) = clock.place(&frame) else { continue };
        let newly = decoding.take_damage();
        if newly > 0 {
            // What was lost lies before what could be decoded again.
            heard.damaged += newly;
            let before = before.unwrap_or(0.0);
            heard.damage.add(ms(before), ms(end.max(before)));
        }
        if let Some(before) = before.filter(|before| start - before > GAP_SECONDS) {
            heard.gaps.add(ms(before), ms(start));
        }
        before = Some(end);
        for mix in &mut *mixes {
            mix.hear(&mut frame, start, end)?;
        }
    }
    let newly = decoding.take_damage();
    if newly > 0 {
        let end_ms = ms(before.unwrap_or(0.0));
        heard.damage.add(end_ms, end_ms);
    }
    heard.damaged += newly;
    Ok(heard)
}

/// One mix of a decoded track on its way into its encoders.
struct Mix<'a> {
    link: &'a Link,
    encoders: Vec<(String, AudioEncoder<'a>)>,
    /// One of its renditions: they differ only in bitrate.
    rendition: &'a AudioRendition,
    level: Option<Level>,
    /// How loud its init segments say that it is.
    loudness: Option<Loudness>,
    /// Hears what the encoders get, where loudness matters.
    meter: Option<Meter>,
    /// Samples of the title.
    total: u64,
    /// Samples that the encoders got.
    done: u64,
    /// Where the sound that was passed on ends, in seconds.
    heard: f64,
    resampler: Option<Resampler>,
}

impl<'a> Mix<'a> {
    fn new(link: &'a Link, plan: &Plan, rendition: &'a AudioRendition, encoder: (String, AudioEncoder<'a>)) -> Self {
        let samples = u128::from(plan.duration_ticks) * u128::from(rendition.sample_rate_hz);
        let total = u64::try_from(samples.div_ceil(u128::from(plan.timeline.timescale))).unwrap_or(u64::MAX);
        let (encoders, level, loudness, meter, resampler) = (vec![encoder], None, None, None, None);
        Self { link, encoders, rendition, level, loudness, meter, total, done: 0, heard: 0.0, resampler }
    }

    /// Hands over the init segments of its renditions.
    fn describe(&self) -> Result<(), Stop> {
        for (_, encoder) in &self.encoders {
            let (rendition, bytes) = encoder.init(self.loudness)?;
            self.link.output(Output::Init { track: TRACK, rendition, bytes })?;
        }
        Ok(())
    }

    /// Takes a frame that is heard from `start` to `end` (in seconds of the title).
    fn hear(&mut self, frame: &mut frame::Audio, start: f64, end: f64) -> Result<(), Stop> {
        let rate = f64::from(self.rendition.sample_rate_hz);
        if start >= self.total as f64 / rate || (end <= 0.0 && self.resampler.is_none()) {
            return Ok(());
        }
        if start - self.heard > GAP_SECONDS {
            self.flush()?;
            self.keep_silent((start * rate) as u64)?;
        }
        self.heard = end;
        if !self.resampler.as_ref().is_some_and(|resampler| resampler.fits(frame)) {
            self.flush()?;
            self.resampler = Some(Resampler::new(frame, self.rendition, self.done, self.level)?);
        }
        let Some(mut resampler) = self.resampler.take() else { return Ok(()) };
        resampler.push(frame, start)?;
        self.drain(&mut resampler)?;
        self.resampler = Some(resampler);
        Ok(())
    }

    fn drain(&mut self, resampler: &mut Resampler) -> Result<(), Stop> {
        while let Some(mut sound) = resampler.pull()? {
            // Only the last piece of a resampler may be short: an encoder wants whole frames before it.
            if (sound.samples() as u64) < FRAME_SAMPLES {
                sound = padded(&sound)?;
            }
            self.encode(&mut sound)?;
        }
        Ok(())
    }

    /// Encodes what the resampler holds back, and is done with it.
    fn flush(&mut self) -> Result<(), Stop> {
        let Some(mut old) = self.resampler.take() else { return Ok(()) };
        old.end()?;
        self.drain(&mut old)
    }

    /// Encodes silence as long as whole frames of it fit before sample `end`.
    fn keep_silent(&mut self, end: u64) -> Result<(), Stop> {
        let mut silence = silence(self.rendition);
        while self.done.saturating_add(FRAME_SAMPLES) <= end {
            self.encode(&mut silence)?;
        }
        Ok(())
    }

    /// Encodes one frame, if the title has room for it.
    fn encode(&mut self, sound: &mut frame::Audio) -> Result<(), Stop> {
        if self.done >= self.total {
            return Ok(());
        }
        if let Some(meter) = &mut self.meter {
            meter.add(sound)?;
        }
        sound.set_pts(i64::try_from(self.done).ok());
        self.done += FRAME_SAMPLES;
        self.each(Some(sound))?;
        if (self.done / FRAME_SAMPLES).is_multiple_of(PROGRESS_EVERY) {
            self.link.output(Output::Progress(self.done.min(self.total) as f32 / self.total as f32))?;
        }
        Ok(())
    }

    /// Fills the title with silence and ends the renditions.
    fn finish(&mut self) -> Result<(), Stop> {
        self.flush()?;
        self.keep_silent(self.total.saturating_add(FRAME_SAMPLES - 1))?;
        self.each(None)
    }

    fn each(&mut self, sound: Option<&frame::Audio>) -> Result<(), Stop> {
        for (rendition, encoder) in &mut self.encoders {
            encoder.push(sound, |segment, bytes| {
                Ok(self.link.output(Output::Segment {
                    track: TRACK,
                    rendition: rendition.clone(),
                    segment,
                    bytes,
                    judged: Vec::new(),
                })?)
            })?;
        }
        Ok(())
    }
}

/// One AAC frame of silence.
fn silence(rendition: &AudioRendition) -> frame::Audio {
    let layout = super::encode_audio::layout(rendition.channels);
    let mut silence = frame::Audio::new(Sample::F32(Type::Planar), FRAME_SAMPLES as usize, layout);
    silence.set_rate(rendition.sample_rate_hz);
    for plane in 0..silence.planes() {
        silence.plane_mut::<f32>(plane).fill(0.0);
    }
    silence
}

/// A short frame made whole with silence.
fn padded(short: &frame::Audio) -> Result<frame::Audio, Stop> {
    let mut whole = frame::Audio::new(short.format(), FRAME_SAMPLES as usize, short.channel_layout());
    whole.set_rate(short.rate());
    if whole.planes() != short.planes() {
        return Err(Stop::Fault("a frame of sound changed its shape".into()));
    }
    for plane in 0..whole.planes() {
        let from = short.plane::<f32>(plane);
        let to = whole.plane_mut::<f32>(plane);
        to[..from.len()].copy_from_slice(from);
        to[from.len()..].fill(0.0);
    }
    Ok(whole)
}
