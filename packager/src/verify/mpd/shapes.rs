//! The form of pictures as a manifest has it, and what the representations of a set have in common.

use super::{MANIFEST, Report, name};
use crate::verify::{entry::Media, init::Init, track::Track};
use dash_mpd_core::{AdaptationSet, Representation};

/// Times that are equal.
const EQUAL_S: f64 = 0.0005;
/// Pixels by which a side may be off for its size to be even.
const EVEN: u64 = 2;

/// A representation that is a track of HLS too.
pub(super) struct Member<'a> {
    pub(super) track: &'a Track,
    /// Start and length of each of its segments; none of a file that an index tells apart.
    pub(super) times: Vec<(f64, f64)>,
}

/// The form of a pixel is that of the init segment, and with it pictures are of the form of their set.
pub(super) fn check(report: &mut Report, init: &Init, set: &AdaptationSet, representation: &Representation) {
    let Media::Video { width, height, shown_width, .. } = init.entry.media else { return };
    let id = name(representation);
    let sar = representation.sar.as_deref().or(set.sar.as_deref());
    let said = sar.and_then(ratio).map(|(across, down)| u64::from(width) * across / down);
    report.must(said.is_none_or(|said| said.abs_diff(shown_width.into()) <= 1), "23009-1 5.3.7.2", MANIFEST, || {
        format!("{id} is {width} wide and shown {shown_width} wide, listed with the sar {:?}", sar.unwrap_or_default())
    });
    let par = set.par.as_deref();
    let fits = |(across, down): (u64, u64)| {
        let (width, height) = (u64::from(shown_width), u64::from(height));
        (width * down).abs_diff(height * across) <= EVEN * (across + down)
    };
    report.must(par.and_then(ratio).is_none_or(fits), "23009-1 5.3.3.2", MANIFEST, || {
        format!("{id} is shown in {shown_width}x{height}, its set has the par {:?}", par.unwrap_or_default())
    });
}

/// A ratio of numbers that can be pixels.
fn ratio(text: &str) -> Option<(u64, u64)> {
    let (across, down) = text.split_once(':')?;
    let (across, down): (u16, u16) = (across.parse().ok()?, down.parse().ok()?);
    (across > 0 && down > 0).then_some((across.into(), down.into()))
}

/// Players change from one representation to another at any segment.
pub(super) fn across(report: &mut Report, set: &AdaptationSet, members: &[Member<'_>]) {
    let Some((first, others)) = members.split_first() else { return };
    let same = |(a, b): (&(f64, f64), &(f64, f64))| (a.0 - b.0).abs() <= EQUAL_S && (a.1 - b.1).abs() <= EQUAL_S;
    let colour = |member: &Member<'_>| match member.track.init.as_ref().map(|init| init.entry.media) {
        Some(Media::Video { colour, .. }) => colour,
        _ => None,
    };
    for other in others {
        let listed = !first.times.is_empty() && !other.times.is_empty();
        let aligned = !listed || first.times.len() == other.times.len() && std::iter::zip(&first.times, &other.times).all(same);
        let promised = set.segmentAlignment == Some(true) || set.subsegmentAlignment == Some(true);
        report.must(aligned || !promised, "DASH-IF IOP", MANIFEST, || {
            format!("{} and {} are in one set, and their segments have other times", first.track.path(), other.track.path())
        });
        let (ours, theirs) = (colour(first), colour(other));
        report.must(ours.zip(theirs).is_none_or(|(ours, theirs)| ours == theirs), "DASH-IF IOP", MANIFEST, || {
            format!(
                "{} and {} are in one set and have the colours {ours:?} and {theirs:?}",
                first.track.path(),
                other.track.path()
            )
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::entry::Entry;

    /// A track of pictures with such primaries, transfer function and matrix.
    fn track(primaries: u16) -> Track {
        let media = Media::Video { width: 960, height: 540, shown_width: 960, colour: Some((primaries, 1, 1)) };
        Track { init: Some(Init { entry: Entry { media, ..Entry::default() }, ..Init::default() }), ..Track::default() }
    }

    #[test]
    fn representations_of_a_set_have_the_same_times_and_colours() {
        let (bright, other) = (track(1), track(9));
        let found = |track, times: &[(f64, f64)]| {
            let set = AdaptationSet { segmentAlignment: Some(true), ..AdaptationSet::default() };
            let first = Member { track: &bright, times: vec![(0.0, 6.0), (6.0, 4.0)] };
            let mut report = Report::default();
            across(&mut report, &set, &[first, Member { track, times: times.to_vec() }]);
            report.verdict(false).errors
        };
        assert_eq!(found(&bright, &[(0.0, 6.0), (6.0, 4.0)]), 0);
        assert_eq!(found(&other, &[(0.0, 6.0), (6.0, 4.0)]), 1, "other colours");
        assert_eq!(found(&bright, &[(0.0, 5.0), (5.0, 5.0)]), 1, "other times");
        assert_eq!(found(&bright, &[(0.0, 6.0)]), 1, "fewer segments");
    }
}
