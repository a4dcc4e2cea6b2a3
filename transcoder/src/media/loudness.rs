//! How loud sound is, and what makes it as loud as the plan wants.

use super::{
    Stop,
    decode::Decoding,
    resample::{Clock, Level, Resampler},
};
use ebur128::{EbuR128, Mode};
use ffmpeg_next::frame;
use marquee_core::{
    plan::{AudioRendition, Loudness},
    source::{Note, Source},
};
use marquee_packager::cmaf;
use std::ops::Range;

/// Sound that is measured whole, in seconds. Of more, this much is measured: the first sound of a long film must not wait for its last.
const MEASURED_SECONDS: f64 = 300.0;
/// Length of each of the evenly spread windows of a longer film, in seconds. Many short ones find the loud scenes: on simulated films of
/// 90 minutes they come within half a LU of the whole where the loudness range is 13 LU, within 0.8 LU where it is 17.
const WINDOW_SECONDS: f64 = 1.0;
/// What is decoded before a window and not measured, in seconds: the first frames after a jump are not yet right.
const LEAD_IN_SECONDS: f64 = 0.1;
/// Shorter ways are decoded, not jumped, in seconds.
const JUMP_SECONDS: f64 = 2.0;
/// No sound is made louder by more: it would be noise.
const GAIN_MAX_DB: f64 = 20.0;
/// How far below the wanted peak sound is held before it is encoded: AAC was seen to lift limited peaks by 2.3 dB.
const CODING_DB: f64 = 3.0;
/// A result this close to what was wanted is what was wanted, in LU.
const TOLERANCE_LU: f64 = 1.0;

/// Measures the gated loudness of a mix (ITU-R BS.1770-4), and its peak.
pub(super) struct Meter(EbuR128);

impl Meter {
    pub(super) fn new(mix: &AudioRendition) -> Result<Self, Stop> {
        // Six channels are taken for 5.1 in libav's order: the LFE does not count, surround counts more.
        let meter = EbuR128::new(mix.channels.into(), mix.sample_rate_hz, Mode::I | Mode::SAMPLE_PEAK);
        meter.map(Self).map_err(|error| Stop::Fault(format!("loudness meter: {error}")))
    }

    /// Hears sound of the mix.
    pub(super) fn add(&mut self, sound: &frame::Audio) -> Result<(), Stop> {
        let planes: Vec<&[f32]> = (0..sound.planes()).map(|plane| sound.plane(plane)).collect();
        self.0.add_frames_planar_f32(&planes).map_err(|error| Stop::Fault(format!("loudness meter: {error}")))
    }

    /// The largest sample that was heard, in dBFS.
    fn peak_dbfs(&self) -> f64 {
        let peaks = (0..self.0.channels()).filter_map(|channel| self.0.sample_peak(channel).ok());
        20.0 * peaks.fold(0.0, f64::max).log10()
    }

    /// What was heard, in LKFS; `None` if nothing passed the gate at -70.
    pub(super) fn lkfs(&self) -> Option<f64> {
        self.0.loudness_global().ok().filter(|lkfs| lkfs.is_finite())
    }
}

/// How loud a mix is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measured {
    /// `None` if there is nothing to hear.
    lkfs: Option<f64>,
    /// Its largest sample, in dBFS.
    peak_dbfs: f64,
    /// Whether all of it was heard.
    whole: bool,
}

impl Measured {
    /// Whether it was heard whole, and is made loud enough that peaks are held back: what that takes away, nobody has heard.
    pub(super) fn changes_within(self, wanted: Loudness) -> bool {
        let level = self.level(wanted);
        self.whole && self.lkfs.is_some() && self.peak_dbfs + level.gain_db > level.peak_max_dbtp
    }

    /// How loud it is once it is made as loud as `wanted`, but for peaks that are held back.
    pub(super) fn leveled(self, wanted: Loudness) -> Self {
        let gain_db = self.level(wanted).gain_db;
        Self { lkfs: self.lkfs.map(|lkfs| lkfs + gain_db), peak_dbfs: self.peak_dbfs + gain_db, ..self }
    }

    /// What an init segment says of a mix that is so loud.
    pub(super) fn said(self, wanted: Loudness) -> cmaf::Loudness {
        cmaf::Loudness { lkfs: self.lkfs, is_whole: self.whole, true_peak_max_dbtp: wanted.true_peak_max_dbtp }
    }

    /// The gain that makes it as loud as `wanted`, in tenths: what people are told, and what no machine computes otherwise.
    pub(super) fn level(self, wanted: Loudness) -> Level {
        let gain_db = self.lkfs.map_or(0.0, |lkfs| (wanted.target_lkfs - lkfs).min(GAIN_MAX_DB));
        Level { gain_db: (gain_db * 10.0).round() / 10.0, peak_max_dbtp: wanted.true_peak_max_dbtp - CODING_DB }
    }

    /// What was done to `mix`, which now is at `result`.
    pub(super) fn note(self, mix: &AudioRendition, wanted: Loudness, result: Option<f64>) -> Note {
        let track = format!("sound track {}{}", mix.stream, if mix.channels > 2 { " in 5.1" } else { "" });
        let (Some(lkfs), Some(result)) = (self.lkfs, result) else {
            return Note::new("loudness", format!("{track} is silent or nearly so: it is played no louder"));
        };
        let gain_db = self.level(wanted).gain_db;
        let about = if self.whole { "" } else { "about " };
        let played = match gain_db {
            0.0 => "as it is".to_owned(),
            gain_db => format!("{:.1} dB {}", gain_db.abs(), if gain_db < 0.0 { "quieter" } else { "louder" }),
        };
        let but = match (result - wanted.target_lkfs).abs() <= TOLERANCE_LU {
            true => String::new(),
            false if gain_db >= GAIN_MAX_DB => format!(", not {:.1}: more gain would be noise", wanted.target_lkfs),
            false if self.whole => format!(", not {:.1}: its peaks are held back", wanted.target_lkfs),
            false => format!(", not {:.1}: its loudness varies much", wanted.target_lkfs),
        };
        Note::new("loudness", format!("{track} was at {about}{lkfs:.1} LKFS and is played {played}, at {result:.1}{but}"))
    }
}

/// What is measured of `seconds` of sound: all of it, or evenly spread windows.
fn windows(seconds: f64) -> Vec<Range<f64>> {
    if seconds <= MEASURED_SECONDS {
        return vec![0.0..seconds];
    }
    let count = (MEASURED_SECONDS / WINDOW_SECONDS) as u32;
    let every = seconds / f64::from(count);
    let start = |window: u32| f64::from(window) * every + (every - WINDOW_SECONDS) / 2.0;
    (0..count).map(start).map(|start| start..start + WINDOW_SECONDS).collect()
}

/// Measures each of `mixes` of a track that lasts `seconds`, at the level that it has with it.
pub(super) fn survey(
    mut decoding: Decoding,
    found: &Source,
    mixes: &[(&AudioRendition, Option<Level>)],
    seconds: f64,
) -> Result<Vec<Measured>, Stop> {
    let mut ears = mixes.iter().map(|(mix, level)| Ear::new(mix, *level)).collect::<Result<Vec<_>, _>>()?;
    let windows = windows(seconds);
    let mut clock = Clock::new(found, &decoding);
    let mut now = 0.0;
    // Where the last jump began. A container that leads back there, because it knows few places, is read in order from then on.
    let (mut jumps, mut left) = (true, None);
    let mut frame = frame::Audio::empty();
    for window in &windows {
        if jumps && window.start - now > JUMP_SECONDS {
            let time = clock.container_time(window.start - LEAD_IN_SECONDS);
            decoding.jump(time, found.video.stream as usize);
            left = Some(now);
        }
        while decoding.next(&mut frame)? {
            let Some((start, end)) = clock.place(&frame) else { continue };
            jumps &= left.take().is_none_or(|left| start >= left);
            now = end;
            if start >= window.end {
                break;
            }
            if end > window.start {
                for ear in &mut ears {
                    ear.hear(&mut frame)?;
                }
            }
        }
    }
    let whole = windows.len() == 1;
    ears.into_iter().map(|ear| ear.measured(whole)).collect()
}

/// Hears a track as one mix of it sounds.
struct Ear<'a> {
    mix: &'a AudioRendition,
    level: Option<Level>,
    meter: Meter,
    resampler: Option<Resampler>,
    /// Seconds that were pushed into the resampler: to it, windows follow each other without a gap.
    pushed: f64,
}

impl<'a> Ear<'a> {
    fn new(mix: &'a AudioRendition, level: Option<Level>) -> Result<Self, Stop> {
        Ok(Self { mix, level, meter: Meter::new(mix)?, resampler: None, pushed: 0.0 })
    }

    fn hear(&mut self, frame: &mut frame::Audio) -> Result<(), Stop> {
        if !self.resampler.as_ref().is_some_and(|resampler| resampler.fits(frame)) {
            self.flush()?;
            (self.resampler, self.pushed) = (Some(Resampler::new(frame, self.mix, 0, self.level)?), 0.0);
        }
        let Some(resampler) = &mut self.resampler else { return Ok(()) };
        resampler.push(frame, self.pushed)?;
        self.pushed += frame.samples() as f64 / f64::from(frame.rate());
        self.drain()
    }

    fn drain(&mut self) -> Result<(), Stop> {
        let Some(resampler) = &mut self.resampler else { return Ok(()) };
        while let Some(sound) = resampler.pull()? {
            self.meter.add(&sound)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Stop> {
        if let Some(resampler) = &mut self.resampler {
            resampler.end()?;
        }
        self.drain()
    }

    fn measured(mut self, whole: bool) -> Result<Measured, Stop> {
        self.flush()?;
        Ok(Measured { lkfs: self.meter.lkfs(), peak_dbfs: self.meter.peak_dbfs(), whole })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Loudness = Loudness { target_lkfs: -24.0, true_peak_max_dbtp: -2.0 };

    fn mix(channels: u16) -> AudioRendition {
        AudioRendition {
            id: "aac-128-0".into(),
            group: "aac-128".into(),
            stream: 1,
            bitrate_bps: 128_000,
            channels,
            sample_rate_hz: 48_000,
            language: "und".into(),
            name: "und".into(),
            default: true,
        }
    }

    #[test]
    fn a_film_is_heard_whole_or_in_evenly_spread_windows() {
        assert_eq!(windows(300.0), vec![0.0..300.0]);
        for seconds in [300.1, 5400.0, 12.0 * 3600.0] {
            let windows = windows(seconds);
            assert_eq!(windows.len(), 300);
            assert!(windows[0].start >= 0.0 && windows[299].end <= seconds);
            let ways: Vec<f64> = windows.windows(2).map(|pair| pair[1].start - pair[0].start).collect();
            assert!(ways.iter().all(|way| (way - seconds / 300.0).abs() < 1e-6), "{seconds}: {ways:?}");
            assert!((windows[0].start - (seconds - windows[299].end)).abs() < 1e-6);
        }
    }

    #[test]
    fn the_gain_is_bounded_and_a_round_number() {
        let gain = |lkfs| Measured { lkfs, peak_dbfs: -3.0, whole: true }.level(WANTED).gain_db;
        assert_eq!(gain(Some(-18.26)), -5.7);
        assert_eq!(gain(Some(-24.04)), 0.0);
        assert_eq!(gain(Some(-60.0)), 20.0);
        assert_eq!(gain(None), 0.0);
        assert!(Measured { lkfs: None, peak_dbfs: -3.0, whole: true }.level(WANTED).peak_max_dbtp < -2.0, "coding adds to peaks");
    }

    #[test]
    fn sound_says_how_loud_it_becomes() {
        let said = |lkfs, peak_dbfs, whole| {
            let measured = Measured { lkfs, peak_dbfs, whole };
            let said = measured.leveled(WANTED).said(WANTED);
            (said.lkfs.map(|lkfs| (lkfs * 10.0).round() / 10.0), said.is_whole, measured.changes_within(WANTED))
        };
        assert_eq!(said(Some(-14.0), 0.0, true), (Some(-24.0), true, false), "ten less than all is no peak");
        assert_eq!(said(Some(-27.0), -2.0, true), (Some(-24.0), true, true), "peaks are held back");
        assert_eq!(said(Some(-27.0), -2.0, false), (Some(-24.0), false, false), "of long films nobody hears all twice");
        assert_eq!(said(Some(-60.0), -50.0, true), (Some(-40.0), true, false));
        assert_eq!(said(None, f64::NEG_INFINITY, true), (None, true, false));
        assert_eq!(Measured { lkfs: None, peak_dbfs: 0.0, whole: true }.said(WANTED).true_peak_max_dbtp, -2.0);
    }

    #[test]
    fn a_title_says_what_was_done_to_its_sound() {
        let table = [
            (2, Some(-18.3), true, Some(-24.04), "sound track 1 was at -18.3 LKFS and is played 5.7 dB quieter, at -24.0"),
            (6, Some(-30.0), true, Some(-24.0), "sound track 1 in 5.1 was at -30.0 LKFS and is played 6.0 dB louder, at -24.0"),
            (2, Some(-24.0), true, Some(-24.0), "sound track 1 was at -24.0 LKFS and is played as it is, at -24.0"),
            (2, Some(-20.0), false, Some(-23.6), "sound track 1 was at about -20.0 LKFS and is played 4.0 dB quieter, at -23.6"),
            (
                2,
                Some(-20.0),
                false,
                Some(-22.6),
                "sound track 1 was at about -20.0 LKFS and is played 4.0 dB quieter, at -22.6, not -24.0: its loudness varies much",
            ),
            (
                2,
                Some(-50.0),
                true,
                Some(-30.0),
                "sound track 1 was at -50.0 LKFS and is played 20.0 dB louder, at -30.0, not -24.0: more gain would be noise",
            ),
            (
                2,
                Some(-40.0),
                true,
                Some(-26.0),
                "sound track 1 was at -40.0 LKFS and is played 16.0 dB louder, at -26.0, not -24.0: its peaks are held back",
            ),
            (2, None, true, None, "sound track 1 is silent or nearly so: it is played no louder"),
        ];
        for (channels, lkfs, whole, result, expected) in table {
            let note = Measured { lkfs, peak_dbfs: -3.0, whole }.note(&mix(channels), WANTED, result);
            assert_eq!((note.code.as_str(), note.message.as_str()), ("loudness", expected));
        }
    }

    #[test]
    fn what_cannot_be_measured_is_nothing() {
        let mut meter = Meter::new(&mix(1)).expect("a meter");
        assert_eq!(meter.lkfs(), None);
        let layout = ffmpeg_next::ChannelLayout::MONO;
        let mut sound =
            frame::Audio::new(ffmpeg_next::format::Sample::F32(ffmpeg_next::format::sample::Type::Planar), 48_000, layout);
        for bad in [0.0, f32::NAN, f32::INFINITY] {
            sound.plane_mut(0).fill(bad);
            meter.add(&sound).expect("heard");
            assert_eq!(meter.lkfs(), None, "{bad}");
        }
    }
}
