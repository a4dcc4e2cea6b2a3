//! Rules that hold between the rungs of a title, whatever their codecs: players switch at any segment.

use super::Report;
use crate::{
    hls,
    model::{Iframe, Media, Segment, Track},
};
use marquee_core::plan::Codec;

pub(super) fn check(report: &mut Report, videos: &[&Track]) {
    let Some((first, others)) = videos.split_first() else { return };
    let has_h264 = videos.iter().any(|track| hls::codec(track) == Codec::H264);
    report.should(has_h264, "HLS-AUTH 1.12", || "no rung is H.264, which all devices play".to_owned());
    for track in others {
        let (id, reference) = (&track.rendition.id, &first.rendition.id);
        let same_clock = track.rendition.timescale == first.rendition.timescale;
        report.must(same_clock, "CMAF 7.3.4", || format!("{id} and {reference} have different timescales"));
        let same_edit = track.rendition.edit_ticks == first.rendition.edit_ticks;
        report.must(same_edit, "CMAF 7.3.4", || format!("{id} and {reference} have different edits"));
        report.must(track.segments.len() == first.segments.len(), "HLS-AUTH 8.7", || {
            format!("{id} has {} segments, {reference} has {}", track.segments.len(), first.segments.len())
        });
        // The first difference says it all: what follows is shifted.
        let pairs = std::iter::zip(&track.segments, &first.segments);
        if let Some((segment, _)) = pairs.into_iter().find(|(ours, theirs)| grid(ours) != grid(theirs)) {
            let message = || format!("{id} segment {} does not have the times of {reference}'s", segment.number);
            report.must(false, "CMAF 7.3.4", message);
        }
        report.should(same_shape(first, track), "HLS-AUTH 1.33", || format!("{id} and {reference} have different shapes"));
    }
}

/// When the segment and its keyframes are shown.
fn grid(segment: &Segment) -> (u64, u64, Vec<u64>) {
    let keyframes = segment.iframes.iter().map(|frame: &Iframe| frame.start_ticks).collect();
    (segment.start_ticks, segment.duration_ticks, keyframes)
}

/// Equal aspect ratios, when each side may be off by one from rounding to even numbers.
fn same_shape(a: &Track, b: &Track) -> bool {
    let (Media::Video { width: aw, height: ah, .. }, Media::Video { width: bw, height: bh, .. }) =
        (&a.rendition.media, &b.rendition.media)
    else {
        return false;
    };
    let [aw, ah, bw, bh] = [*aw, *ah, *bw, *bh].map(u64::from);
    (aw * bh).abs_diff(bw * ah) <= aw + ah + bw + bh
}
