//! Rules about bit rates.

use super::Report;
use crate::{
    bitrate::Bitrate,
    hls,
    model::{Media, Presentation, Track},
};

pub(super) fn check(report: &mut Report, presentation: &Presentation) {
    let target_duration_s = hls::target_duration_s(presentation);
    // Words come when they come, and cost next to nothing.
    let has_rate = |track: &&Track| !matches!(track.rendition.media, Media::Text { .. });
    for track in presentation.tracks.iter().filter(has_rate) {
        let rendition = &track.rendition;
        let id = &rendition.id;
        let Bitrate { peak_bps, average_bps } = Bitrate::of_track(track, target_duration_s);
        report.should(peak_bps <= average_bps.saturating_mul(2), "HLS-AUTH 1.30", || {
            format!("{id} peaks at {peak_bps} b/s, more than twice its average of {average_bps}")
        });
        // What growing playlists declared is held to the rule for live ones. An encoder's buffer may be emptied once: in a
        // title shorter than one segment that says nothing of its rate.
        let length_ticks = track.segments.last().map_or(0, |last| last.start_ticks.saturating_add(last.duration_ticks));
        let short = length_ticks < target_duration_s.saturating_mul(rendition.timescale.into());
        let declared_bps = u64::from(rendition.max_bitrate_bps);
        report.should(short || peak_bps.saturating_mul(4) <= declared_bps.saturating_mul(5), "HLS-AUTH 1.29", || {
            format!("{id} peaks at {peak_bps} b/s and was declared as {declared_bps}")
        });
    }
}
