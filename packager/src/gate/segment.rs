//! Rules about a stored media segment.

use super::{Finding, Report, text};
use crate::{
    cmaf::{
        self,
        read::{self, Fragment},
    },
    codec::Codec,
    malformed,
    model::{Iframe, Media, Rendition, Segment},
};
use marquee_core::{Result, plan};

/// What the ledger should say of a stored segment, from its bytes: an attempt that finds the object there adopts it.
///
/// # Errors
/// `malformed_media` if the bytes are not a segment whose fragments follow each other.
pub fn read_segment(rendition: &Rendition, number: u32, bytes: &[u8]) -> Result<Segment> {
    let fragments = read::segment(bytes)?;
    let mut next_ticks = fragments.first().map_or(0, |first| first.decode_ticks);
    for fragment in &fragments {
        if fragment.decode_ticks != next_ticks {
            return Err(malformed(format!("a fragment starts at {} instead of {next_ticks}", fragment.decode_ticks)));
        }
        next_ticks = next_ticks.checked_add(fragment.duration_ticks()).ok_or_else(|| malformed("times overflow"))?;
    }
    let first_ticks = presentation_ticks(rendition, &fragments[0]).next().unwrap_or(0);
    let duration_ticks = i128::from(next_ticks) - i128::from(fragments[0].decode_ticks);
    // What lies before the title, an audio encoder's priming, is not shown.
    let tick = |ticks: i128| u64::try_from(ticks.max(0)).map_err(malformed);
    let (start_ticks, end_ticks) = (tick(first_ticks)?, tick(first_ticks + duration_ticks)?);
    let iframes = match rendition.media {
        Media::Video { .. } => fragments.iter().map(|fragment| iframe(rendition, fragment)).collect::<Result<_>>()?,
        Media::Audio { .. } | Media::Text { .. } => Vec::new(),
    };
    Ok(Segment { number, start_ticks, duration_ticks: end_ticks - start_ticks, size_bytes: bytes.len() as u64, iframes })
}

/// From the fragment's `moof` to the end of its first sample.
fn iframe(rendition: &Rendition, fragment: &Fragment) -> Result<Iframe> {
    let (first, shown) = std::iter::zip(&fragment.samples, presentation_ticks(rendition, fragment))
        .next()
        .filter(|(first, _)| first.keyframe)
        .ok_or_else(|| malformed("a fragment does not start with a keyframe"))?;
    let end_bytes = first.offset_bytes + u64::from(first.size_bytes);
    Ok(Iframe {
        start_ticks: shown.try_into().map_err(malformed)?,
        offset_bytes: fragment.offset_bytes,
        size_bytes: end_bytes.checked_sub(fragment.offset_bytes).ok_or_else(|| malformed("data lies before its header"))?,
    })
}

/// When the samples are shown, in coding order: the media times less the track's edit.
fn presentation_ticks(rendition: &Rendition, fragment: &Fragment) -> impl Iterator<Item = i128> {
    let edit_ticks = i128::from(rendition.edit_ticks);
    fragment.media_ticks().map(move |ticks| ticks - edit_ticks)
}

/// Checks the bytes of a segment against what the ledger says of it.
#[must_use]
pub fn check_segment(rendition: &Rendition, segment: &Segment, bytes: &[u8]) -> Vec<Finding> {
    let name = format!("{} segment {}", rendition.id, segment.number);
    if matches!(rendition.media, Media::Text { .. }) {
        return text::check_segment(&name, rendition.timescale, segment, bytes);
    }
    let mut report = Report::default();
    report.must(bytes.len() as u64 == segment.size_bytes, "RFC 8216 4.1", || {
        format!("{name} has {} bytes, listed with {}", bytes.len(), segment.size_bytes)
    });
    let brands = read::segment_brands(bytes).unwrap_or_default();
    report.should([b"msdh", b"cmfc"].into_iter().all(|brand| brands.contains(brand)), "CMAF 7.3.3.1", || {
        format!("{name} does not say that it is a CMAF segment")
    });
    let stored = read_segment(rendition, segment.number, bytes).and_then(|stored| Ok((stored, read::segment(bytes)?)));
    let (stored, fragments) = match stored {
        Ok(read) => read,
        Err(error) => {
            report.must(false, "CMAF 7.3.2", || format!("{name}: {}", error.detail()));
            return report.0;
        }
    };
    report.must(stored.start_ticks == segment.start_ticks, "HLS-AUTH 7.3", || {
        format!("{name} starts at {}, listed at {}", stored.start_ticks, segment.start_ticks)
    });
    report.must(stored.duration_ticks == segment.duration_ticks, "HLS-AUTH 8.1", || {
        format!("{name} lasts {} ticks, listed with {}", stored.duration_ticks, segment.duration_ticks)
    });
    report.must(stored.iframes == segment.iframes, "HLS-AUTH 6.10", || {
        format!("{name} has its I-frames at {:?}, listed at {:?}", stored.iframes, segment.iframes)
    });
    if matches!(rendition.media, Media::Video { .. }) {
        let shown = fragments.iter().flat_map(|fragment| presentation_ticks(rendition, fragment)).collect();
        timing(&mut report, &name, &stored, shown);
        // Of a codec that nobody knows, the rules of tracks say that it is unknown.
        let codec = rendition.codec.parse::<Codec>().ok().and_then(Codec::of_picture).unwrap_or_default();
        pictures(&mut report, &name, codec, &fragments, bytes);
    }
    report.0
}

/// A picture is shown from the first tick on, one at a time, none after the end.
fn timing(report: &mut Report, name: &str, stored: &Segment, mut shown: Vec<i128>) {
    shown.sort_unstable();
    let end_ticks = i128::from(stored.start_ticks) + i128::from(stored.duration_ticks);
    let whole = shown.first() == Some(&stored.start_ticks.into()) && shown.last().is_some_and(|last| *last < end_ticks);
    report.must(whole, "HLS-AUTH 7.1", || format!("{name} shows pictures outside its own time"));
    report.must(shown.windows(2).all(|pair| pair[0] < pair[1]), "HLS-AUTH 7.1", || format!("{name} shows two pictures at once"));
}

/// Every fragment starts with a picture that needs no other, whose configuration is in the init segment.
fn pictures(report: &mut Report, name: &str, codec: plan::Codec, fragments: &[Fragment], bytes: &[u8]) {
    for fragment in fragments {
        let first = fragment.samples.first().map(|sample| sample.of(bytes)).unwrap_or_default();
        let offset = fragment.offset_bytes;
        let starts = cmaf::is_keyframe(codec, first).unwrap_or(false);
        report.must(starts, "HLS-AUTH 7.4", || format!("{name} has no picture that needs no other at {offset}"));
        let repeats = cmaf::has_what_is_elsewhere(codec, first).unwrap_or(false);
        report.should(!repeats, "HLS-AUTH 1.10", || format!("{name} repeats what is elsewhere at {offset}"));
    }
}
