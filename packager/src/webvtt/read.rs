//! Reading segments back, strictly: what this refuses a player may show wrongly or not at all.

use super::Cue;
use crate::malformed;
use marquee_core::Result;

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Whether it says how its times are those of the title: that they are.
    pub maps_to_zero: bool,
    /// In the order of the file.
    pub cues: Vec<Cue>,
}

/// Reads a WebVTT file.
///
/// # Errors
/// `malformed_media`, naming the line and what is wrong there.
pub fn read(bytes: &[u8]) -> Result<Document> {
    let text = std::str::from_utf8(bytes).map_err(|error| malformed(format!("text that is no UTF-8: {error}")))?;
    let mut lines = (1..).zip(text.lines());
    if lines.next().is_none_or(|(_, first)| first != "WEBVTT") {
        return Err(malformed("line 1: a text segment begins with WEBVTT"));
    }
    let header = lines.by_ref().map(|(_, line)| line).take_while(|line| !line.is_empty());
    let maps_to_zero = header.collect::<Vec<_>>() == ["X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0"];
    let mut cues = Vec::new();
    while let Some((number, line)) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (start_ms, end_ms, settings) =
            timing(line).ok_or_else(|| malformed(format!("line {number}: this is not the time of a cue")))?;
        let words: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| !line.is_empty()).collect();
        let text = words.join("\n");
        if start_ms >= end_ms || text.is_empty() || text.contains("-->") {
            return Err(malformed(format!("line {number}: a cue without words or time")));
        }
        cues.push(Cue { start_ms, end_ms, settings: settings.to_owned(), text });
    }
    Ok(Document { maps_to_zero, cues })
}

/// `hh:mm:ss.mmm --> hh:mm:ss.mmm settings`
fn timing(line: &str) -> Option<(u64, u64, &str)> {
    let (start, rest) = line.split_once(" --> ")?;
    let (end, settings) = rest.split_once(' ').unwrap_or((rest, ""));
    Some((ms(start)?, ms(end)?, settings))
}

fn ms(clock: &str) -> Option<u64> {
    let (whole, thousandths) = clock.split_once('.')?;
    let mut parts = whole.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let lengths = hours.len() >= 2 && [minutes, seconds].iter().all(|part| part.len() == 2) && thousandths.len() == 3;
    let number = |text: &str| if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse::<u64>().ok() } else { None };
    let (hours, minutes, seconds, thousandths) = (number(hours)?, number(minutes)?, number(seconds)?, number(thousandths)?);
    let exact = lengths && parts.next().is_none() && minutes < 60 && seconds < 60 && hours < 1 << 32;
    exact.then(|| ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths)
}
