//! When elements are shown (TTML2 sections 12.1 to 12.3).

use crate::sidecar::clock::{TIME_MS_MAX, number};

/// Frames a second where a document does not say (TTML2 section 7.2.4).
const FRAME_RATE: f64 = 30.0;
/// Digits of a number: whole hours in ticks of a nanosecond have more than any other.
const DIGITS_MAX: usize = 18;

/// How times of a document count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    frames_per_second: f64,
    ticks_per_second: f64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { frames_per_second: FRAME_RATE, ticks_per_second: 1.0 }
    }
}

/// From when until when something is shown, in milliseconds of the film.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Span {
    pub(super) start_ms: f64,
    /// `None` if nothing ends it.
    pub(super) end_ms: Option<f64>,
    /// Where the next element within it begins, if they come one after the other.
    pub(super) next_ms: Option<f64>,
}

impl Span {
    /// Goes on behind an element within it.
    pub(super) fn pass(&mut self, inner: &Self) {
        self.next_ms = self.next_ms.map(|next_ms| inner.end_ms.unwrap_or(next_ms));
    }
}

impl Clock {
    /// What the attributes of a document say.
    pub(super) fn of<'a>(attribute: impl Fn(&str) -> Option<&'a str>) -> Result<Self, String> {
        let rate = |name: &str| match attribute(name).map(|text| number(text.trim(), 9)) {
            None => Ok(None),
            Some(Some(rate @ 1..)) => Ok(Some(rate as f64)),
            Some(_) => Err(format!("{name} is no number of frames or ticks a second")),
        };
        if attribute("timeBase") == Some("clock") {
            return Err("times of day are not understood: timeBase has to be media".into());
        }
        let multiplier = attribute("frameRateMultiplier").map_or(Some(1.0), |text| {
            let (num, den) = text.trim().split_once([' ', ':'])?;
            match (number(num, 9)?, number(den.trim(), 9)?) {
                (num @ 1.., den @ 1..) => Some(num as f64 / den as f64),
                _ => None,
            }
        });
        let multiplier = multiplier.ok_or("frameRateMultiplier is no fraction such as 1000 1001")?;
        let frame_rate = rate("frameRate")?;
        let frames_per_second = frame_rate.unwrap_or(FRAME_RATE) * multiplier;
        // TTML2 section 7.2.13.
        let ticks_per_second = rate("tickRate")?.unwrap_or(frame_rate.map_or(1.0, |_| frames_per_second));
        Ok(Self { frames_per_second, ticks_per_second })
    }

    /// When an element is shown that is `within` another.
    pub(super) fn span<'a>(&self, within: Span, attribute: impl Fn(&str) -> Option<&'a str>) -> Result<Span, String> {
        let ms = |name: &str| match attribute(name) {
            None => Ok(None),
            Some(text) => {
                let ms = self.ms(text.trim()).filter(|ms| *ms <= TIME_MS_MAX as f64);
                ms.map(Some).ok_or_else(|| format!("{name} is not a time: {}", text.chars().take(40).collect::<String>()))
            }
        };
        let base_ms = within.next_ms.unwrap_or(within.start_ms);
        let start_ms = base_ms + ms("begin")?.unwrap_or(0.0);
        let ends = [ms("end")?.map(|end_ms| base_ms + end_ms), ms("dur")?.map(|length_ms| start_ms + length_ms)];
        let least = |one: Option<f64>, other: Option<f64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            _ => one.or(other),
        };
        let own_ms = least(ends[0], ends[1]);
        if own_ms.is_some_and(|end_ms| end_ms < start_ms) {
            return Err("the cue ends before it begins".into());
        }
        if own_ms.is_some_and(|end_ms| end_ms <= start_ms) {
            return Err("the cue ends when it begins: nobody would see it".into());
        }
        let next_ms = (attribute("timeContainer") == Some("seq")).then_some(start_ms);
        Ok(Span { start_ms, end_ms: least(own_ms, within.end_ms), next_ms })
    }

    /// A time: `hh:mm:ss`, with a fraction or frames, or a number and its unit (TTML2 section 12.3.1).
    fn ms(&self, text: &str) -> Option<f64> {
        if let Some((hours, rest)) = text.split_once(':') {
            let (minutes, rest) = rest.split_once(':')?;
            let (seconds, frames) = rest.split_once(':').map_or((rest, None), |(seconds, frames)| (seconds, Some(frames)));
            let frames = match frames {
                // Parts of frames are too short to matter.
                Some(frames) => number(frames.split('.').next()?, 4)? as f64,
                None => 0.0,
            };
            let (hours, minutes, seconds) = (number(hours, 4)? as f64, number(minutes, 2)?, decimal(seconds)?);
            let is_clock = minutes < 60 && seconds < 60.0 && frames < self.frames_per_second.ceil();
            let ms = ((hours * 60.0 + minutes as f64) * 60.0 + seconds + frames / self.frames_per_second) * 1000.0;
            return is_clock.then_some(ms);
        }
        let (value, unit) = text.split_at(text.find(|character: char| character.is_ascii_alphabetic())?);
        let ms = match unit {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            "f" => 1000.0 / self.frames_per_second,
            "t" => 1000.0 / self.ticks_per_second,
            _ => return None,
        };
        Some(decimal(value)? * ms)
    }
}

/// `12` or `12.5`.
fn decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = number(whole, DIGITS_MAX).is_some() && number(fraction, DIGITS_MAX).is_some();
    if is_number { text.parse().ok() } else { None }
}
